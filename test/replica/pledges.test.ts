import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../lib/errors.js';
import { TUNING_DEFAULT } from '../../lib/replica/options.js';
import { Pledges } from '../../lib/replica/pledges.js';
import { Outcome, type Requester, type Service } from '../../lib/replica/service.js';

it('resolves with results that stay as they were when the buffer they came in is used again', async () => {
  // As the executor does: every result in one and the same Buffer, one after the other in a turn.
  const buffer = Buffer.alloc(5);
  const service: Service = {
    submit(requester, first, count, bytes) {
      buffer.writeUInt32LE(1);
      buffer[4] = bytes[4]!;
      requester.outcome(first, count, Outcome.done, buffer, 0, 5);
      return true;
    },
    query: () => true,
    abandon() {},
    flush() {},
  };
  const pledges = new Pledges(service, TUNING_DEFAULT);
  const results = await Promise.all(['a', 'b', 'c'].map((text) => pledges.propose(Buffer.from(text))));
  expect(results.map((bytes) => Buffer.from(bytes).toString())).toEqual(['a', 'b', 'c']);
});

const LIMITS = {
  commandBytesMax: 100,
  leaderWaitMs: 50,
  requestTimeoutMs: 200,
  waitingBytesMax: 2 * 256 + 8,
};

interface Taken {
  readonly requester: Requester;
  readonly kind: 'submit' | 'query';
  readonly number: number;
  readonly text: string;
  readonly deadlineMs: number | undefined;
}

/** A service that remembers what it takes, has room or not, and answers when it is told to. */
class Desk implements Service {
  readonly taken: Taken[] = [];
  flushes = 0;
  room = Number.POSITIVE_INFINITY;
  error: Error | undefined;

  private take(kind: 'submit' | 'query', requester: Requester, number: number, body: Uint8Array): boolean {
    if (this.error !== undefined) throw this.error;
    if (this.room <= 0) return false;
    this.room--;
    const buffer = Buffer.from(body);
    expect(buffer.readUInt32LE(0)).toBe(body.length - 4);
    const { deadlineMs } = requester as { deadlineMs?: number };
    this.taken.push({ requester, kind, number, text: buffer.toString('utf8', 4), deadlineMs });
    return true;
  }
  submit(requester: Requester, first: number, count: number, bytes: Uint8Array, start: number, end: number) {
    expect([count, start, end]).toEqual([1, 0, bytes.length]);
    return this.take('submit', requester, first, bytes);
  }
  query(requester: Requester, first: number, count: number, bytes: Uint8Array, start: number, end: number) {
    expect([count, start, end]).toEqual([1, 0, bytes.length]);
    return this.take('query', requester, first, bytes);
  }
  abandon(): void {}
  flush(): void {
    this.flushes++;
  }
  /** Tells what was taken at `at` an outcome without results. */
  tell(at: number, outcome: Outcome): void {
    const { requester, number } = this.taken[at]!;
    requester.outcome(number, 1, outcome, new Uint8Array(0), 0, 0);
  }
}

/** What became of a promise by now: 'waiting', its result as text, or the code of its error. */
async function stateOf(promise: Promise<Uint8Array>): Promise<string> {
  return await Promise.race([
    promise.then(
      (result) => Buffer.from(result).toString(),
      (error: { code: string }) => error.code,
    ),
    new Promise<string>((resolve) => setImmediate(() => resolve('waiting'))),
  ]);
}

const textsOf = ({ taken }: Desk) => taken.map(({ text }) => text);

function begun(): { desk: Desk; pledges: Pledges; ask(text: string): Promise<Uint8Array> } {
  const desk = new Desk();
  const pledges = new Pledges(desk, LIMITS);
  const ask = (text: string): Promise<Uint8Array> => {
    const promise = pledges.propose(Buffer.from(text));
    promise.catch(() => {});
    return promise;
  };
  return { desk, pledges, ask };
}

