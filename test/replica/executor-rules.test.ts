/** What the executor tells whom when a state machine throws, promises or foresees, and when time passes. */
import { beforeEach, describe, expect, it } from 'vitest';
import { BATCH_HEADER_BYTES, commandLength, writeBatchHeader } from '../../lib/replica/batch.js';
import { RESULTS_BYTES_MAX, ResultBuffer } from '../../lib/replica/cursor.js';
import { Executor as Real } from '../../lib/replica/executor.js';
import type { RequestRun } from '../../lib/replica/runs.js';
import { Outcome, type Requester } from '../../lib/replica/service.js';
import { writeSkipRecord } from '../../lib/replica/skip-record.js';
import type { CommandView, ResultWriter, StateMachine } from '../../lib/replica/state-machine.js';
import { type Ballot, type Batch, BatchKind, type Digest } from '../../lib/types.js';

const { done, notExecuted, skipped, unknown } = Outcome;
const NEVER = Number.POSITIVE_INFINITY;
const MACHINE_ERROR = expect.objectContaining({ code: 'ERR_INDELIBLE_STATE_MACHINE' });

let sequence = 0;

function batchOf(texts: readonly string[], timeMs = 1, ballot = 65537): Batch {
  const body = texts.flatMap((text) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    return [length, Buffer.from(text)];
  });
  const bytes = Buffer.concat([Buffer.alloc(BATCH_HEADER_BYTES), ...body]);
  sequence++;
  writeBatchHeader(bytes, { count: texts.length, timeMs, ballot: ballot as Ballot, sequence });
  return { kind: BatchKind.commands, digest: sequence as Digest, bytes };
}

/** Looks at each slot just before it is applied, and throws what halts it. */
class Executor extends Real {
  override apply(slot: number, batch: Batch): void {
    if (slot === this.skips.seenThrough + 1) this.skips.see(slot, batch, this.appliedThrough);
    super.apply(slot, batch);
    if (this.halt !== undefined) throw this.halt.error;
  }
}

/** Does what its commands say: throw, promise, write much, or answer with themselves. */
class Puppet implements StateMachine {
  readonly foreseen: [first: string, count: number][] = [];
  resultsEndMax = 0;
  execute(command: CommandView, result: ResultWriter): void {
    this.resultsEndMax = Math.max(this.resultsEndMax, (result as ResultBuffer).end);
    const text = command.text();
    if (text === 'throw') throw new Error('on purpose');
    if (text === 'promise') return Promise.resolve() as unknown as void;
    if (text === 'large') result.reserve(400 << 10);
    else result.writeText(`${text}!`);
  }
  query(command: CommandView, result: ResultWriter): boolean {
    result.writeText('half an answer');
    if (command.text() === 'throw') throw new Error('on purpose');
    return command.text() !== 'no';
  }
  checkpoint(): Iterable<Uint8Array> {
    return [];
  }
  restore(): void {}
}

class Asker implements Requester {
  readonly heard: [first: number, count: number, outcome: number][] = [];
  outcome(first: number, count: number, outcome: Outcome): void {
    this.heard.push([first, count, outcome]);
  }
  drain(): void {}
}

let machine: Puppet;
let executor: Executor;
let a: Asker;
let b: Asker;
let c: Asker;

beforeEach(() => {
  machine = new Puppet();
  executor = new Executor(machine, { through: 0, timeMs: 0 });
  [a, b, c] = [new Asker(), new Asker(), new Asker()];
});

const run = (requester: Requester, first: number, count: number, deadlineMs = NEVER): RequestRun => ({
  requester,
  first,
  count,
  deadlineMs,
});

