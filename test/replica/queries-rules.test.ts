/** What waits in Queries, who has it, and for how long: one rule a test, with what is counted for it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { BATCH_HEADER_BYTES, writeBatchHeader } from '../../lib/replica/batch.js';
import { Executor } from '../../lib/replica/executor.js';
import { Queries } from '../../lib/replica/queries.js';
import { Outcome, type Requester } from '../../lib/replica/service.js';
import type { CommandView, ResultWriter, StateMachine } from '../../lib/replica/state-machine.js';
import { type Ballot, type Batch, BatchKind, type Digest } from '../../lib/types.js';

const { done, notExecuted, failed } = Outcome;

/** Answers with what it was asked, and how often it was asked before. */
class Echo implements StateMachine {
  asked: string[] = [];
  execute(): void {}
  query(command: CommandView, result: ResultWriter): boolean {
    const text = command.text();
    if (text === 'throw') throw new Error('on purpose');
    this.asked.push(text);
    if (text === 'no') return false;
    result.writeText(`${text}!`);
    return true;
  }
  checkpoint(): Iterable<Uint8Array> {
    return [];
  }
  restore(): void {}
}

interface Heard {
  readonly who: string;
  readonly first: number;
  readonly count: number;
  readonly outcome: Outcome;
  readonly text: string;
}

let machine: Echo;
let executor: Executor;
let queries: Queries;
let heard: Heard[];
let drained: string[];

class Asker implements Requester {
  isFull = false;
  next = 1;
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
  outcome(first: number, count: number, outcome: Outcome, bytes: Uint8Array, start: number, end: number) {
    const text = Buffer.from(bytes)
      .toString('latin1', start, end)
      .replaceAll(/.\0\0\0/g, '');
    heard.push({ who: this.name, first, count, outcome, text });
  }
  drain(): void {
    drained.push(this.name);
  }
}

beforeEach(() => {
  machine = new Echo();
  executor = new Executor(machine, { through: 0, timeMs: 0 });
  queries = new Queries(executor);
  heard = [];
  drained = [];
});

const SIZE_BYTES = 4 + 1;

function bodyOf(...texts: string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(text.length);
      return [length, Buffer.from(text)];
    }),
  );
}

/** Asks for queries of one letter each, from the middle of a buffer. */
function add(asker: Asker, texts: string, deadlineMs?: number): void {
  const body = bodyOf(...texts);
  const bytes = Buffer.concat([Buffer.alloc(3), body, Buffer.alloc(2)]);
  queries.add(asker, asker.next, texts.length, bytes, 3, 3 + body.length, deadlineMs);
  asker.next += texts.length;
}

/** Asks for what was gathered. @returns the number under which it was, 0 if it was not */
function ask(leads = true): number {
  let asked = 0;
  queries.ask((readId) => {
    asked = readId;
    return leads;
  }, 0);
  return asked;
}

function apply(slot: number): void {
  const bytes = Buffer.alloc(BATCH_HEADER_BYTES);
  writeBatchHeader(bytes, { count: 0, timeMs: 1, ballot: 1 as Ballot, sequence: slot });
  const batch: Batch = { kind: BatchKind.commands, digest: slot as Digest, bytes };
  executor.skips.see(slot, batch, slot - 1);
  executor.apply(slot, batch);
}

const told = () =>
  heard.splice(0).map(({ who, first, count, outcome, text }) => [who, first, count, outcome, text]);