describe('pledges', () => {
  it('are placed at once, each by its kind and with a number of its own, and flushed', async () => {
    const { desk, pledges, ask } = begun();
    const [a, b] = [ask('a'), ask('b')];
    const q = pledges.read(Buffer.from('q'));
    expect(desk.taken.map(({ kind, text }) => kind + text)).toEqual(['submita', 'submitb', 'queryq']);
    expect([desk.flushes, desk.taken[0]!.deadlineMs]).toEqual([3, Number.POSITIVE_INFINITY]);
    const results = Buffer.from('0300000062656500000000', 'hex');
    // Results of two requests in one call, from within others' bytes.
    desk.taken[0]!.requester.outcome(1, 2, Outcome.done, Buffer.concat([results, results]), 0, 11);
    const query = desk.taken[2]!;
    query.requester.outcome(query.number, 1, Outcome.done, Buffer.concat([results, results]), 11, 18);
    const texts = [await a, await b, await q].map((bytes) => Buffer.from(bytes).toString());
    expect(texts).toEqual(['bee', '', 'bee']);
  });

  it('fail with the code of what became of them', async () => {
    const { desk, ask } = begun();
    for (const [outcome, code] of [
      [Outcome.failed, ErrorCode.stateMachine],
      [Outcome.unknown, ErrorCode.unknown],
      [Outcome.declined, ErrorCode.notExecuted],
      [Outcome.notExecuted, ErrorCode.notExecuted],
    ] as const) {
      const promise = ask('a');
      desk.tell(desk.taken.length - 1, outcome);
      expect(await stateOf(promise)).toBe(code);
      desk.tell(desk.taken.length - 1, outcome);
    }
  });

  it('are refused if they are no bytes, or too many', async () => {
    const { desk, pledges } = begun();
    await expect(pledges.propose('a' as unknown as Uint8Array)).rejects.toThrow(
      expect.objectContaining({ code: ErrorCode.argument }),
    );
    await expect(pledges.read(new Uint8Array(101))).rejects.toThrow(
      expect.objectContaining({ code: ErrorCode.commandTooLarge }),
    );
    expect(desk.taken).toEqual([]);
    void pledges.propose(new Uint8Array(100));
    expect(desk.taken).toHaveLength(1);
  });

  it('wait for room in order, behind those that wait already, and are placed when there is some', async () => {
    const { desk, ask } = begun();
    desk.room = 1;
    const promises = ['a', 'b', 'c'].map(ask);
    expect(textsOf(desk)).toEqual(['a']);
    const { requester } = desk.taken[0]!;
    desk.room = 1;
    requester.drain();
    expect(textsOf(desk)).toEqual(['a', 'b']);
    requester.drain();
    desk.room = 5;
    const last = ask('d');
    expect(textsOf(desk), 'it does not overtake').toEqual(['a', 'b']);
    requester.drain();
    expect(textsOf(desk)).toEqual(['a', 'b', 'c', 'd']);
    for (let at = 0; at < 4; at++) desk.tell(at, Outcome.unknown);
    for (const promise of [...promises, last]) expect(await stateOf(promise)).toBe(ErrorCode.unknown);
    ask('e');
    expect(textsOf(desk)).toHaveLength(5);
  });

  it('that wait are bounded in bytes, but for the first; what leaves makes room', async () => {
    const { desk, ask } = begun();
    desk.room = 1;
    ask('first');
    const { requester } = desk.taken[0]!;
    const large = ask('x'.repeat(100));
    expect(await stateOf(ask('y'.repeat(100)))).toBe(ErrorCode.notExecuted);
    desk.room = 1;
    requester.drain();
    const [a, b] = [ask('aaaa'), ask('bbbb')];
    expect(await stateOf(ask(''))).toBe(ErrorCode.notExecuted);
    expect((await stateOf(a)) + (await stateOf(b)) + (await stateOf(large))).toBe('waitingwaitingwaiting');
    desk.room = 1;
    requester.drain();
    expect(await stateOf(ask('cccc'))).toBe('waiting');
    expect(await stateOf(ask('d'))).toBe(ErrorCode.notExecuted);
  });

  it('take and give back the same room, however often', async () => {
    const { desk, ask, pledges } = begun();
    for (let times = 0; times < 100; times++) {
      desk.room = 0;
      ask('a');
      ask('b');
      expect(await stateOf(ask('c'))).toBe(ErrorCode.notExecuted);
      desk.room = 2;
      pledges.stop();
    }
    const small = new Pledges(desk, { ...LIMITS, waitingBytesMax: 10 });
    desk.room = 0;
    const first = small.propose(Buffer.from('more than the bound'));
    expect(await stateOf(first), 'the first one always has room').toBe('waiting');
  });

  it('wait for no longer than their time, counted from the first tick that found them', async () => {
    const { desk, pledges, ask } = begun();
    desk.room = 0;
    const early = ask('a');
    pledges.tick(1000);
    const late = ask('b');
    pledges.tick(1100);
    pledges.tick(1199);
    expect(await stateOf(early)).toBe('waiting');
    pledges.tick(1200);
    expect([await stateOf(early), await stateOf(late)]).toEqual([ErrorCode.notExecuted, 'waiting']);
    pledges.tick(1299);
    expect(await stateOf(late)).toBe('waiting');
    pledges.tick(1300);
    expect(await stateOf(late)).toBe(ErrorCode.notExecuted);
    desk.room = 1;
    ask('c');
    expect(textsOf(desk)).toEqual(['c']);
  });

  it('that waited have less time left, and those behind them their own', async () => {
    const { desk, pledges, ask } = begun();
    desk.room = 0;
    ask('a');
    pledges.tick(1000);
    ask('b');
    desk.room = 3;
    const query = pledges.read(Buffer.from('q'));
    query.catch(() => {});
    desk.taken[0]!.requester.drain();
    expect(desk.taken.map(({ text }) => text)).toEqual(['q']);
    pledges.stop();
    expect(desk.taken.map(({ text, deadlineMs }) => [text, deadlineMs])).toEqual([
      ['q', Number.POSITIVE_INFINITY],
      ['a', 1200],
      ['b', Number.POSITIVE_INFINITY],
    ]);
  });

  it('of a service that throws fail with its error, those that wait as well', async () => {
    const { desk, pledges, ask } = begun();
    desk.room = 0;
    const waiting = ask('a');
    const query = pledges.read(Buffer.from('q'));
    const closed = Object.assign(new Error('closed'), { code: 'CLOSED' });
    desk.error = closed;
    expect(await stateOf(ask('b'))).toBe('waiting');
    pledges.stop();
    expect(await stateOf(waiting)).toBe('CLOSED');
    expect(await stateOf(query)).toBe('CLOSED');
    expect(await stateOf(ask('c'))).toBe('CLOSED');
    desk.error = undefined;
    desk.room = 1;
    const again = ask('d');
    desk.tell(0, Outcome.unknown);
    expect(await stateOf(again)).toBe(ErrorCode.unknown);
  });
});