describe('a state machine that throws', () => {
  it.each([
    [0, [[1, 3, unknown]], [[7, 2, unknown]]],
    [
      1,
      [
        [1, 1, done],
        [2, 2, unknown],
      ],
      [[7, 2, unknown]],
    ],
    [
      2,
      [
        [1, 2, done],
        [3, 1, unknown],
      ],
      [[7, 2, unknown]],
    ],
    [3, [[1, 3, done]], [[7, 2, unknown]]],
    [
      4,
      [[1, 3, done]],
      [
        [7, 1, done],
        [8, 1, unknown],
      ],
    ],
  ])('at command %i leaves nobody of its batch without an outcome', (at, ofA, ofB) => {
    const texts = ['1', '2', '3', '4', '5', '6'].with(at, 'throw');
    const batch = batchOf(texts);
    executor.expect(1, batch.digest, [run(a, 1, 3), run(b, 7, 2), run(c, 9, 1)]);
    expect(() => executor.apply(1, batch)).toThrow(MACHINE_ERROR);
    expect([a.heard, b.heard, c.heard]).toEqual([ofA, ofB, [[9, 1, unknown]]]);
  });

  it('leaves what was told of a long run told, once', () => {
    const batch = batchOf([...Array<string>(5).fill('large'), 'throw', 'x']);
    executor.expect(1, batch.digest, [run(a, 1, 7)]);
    expect(() => executor.apply(1, batch)).toThrow(MACHINE_ERROR);
    expect(a.heard).toEqual([
      [1, 3, done],
      [4, 2, done],
      [6, 2, unknown],
    ]);
    const other = new Executor(machine, { through: 0, timeMs: 0 });
    const exactly = batchOf([...Array<string>(3).fill('large'), 'throw']);
    other.expect(1, exactly.digest, [run(b, 1, 4)]);
    expect(() => other.apply(1, exactly)).toThrow(MACHINE_ERROR);
    expect(b.heard).toEqual([
      [1, 3, done],
      [4, 1, unknown],
    ]);
  });

  it('tells those whose batch lost the slot as well', () => {
    const mine = batchOf(['mine']);
    executor.expect(1, mine.digest, [run(a, 1, 1)]);
    expect(() => executor.apply(1, batchOf(['throw']))).toThrow(MACHINE_ERROR);
    expect(a.heard).toEqual([[1, 1, notExecuted]]);
    const late = batchOf(['throw']);
    const again = new Executor(machine, { through: 0, timeMs: 0 });
    again.expect(1, batchOf(['early']).digest, [run(b, 1, 1)]);
    again.expect(1, late.digest, [run(c, 1, 1)]);
    expect(() => again.apply(1, late)).toThrow(MACHINE_ERROR);
    expect([b.heard, c.heard]).toEqual([[[1, 1, notExecuted]], [[1, 1, unknown]]]);
  });

  it('or returns a promise stops the replica; at a query only that query fails', () => {
    expect(() => executor.apply(1, batchOf(['promise']))).toThrow(MACHINE_ERROR);
    const results = new ResultBuffer();
    const query = (text: string) => {
      const bytes = Buffer.from(text);
      return executor.query(bytes, 0, bytes.length, 0, results);
    };
    expect(() => query('throw')).toThrow(MACHINE_ERROR);
    expect([query('no'), results.end]).toEqual([false, 0]);
    expect([query('yes'), results.end]).toEqual([true, 4 + 'half an answer'.length]);
  });

  it('is done with those it was to tell: they may be forgotten', () => {
    for (const text of ['throw', 'x']) {
      const own = new Executor(machine, { through: 0, timeMs: 0 });
      const batch = batchOf([text]);
      const runs = [run(a, 1, 1)];
      own.expect(1, batch.digest, runs);
      try {
        own.apply(1, batch);
      } catch {}
      own.abandon(a);
      expect(runs[0]!.requester, text).toBe(a);
    }
  });
});

describe('results', () => {
  it('that nobody waits for are not gathered', () => {
    executor.apply(1, batchOf(Array<string>(20).fill('large')));
    expect(machine.resultsEndMax).toBeLessThan(RESULTS_BYTES_MAX);
    expect(executor.commandsExecuted).toBe(20);
  });

  it('of one run are told in portions, so that no more than a bound and one is held', () => {
    const batch = batchOf(Array<string>(20).fill('large'));
    executor.expect(1, batch.digest, [run(a, 1, 20)]);
    executor.apply(1, batch);
    expect(machine.resultsEndMax).toBeLessThan(RESULTS_BYTES_MAX);
    expect(a.heard.map(([first]) => first)).toEqual([1, 4, 7, 10, 13, 16, 19]);
  });
});

describe('commands ahead', () => {
  it.each([
    [3, []],
    [4, [['c0', 4]]],
    [64, [['c0', 64]]],
    [66, [['c0', 64]]],
    [
      70,
      [
        ['c0', 64],
        ['c64', 6],
      ],
    ],
    [
      192,
      [
        ['c0', 64],
        ['c64', 64],
        ['c128', 64],
      ],
    ],
  ] as const)('of a batch of %i are told in portions that are worth it', (count, portions) => {
    const foreseen: [string, number][] = [];
    const foreseeing = Object.assign(machine, {
      foresee(bytes: Uint8Array, start: number, portion: number) {
        const end = start + 4 + commandLength(bytes, start, bytes.length);
        foreseen.push([Buffer.from(bytes).toString('utf8', start + 4, end), portion]);
      },
    });
    new Executor(foreseeing, { through: 0, timeMs: 0 }).apply(
      1,
      batchOf(Array.from({ length: count }, (_, at) => `c${at}`)),
    );
    expect(foreseen).toEqual(portions);
  });

  it('are checked before they are told, and are executed though the state machine throws at them', () => {
    let calls = 0;
    const executed: string[] = [];
    const foreseeing = Object.assign(machine, {
      foresee() {
        calls++;
        throw new Error('on purpose');
      },
      execute: (command: CommandView) => {
        executed.push(command.text());
      },
    });
    const own = new Executor(foreseeing, { through: 0, timeMs: 0 });
    const batch = batchOf(['1', '2', '3', 'last']);
    const cut = { ...batch, bytes: batch.bytes.subarray(0, -1) };
    expect(() => own.apply(1, cut)).toThrow(expect.objectContaining({ code: 'ERR_INDELIBLE_STORE_CORRUPT' }));
    expect(calls).toBe(0);
    own.apply(1, batch);
    expect(own.halt).toBeUndefined();
    expect([calls, executed]).toEqual([1, ['1', '2', '3', 'last']]);
  });
});