describe('a round of queries', () => {
  it('is asked for once, all that was gathered, and nothing if nothing was', () => {
    const [a, b] = [new Asker('a'), new Asker('b')];
    expect([ask(), queries.ask(() => false, 0)]).toEqual([0, true]);
    add(a, 'xy');
    add(b, 'z');
    expect(ask()).toBe(1);
    expect([ask(), queries.bytes]).toEqual([0, 3 * SIZE_BYTES]);
    queries.ready(1, 0);
    queries.serve(0);
    expect(told()).toEqual([
      ['a', 1, 2, done, 'x!y!'],
      ['b', 1, 1, done, 'z!'],
    ]);
    expect(queries.bytes).toBe(0);
  });

  it('that no leader takes is gathered still, and its number is used again', () => {
    const a = new Asker('a');
    add(a, 'x');
    expect(ask(false)).toBe(1);
    queries.ready(1, 0);
    queries.serve(0);
    expect(told()).toEqual([]);
    add(a, 'y');
    expect(ask()).toBe(1);
    queries.ready(1, 0);
    queries.serve(0);
    expect(told()).toHaveLength(2);
  });

  it('says whether there is something to ask for, and whether it was asked', () => {
    const a = new Asker('a');
    expect(queries.hasGathered).toBe(false);
    add(a, 'x');
    expect(queries.hasGathered).toBe(true);
    expect(queries.ask(() => false, 0)).toBe(false);
    expect(queries.hasGathered).toBe(true);
    expect(queries.ask(() => true, 0)).toBe(true);
    expect(queries.hasGathered).toBe(false);
  });

  it('is lost only through the one that is named, and is taken elsewhere only with what was gathered', () => {
    const a = new Asker('a');
    for (const text of ['x', 'y']) {
      add(a, text);
      ask();
    }
    expect(queries.takeGathered()).toEqual([]);
    queries.lost(1);
    expect(queries.hasGathered).toBe(true);
    queries.ready(2, 0);
    queries.serve(0);
    expect(told().map(([, first]) => first)).toEqual([2]);
    expect(queries.takeGathered().map(({ first }) => first)).toEqual([1]);
    expect(queries.bytes).toBe(0);
  });

  it('may be asked for again when all that was asked has been given up', () => {
    const a = new Asker('a');
    add(a, 'x');
    ask();
    queries.end();
    expect(told()).toEqual([['a', 1, 1, notExecuted, '']]);
    add(a, 'y');
    queries.ready(ask(), 0);
    queries.serve(0);
    expect(told()).toEqual([['a', 2, 1, done, 'y!']]);
  });

  it('is counted once it is answered, whatever became of the others', () => {
    const a = new Asker('a');
    add(a, 'xyz');
    ask();
    add(a, 'x');
    ask();
    queries.ready(1, 0);
    queries.serve(0);
    expect(queries.answered).toBe(3);
    queries.lost(2);
    queries.end();
    expect(queries.answered).toBe(3);
  });

  it('stays in order for a requester that is full for a moment', () => {
    const a = new Asker('a');
    let asked = 0;
    Object.defineProperty(a, 'isFull', { get: () => ++asked === 1 });
    add(a, 'x');
    add(a, 'y');
    ask();
    queries.ready(1, 0);
    queries.serve(0);
    expect(told()).toEqual([]);
    queries.serve(0);
    expect(told()).toEqual([
      ['a', 1, 1, done, 'x!'],
      ['a', 2, 1, done, 'y!'],
    ]);
  });

  it('tells nobody of no queries: each outcome is of one at least', () => {
    const a = new Asker('a');
    queries.add(a, 1, 3, bodyOf('no', 'no', 'throw'), 0, bodyOf('no', 'no', 'throw').length);
    ask();
    queries.ready(1, 0);
    queries.serve(0);
    expect(told().map(([, first, count]) => [first, count])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
  });

  it('is answered when it is confirmed and its slot is applied, not before and in order', () => {
    const a = new Asker('a');
    add(a, 'x');
    ask();
    add(a, 'y');
    ask();
    queries.ready(2, 0);
    queries.ready(9, 0);
    queries.serve(0);
    expect(told(), 'the first is not confirmed').toEqual([]);
    queries.ready(1, 2);
    apply(1);
    queries.serve(0);
    expect(told(), 'slot 2 is not applied').toEqual([]);
    apply(2);
    queries.serve(0);
    expect(told().map(([, first]) => first)).toEqual([1, 2]);
  });

  it('that will not be confirmed is asked again, in front of what came since', () => {
    const a = new Asker('a');
    for (const text of ['x', 'y', 'z']) {
      add(a, text);
      if (text !== 'z') ask();
    }
    queries.lost(2);
    expect([told(), queries.bytes]).toEqual([[], 3 * SIZE_BYTES]);
    expect(ask()).toBe(3);
    queries.ready(1, 0);
    queries.serve(0);
    expect(told(), 'the answer to the first question is none to the last').toEqual([]);
    queries.ready(3, 0);
    queries.serve(0);
    expect(told()).toEqual([
      ['a', 1, 1, done, 'x!'],
      ['a', 2, 1, done, 'y!'],
      ['a', 3, 1, done, 'z!'],
    ]);
  });

  it('that will not be confirmed was not executed, of who asks the leader only, or at the end', () => {
    const only = new Asker('only');
    Object.assign(only, { isLeaderOnly: true });
    const a = new Asker('a');
    for (const asker of [only, a]) {
      add(asker, 'x');
      ask();
    }
    queries.lost(2);
    expect(told()).toEqual([['only', 1, 1, notExecuted, '']]);
    expect(queries.bytes).toBe(SIZE_BYTES);
    ask();
    queries.end();
    expect([told(), queries.bytes, machine.asked]).toEqual([[['a', 1, 1, notExecuted, '']], 0, []]);
  });

  it('that waits for a slot says for which, and since when', () => {
    const a = new Asker('a');
    add(a, 'x');
    expect(queries.waitsFor).toBeUndefined();
    queries.ask(() => true, 70);
    expect(queries.waitsFor).toBeUndefined();
    queries.ready(1, 5);
    expect(queries.waitsFor).toEqual({ slot: 5, sinceMs: 70 });
  });
});

it('a query at which the state machine throws has failed, and no other', () => {
  const a = new Asker('a');
  const body = bodyOf('x', 'throw', 'y');
  queries.add(a, 1, 3, body, 0, body.length);
  ask();
  queries.ready(1, 0);
  queries.serve(0);
  expect(told()).toEqual([
    ['a', 1, 1, done, 'x!'],
    ['a', 2, 1, failed, ''],
    ['a', 3, 1, done, 'y!'],
  ]);
});

it('who has gone away hears nothing, wherever its queries are', () => {
  const [a, b] = [new Asker('a'), new Asker('b')];
  a.isFull = true;
  for (const asker of [a, b]) add(asker, 'x');
  ask();
  queries.ready(1, 0);
  queries.serve(0);
  add(a, 'y');
  add(b, 'y');
  ask();
  add(a, 'z');
  add(b, 'z');
  expect(queries.hasRoom(a, 100, 10)).toBe(false);
  expect(told()).toEqual([['b', 1, 1, done, 'x!']]);
  queries.abandon(a);
  ask();
  for (const readId of [2, 3]) queries.ready(readId, 0);
  queries.serve(0);
  queries.wakeStalled();
  queries.end();
  expect(told().map(([who, first]) => [who, first])).toEqual([
    ['b', 2],
    ['b', 3],
  ]);
  expect([drained, queries.bytes]).toEqual([[], 0]);
});

describe('room for queries', () => {
  it('is up to the bound, and for one however large; who had none is told when nothing waits', () => {
    const [a, b] = [new Asker('a'), new Asker('b')];
    expect(queries.hasRoom(a, 1000, 10)).toBe(true);
    add(a, 'x');
    expect(queries.hasRoom(b, 5, SIZE_BYTES + 5)).toBe(true);
    expect(queries.hasRoom(b, 6, SIZE_BYTES + 5)).toBe(false);
    queries.wakeStalled();
    expect(drained).toEqual([]);
    ask();
    queries.ready(1, 0);
    queries.serve(0);
    queries.wakeStalled();
    queries.wakeStalled();
    expect(drained, 'only who was refused, once').toEqual(['b']);
  });

  it('that nobody will have any more is told as well', () => {
    const [a, b] = [new Asker('a'), new Asker('b')];
    add(a, 'x');
    queries.hasRoom(b, 100, 10);
    queries.close();
    expect(drained).toEqual(['b']);
  });
});

describe('queries that nobody can be asked', () => {
  it('are taken out with what they are', () => {
    const a = new Asker('a');
    add(a, 'xy');
    const taken = queries.takeGathered();
    expect(taken).toMatchObject([{ requester: a, first: 1, count: 2 }]);
    expect(Buffer.from(taken[0]!.body)).toEqual(bodyOf('x', 'y'));
    expect([queries.bytes, queries.takeGathered(), ask()]).toEqual([0, [], 0]);
  });

  it('wait since that is known, each for itself, and anew after somebody could be', () => {
    const a = new Asker('a');
    const overdue = (sinceMs: number) => queries.takeOverdue(sinceMs)?.map(({ first }) => first);
    add(a, 'x');
    expect(overdue(Number.POSITIVE_INFINITY)).toBeUndefined();
    queries.beginWait(10);
    add(a, 'y');
    queries.beginWait(20);
    expect([overdue(9), overdue(10), queries.bytes]).toEqual([undefined, [1], SIZE_BYTES]);
    queries.endWait();
    expect(overdue(30)).toBeUndefined();
    queries.beginWait(40);
    expect([overdue(39), overdue(40), overdue(40), queries.bytes]).toEqual([undefined, [2], undefined, 0]);
  });
});

describe('a deadline', () => {
  it('that is over ends those that wait, in the order asked, and no others', () => {
    const a = new Asker('a');
    add(a, 'x', 100);
    add(a, 'y', 200);
    ask();
    add(a, 'z', 100);
    expect([queries.hasOverdue(99), queries.hasOverdue(100)]).toEqual([false, true]);
    queries.expire(99, true);
    expect(told()).toEqual([]);
    queries.expire(100, true);
    expect(told().map(([, first, , outcome]) => [first, outcome])).toEqual([
      [1, notExecuted],
      [3, notExecuted],
    ]);
    expect([queries.bytes, queries.hasOverdue(199), queries.hasOverdue(200)]).toEqual([
      SIZE_BYTES,
      false,
      true,
    ]);
    queries.ready(1, 0);
    queries.serve(0);
    expect(told().map(([, first]) => first)).toEqual([2]);
  });

  it('of what was only gathered may be left to whoever is asked instead', () => {
    const a = new Asker('a');
    add(a, 'x', 100);
    queries.expire(150, false);
    expect([told(), queries.hasOverdue(150), queries.bytes]).toEqual([[], true, SIZE_BYTES]);
    queries.expire(150, true);
    expect([told().length, queries.hasOverdue(1e9), queries.bytes]).toEqual([1, false, 0]);
  });
});

describe('a requester that is full', () => {
  it('is given what is held first, before what is asked later, others what is theirs', () => {
    const [slow, quick] = [new Asker('slow'), new Asker('quick')];
    slow.isFull = true;
    add(slow, 'ab');
    add(quick, 'c');
    ask();
    queries.ready(1, 0);
    queries.serve(0);
    expect([told(), queries.bytes]).toEqual([[['quick', 1, 1, done, 'c!']], 2 * SIZE_BYTES]);
    add(slow, 'd');
    ask();
    queries.ready(2, 0);
    slow.isFull = false;
    queries.serve(0);
    expect(told()).toEqual([
      ['slow', 1, 2, done, 'a!b!'],
      ['slow', 3, 1, done, 'd!'],
    ]);
    add(slow, 'e');
    slow.isFull = true;
    ask();
    queries.ready(3, 0);
    queries.serve(0);
    add(slow, 'f');
    ask();
    queries.ready(4, 0);
    queries.serve(0);
    expect(told()).toEqual([]);
    slow.isFull = false;
    queries.serve(0);
    expect([told().map(([, first]) => first), queries.bytes]).toEqual([[4, 5], 0]);
  });

  it('is refused what is held for it when a later one of it ends, and no other is', () => {
    const [slow, other] = [new Asker('slow'), new Asker('other')];
    for (const asker of [slow, other]) {
      asker.isFull = true;
      const body = bodyOf('x', 'no', 'y');
      queries.add(asker, 1, 3, body, 0, body.length);
      asker.next = 4;
    }
    ask();
    queries.ready(1, 0);
    // It is asked in front of the first, and again behind the one that was declined: it is full then.
    let left = 1;
    Object.defineProperty(slow, 'isFull', { get: () => left-- <= 0 });
    queries.serve(0);
    expect(told().map(([who, first, count, outcome]) => [who, first, count, outcome])).toEqual([
      ['slow', 1, 1, done],
      ['slow', 2, 1, Outcome.declined],
    ]);
    add(slow, 'z', 100);
    queries.expire(100, true);
    expect(told().map(([who, first, count, outcome]) => [who, first, count, outcome])).toEqual([
      ['slow', 3, 1, notExecuted],
      ['slow', 4, 1, notExecuted],
    ]);
    expect(queries.bytes).toBe(bodyOf('x', 'no', 'y').length);
    queries.end();
    expect(told().map(([who, first, count, outcome]) => [who, first, count, outcome])).toEqual([
      ['other', 1, 3, notExecuted],
    ]);
    expect(queries.bytes).toBe(0);
    queries.serve(0);
    expect(told()).toEqual([]);
  });
});