describe('a pledge that is given up', () => {
  const refused = (code: string, reason: Error) => expect.objectContaining({ code, cause: reason }) as Error;
  const reason = new Error('enough');

  it('is unknown as a command that was taken, and not executed as a query', async () => {
    const { desk, pledges } = begun();
    const controller = new AbortController();
    const command = pledges.propose(Buffer.from('c'), controller.signal);
    const query = pledges.read(Buffer.from('q'), controller.signal);
    controller.abort(reason);
    await expect(command).rejects.toEqual(refused(ErrorCode.unknown, reason));
    await expect(query).rejects.toEqual(refused(ErrorCode.notExecuted, reason));
    const { requester, number } = desk.taken[0]!;
    requester.outcome(number, 1, Outcome.done, Buffer.alloc(4), 0, 4);
  });

  it('leaves the room that it waited for, and is never placed', async () => {
    const { desk, pledges, ask } = begun();
    desk.room = 0;
    const controller = new AbortController();
    const waiting = pledges.propose(Buffer.from('w'), controller.signal);
    ask('next');
    controller.abort(reason);
    await expect(waiting).rejects.toEqual(refused(ErrorCode.notExecuted, reason));
    desk.room = 9;
    pledges.stop();
    expect(textsOf(desk)).toEqual(['next']);
  });

  it('gives its room to others, and takes nobody else with it', async () => {
    const { desk, pledges, ask } = begun();
    desk.room = 0;
    const first = ask('a');
    const controller = new AbortController();
    const given = pledges.propose(Buffer.from('b'), controller.signal);
    expect(await stateOf(ask('c')), 'there is room for two').toBe(ErrorCode.notExecuted);
    controller.abort(reason);
    await expect(given).rejects.toEqual(refused(ErrorCode.notExecuted, reason));
    expect(await stateOf(first)).toBe('waiting');
    const last = ask('d');
    expect(await stateOf(last)).toBe('waiting');
    expect(await stateOf(ask('e'))).toBe(ErrorCode.notExecuted);
    desk.room = 9;
    pledges.stop();
    expect(textsOf(desk)).toEqual(['a', 'd']);
  });

  it('is forgotten by its signal once it has an outcome, whichever', async () => {
    const { desk, pledges } = begun();
    const { signal } = new AbortController();
    const promises = ['a', 'b'].map((text) => pledges.propose(Buffer.from(text), signal));
    expect(getEventListeners(signal, 'abort')).toHaveLength(2);
    desk.tell(0, Outcome.unknown);
    const { requester, number } = desk.taken[1]!;
    requester.outcome(number, 1, Outcome.done, Buffer.alloc(4), 0, 4);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    await expect(promises[0]).rejects.toThrow(expect.objectContaining({ code: ErrorCode.unknown }));
    expect(await promises[1]).toHaveLength(0);
    requester.outcome(number, 1, Outcome.done, Buffer.alloc(4), 0, 4);
  });

  it('is not even begun where the signal came first', async () => {
    const { desk, pledges } = begun();
    await expect(pledges.propose(Buffer.from('c'), AbortSignal.abort(reason))).rejects.toEqual(
      refused(ErrorCode.notExecuted, reason),
    );
    expect(desk.taken).toEqual([]);
  });
});