describe('proposals whose outcome is open', () => {
  it('are those of slots that are not applied', () => {
    const batch = batchOf(['x']);
    executor.expect(1, batch.digest, [run(a, 1, 1)]);
    executor.expect(2, batchOf(['y']).digest, [run(b, 1, 1)]);
    expect(executor.pendingSlots).toBe(2);
    executor.apply(1, batch);
    expect(executor.pendingSlots).toBe(1);
    executor.apply(2, { kind: BatchKind.noop, digest: 0 as Digest, bytes: new Uint8Array(0) });
    expect([executor.pendingSlots, b.heard]).toEqual([0, [[1, 1, notExecuted]]]);
  });

  it('hear unknown at their deadline, each for itself, and nothing afterwards', () => {
    const batch = batchOf(['x', 'y', 'z']);
    executor.expect(1, batch.digest, [run(a, 1, 1, 100), run(b, 1, 1, 200), run(c, 1, 1, 100)]);
    executor.abandon(c);
    executor.expire(100);
    expect([a.heard, b.heard, c.heard]).toEqual([[[1, 1, unknown]], [], []]);
    expect(executor.pendingSlots, 'b waits').toBe(1);
    executor.expire(199);
    executor.apply(1, batch);
    expect([a.heard.length, b.heard]).toEqual([1, [[1, 1, done]]]);
  });

  it('are forgotten once nobody waits for them', () => {
    const left = new Executor(machine, { through: 0, timeMs: 0 });
    left.expect(1, batchOf(['x', 'y']).digest, [run(a, 7, 1, 100), run(c, 7, 1, 300)]);
    left.abandon(c);
    left.expire(100);
    expect([left.pendingSlots, a.heard.splice(0), c.heard]).toEqual([0, [[7, 1, unknown]], []]);
    executor.expect(1, batchOf(['x']).digest, [run(a, 1, 1, 100)]);
    executor.expect(2, batchOf(['y']).digest, [run(b, 1, 1, 300)]);
    executor.expire(100);
    expect([executor.pendingSlots, a.heard]).toEqual([1, [[1, 1, unknown]]]);
    executor.expire(300);
    expect([executor.pendingSlots, b.heard]).toEqual([0, [[1, 1, unknown]]]);
  });

  it('hear unknown where a checkpoint jumps over them, and only there', () => {
    for (const [slot, asker] of [
      [1, a],
      [2, b],
      [3, c],
    ] as const)
      executor.expect(slot, batchOf(['x']).digest, [run(asker, slot, 1)]);
    executor.jump(2, 50);
    expect([a.heard, b.heard, c.heard]).toEqual([[[1, 1, unknown]], [[2, 1, unknown]], []]);
    executor.giveUpAll();
    expect([c.heard, executor.pendingSlots]).toEqual([[[3, 1, unknown]], 0]);
  });

  it('of who has gone away have no outcome, in whichever ballot they were proposed', () => {
    const [early, late] = [batchOf(['x']), batchOf(['y'])];
    executor.expect(1, early.digest, [run(a, 1, 1)]);
    executor.expect(1, late.digest, [run(a, 2, 1), run(b, 1, 1)]);
    executor.abandon(a);
    executor.apply(1, batchOf(['other']));
    expect([a.heard, b.heard]).toEqual([[], [[1, 1, notExecuted]]]);
  });
});

it('neither time nor ballot falls with a checkpoint', () => {
  executor.apply(1, batchOf(['x'], 1000, 131074));
  executor.jump(5, 400, 65537 as Ballot);
  expect([executor.timeMs, executor.ballotThrough]).toEqual([1000, 131074]);
  executor.jump(6, 1500, 196609 as Ballot);
  expect([executor.timeMs, executor.ballotThrough, executor.appliedThrough]).toEqual([1500, 196609, 6]);
});

