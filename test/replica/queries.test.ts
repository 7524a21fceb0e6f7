import { expect, it } from 'vitest';
import { Executor } from '../../lib/replica/executor.js';
import { Queries } from '../../lib/replica/queries.js';
import { Outcome, type Requester } from '../../lib/replica/service.js';
import type { CommandView, ResultWriter, StateMachine } from '../../lib/replica/state-machine.js';

const RESULT_BYTES = 300 << 10;

/** Answers each query with a large result. */
const LARGE: StateMachine = {
  execute() {},
  query(command: CommandView, result: ResultWriter) {
    if (command.text() === 'no') return false;
    result.reserve(RESULT_BYTES);
    return true;
  },
  checkpoint: () => [],
  restore() {},
};

function bodyOf(texts: readonly string[]): Uint8Array {
  return Buffer.concat(
    texts.flatMap((text) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(text.length);
      return [length, Buffer.from(text)];
    }),
  );
}

it('hands over large results in parts, so that many small queries cannot take all memory', () => {
  const queries = new Queries(new Executor(LARGE, { through: 0, timeMs: 0 }));
  const heard: [first: number, count: number, outcome: number, bytes: number][] = [];
  const asker: Requester = {
    outcome: (first, count, outcome, _, start, end) => heard.push([first, count, outcome, end - start]),
    drain() {},
  };
  const body = bodyOf(['a', 'b', 'c', 'd', 'e', 'no', 'f']);
  queries.add(asker, 10, 7, body, 0, body.length);
  queries.ask(() => true, 0);
  queries.ready(1, 0);
  queries.serve(0);
  const bytes = RESULT_BYTES + 4;
  expect(heard).toEqual([
    [10, 4, Outcome.done, 4 * bytes],
    [14, 1, Outcome.done, bytes],
    [15, 1, Outcome.declined, 0],
    [16, 1, Outcome.done, bytes],
  ]);
});

it('keeps queries as they were asked, whatever the front end writes over its bytes', () => {
  const asked: string[] = [];
  const machine: StateMachine = { ...LARGE, query: (command) => asked.push(command.text()) > 0 };
  const queries = new Queries(new Executor(machine, { through: 0, timeMs: 0 }));
  const asker: Requester = { outcome() {}, drain() {} };
  const body = Buffer.from(bodyOf(['one', 'two']));
  queries.add(asker, 1, 2, body, 0, body.length);
  body.fill(0xff);
  queries.ask(() => true, 0);
  queries.ready(1, 0);
  queries.serve(0);
  expect(asked).toEqual(['one', 'two']);
});

it('gives a requester that is full no more than it has, and others theirs', () => {
  const queries = new Queries(new Executor(LARGE, { through: 0, timeMs: 0 }));
  const heard: string[] = [];
  const hears = (name: string): Requester & { isFull: boolean } => ({
    isFull: false,
    outcome: (first, count, outcome) => heard.push(`${name} ${first} ${count} ${outcome}`),
    drain() {},
  });
  const slow = hears('slow');
  const quick = hears('quick');
  const many = bodyOf(['a', 'b', 'c', 'd', 'e', 'no', 'f']);
  const one = bodyOf(['a']);
  const taking = slow.outcome;
  slow.outcome = (...given) => {
    slow.isFull = true;
    taking(...given);
  };
  queries.add(slow, 1, 7, many, 0, many.length);
  queries.add(quick, 1, 1, one, 0, one.length);
  queries.add(slow, 8, 1, one, 0, one.length);
  queries.ask(() => true, 0);
  queries.ready(1, 0);
  queries.serve(0);
  const { done, declined, notExecuted } = Outcome;
  expect(heard.splice(0)).toEqual([`slow 1 4 ${done}`, `quick 1 1 ${done}`]);
  queries.serve(0);
  expect(heard).toEqual([]);
  slow.isFull = false;
  queries.serve(0);
  expect(heard.splice(0)).toEqual([`slow 5 1 ${done}`, `slow 6 1 ${declined}`]);
  slow.isFull = false;
  queries.serve(0);
  expect(heard.splice(0)).toEqual([`slow 7 1 ${done}`]);
  queries.end();
  expect(heard).toEqual([`slow 8 1 ${notExecuted}`]);
});

it.each([
  ['goes elsewhere', (queries: Queries): unknown => queries.takeGathered()],
  ['finds no place in time', (queries: Queries): unknown => queries.takeOverdue(Number.POSITIVE_INFINITY)],
] as const)('what a full requester has left to take is refused before what it asked later %s', (_, leave) => {
  const queries = new Queries(new Executor(LARGE, { through: 0, timeMs: 0 }));
  const heard: string[] = [];
  const slow: Requester = {
    isFull: true,
    outcome: (first, count, outcome) => heard.push(`${first} ${count} ${outcome}`),
    drain() {},
  };
  const one = bodyOf(['a']);
  queries.add(slow, 1, 1, one, 0, one.length);
  queries.ask(() => true, 0);
  queries.ready(1, 0);
  queries.serve(0);
  queries.add(slow, 2, 1, one, 0, one.length);
  queries.beginWait(0);
  expect(heard).toEqual([]);
  leave(queries);
  expect(heard).toEqual([`1 1 ${Outcome.notExecuted}`]);
});

it('what a full requester has left to take is refused before a later round of it that is given up', () => {
  const queries = new Queries(new Executor(LARGE, { through: 0, timeMs: 0 }));
  const heard: number[] = [];
  const slow: Requester = {
    isFull: true,
    outcome(first) {
      heard.push(first);
    },
    drain() {},
  };
  const one = bodyOf(['a']);
  for (const number of [1, 2]) {
    queries.add(slow, number, 1, one, 0, one.length);
    queries.ask(() => true, 0);
    if (number === 1) queries.ready(1, 0);
    queries.serve(0);
  }
  queries.end();
  expect(heard).toEqual([1, 2]);
});