it('a slot that was not looked at for skips is not applied (contract 32)', () => {
  const real = new Real(machine, { through: 0, timeMs: 0 });
  expect(() => real.apply(1, batchOf(['x']))).toThrow(expect.objectContaining({ contract: 32 }));
  expect([real.appliedThrough, real.commandsExecuted]).toEqual([0, 0]);
});

it('a halt ends with the state of a peer that has applied its slot, and not before', () => {
  expect(() => executor.apply(1, batchOf(['throw']))).toThrow(MACHINE_ERROR);
  executor.jump(0, 50);
  expect(executor.halt).toMatchObject({ slot: 1, ordinal: 0 });
  executor.jump(1, 60);
  expect([executor.halt, executor.appliedThrough]).toEqual([undefined, 1]);
  executor.apply(2, batchOf(['x']));
  executor.jump(5, 70);
  expect(executor.appliedThrough).toBe(5);
});

it('what is answered of a proposal is counted with the time at which it was made', () => {
  const answered: [number, number][] = [];
  executor.answered = (...values) => answered.push(values);
  executor.apply(1, batchOf(['of', 'others', 'here']));
  const [own, lost] = [batchOf(['a', 'b']), batchOf(['c'])];
  executor.expect(2, own.digest, [run(a, 1, 2)], 700);
  executor.apply(2, own);
  executor.expect(3, lost.digest, [run(a, 3, 1)], 800);
  executor.apply(3, batchOf(['other']));
  expect(answered).toEqual([[700, 2]]);
});

describe('the record of a skip', () => {
  const skip = (slot: number, ordinal: number, timeMs: number, ballot: number): Batch => {
    const record = { slot, ordinal, reason: 'ticket 815', timeMs, ballot: ballot as Ballot, sequence: 1 };
    return { kind: BatchKind.commands, digest: 1 as Digest, bytes: writeSkipRecord(record) };
  };

  it('carries time and ballots on, and neither falls with it', () => {
    executor.apply(1, batchOf(['x'], 1000, 131074));
    executor.apply(2, skip(9, 0, 900, 65537));
    expect([executor.timeMs, executor.ballotThrough]).toEqual([1000, 131074]);
    executor.apply(3, skip(9, 0, 1100, 196609));
    expect([executor.timeMs, executor.ballotThrough]).toEqual([1100, 196609]);
  });

  it('has its command left out, and its requester told, among those that are executed', () => {
    const batch = batchOf(['1', '2', '3', '4', '5', '6'], 1, 65537);
    executor.skips.see(1, batch, 0);
    const records = [1, 2, 4].map((ordinal) => skip(1, ordinal, 1, 65537));
    for (const [at, record] of records.entries()) executor.skips.see(at + 2, record, 0);
    executor.expect(1, batch.digest, [run(a, 1, 2), run(b, 7, 3), run(c, 9, 1)]);
    executor.apply(1, batch);
    expect(executor.commandsExecuted).toBe(3);
    expect(a.heard).toEqual([
      [1, 1, done],
      [2, 1, skipped],
    ]);
    expect(b.heard).toEqual([
      [7, 1, skipped],
      [8, 1, done],
      [9, 1, skipped],
    ]);
    expect(c.heard).toEqual([[9, 1, done]]);
  });

  it('ends what is told ahead of its batch, and of no other', () => {
    const foreseen: number[] = [];
    const foreseeing = Object.assign(machine, {
      foresee: (_: Uint8Array, __: number, count: number) => foreseen.push(count),
    });
    const own = new Executor(foreseeing as unknown as StateMachine, { through: 0, timeMs: 0 });
    const batch = batchOf(['1', '2', '3', '4', '5']);
    own.skips.see(1, batch, 0);
    own.skips.see(2, skip(1, 1, 1, 65537), 0);
    own.apply(1, batch);
    expect(foreseen).toEqual([]);
    own.apply(2, skip(1, 1, 1, 65537));
    own.apply(3, batchOf(['1', '2', '3', '4']));
    expect(foreseen).toEqual([4]);
  });
});

it('a state machine that promises to foresee harms nobody when the promise is broken', async () => {
  const foreseeing = Object.assign(machine, { foresee: () => Promise.reject(new Error('on purpose')) });
  const own = new Executor(foreseeing as unknown as StateMachine, { through: 0, timeMs: 0 });
  own.apply(1, batchOf(['1', '2', '3', '4']));
  await new Promise((resolve) => setImmediate(resolve));
  expect([own.commandsExecuted, own.halt]).toEqual([4, undefined]);
});
