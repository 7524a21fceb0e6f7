import { describe, expect, it } from 'vitest';
import { Executor } from '../../lib/replica/executor.js';
import { Queries } from '../../lib/replica/queries.js';
import { Outcome, type Requester } from '../../lib/replica/service.js';
import type { StateMachine } from '../../lib/replica/state-machine.js';
import { Submissions } from '../../lib/replica/submissions.js';
import { Unplaced } from '../../lib/replica/unplaced.js';

const LIMITS = { commandBytesMax: 99, batchBytesTarget: 512, batchBytesMax: 1024, waitingBytesMax: 4096 };
const BODY = Buffer.from([1, 0, 0, 0, 7]);
const WAIT_MS = 160;

const setUp = () => {
  const heard: [first: number, outcome: Outcome][] = [];
  const asker: Requester = {
    outcome: (first, count, outcome) => {
      for (let i = 0; i < count; i++) heard.push([first + i, outcome]);
    },
    drain: () => {},
  };
  const submissions = new Submissions(LIMITS);
  const executor = new Executor({} as StateMachine, { through: 0, timeMs: 0 });
  const queries = new Queries(executor);
  const unplaced = new Unplaced(executor.outcomes, submissions, queries);
  const submit = (first: number): boolean => submissions.add(asker, first, 1, BODY, 0, BODY.length);
  const query = (first: number): void => queries.add(asker, first, 1, BODY, 0, BODY.length);
  const takeAll = (): number[] => {
    const taken: number[] = [];
    for (let batch = submissions.take(); batch !== undefined; batch = submissions.take()) {
      for (const { first, count } of batch.runs) for (let i = 0; i < count; i++) taken.push(first + i);
    }
    return taken;
  };
  return { heard, asker, submissions, queries, unplaced, submit, query, takeAll };
};

describe('requests without a place', () => {
  it('wait for their time, and are then certainly not executed', () => {
    const { heard, submissions, unplaced, submit, query } = setUp();
    submit(1);
    query(2);
    unplaced.unplaceable(1000, WAIT_MS);
    unplaced.unplaceable(1000 + WAIT_MS - 1, WAIT_MS);
    expect(heard).toEqual([]);
    unplaced.unplaceable(1000 + WAIT_MS, WAIT_MS);
    expect(heard).toEqual([
      [1, Outcome.notExecuted],
      [2, Outcome.notExecuted],
    ]);
    expect(submissions.isEmpty).toBe(true);
  });

  it('have each a time of their own: who asks again after a refusal waits as long again', () => {
    const { heard, unplaced, submit } = setUp();
    submit(1);
    for (let ms = 0; ms <= 10 * WAIT_MS; ms++) {
      const before = heard.length;
      unplaced.unplaceable(ms, WAIT_MS);
      if (heard.length > before) submit(1 + heard.length);
    }
    expect(heard.length).toBeGreaterThanOrEqual(9);
    expect(heard.length).toBeLessThanOrEqual(10);
  });

  it('are refused in the order in which they came, none before its time', () => {
    const { heard, unplaced, submit } = setUp();
    const refusedAt = new Map<number, number>();
    for (let ms = 0; ms <= 4 * WAIT_MS; ms++) {
      if (ms < WAIT_MS) submit(ms);
      unplaced.unplaceable(ms, WAIT_MS);
      for (const [first] of heard.slice(refusedAt.size)) refusedAt.set(first, ms);
    }
    expect([...refusedAt.keys()]).toEqual(Array.from({ length: WAIT_MS }, (_, i) => i));
    for (const [first, ms] of refusedAt) {
      expect(ms - first).toBeGreaterThanOrEqual(WAIT_MS);
      expect(ms - first).toBeLessThanOrEqual(WAIT_MS + WAIT_MS / 16 + 1);
    }
  });

  it('begin to wait anew whenever there was a place for them', () => {
    const { heard, unplaced, submit, query } = setUp();
    submit(1);
    query(2);
    unplaced.unplaceable(1000, WAIT_MS);
    unplaced.placeable();
    unplaced.unplaceable(1000 + WAIT_MS - 1, WAIT_MS);
    unplaced.unplaceable(1000 + WAIT_MS + 1, WAIT_MS);
    expect(heard).toEqual([]);
  });

  it('are all there, in order, once there is a place', () => {
    const { heard, unplaced, submit, takeAll } = setUp();
    for (let i = 0; i < 20; i++) {
      submit(i);
      unplaced.unplaceable(i, WAIT_MS);
    }
    unplaced.placeable();
    expect(takeAll()).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(heard).toEqual([]);
  });

  it('are bounded in number too, however small they are: who comes beyond hears when there is room', () => {
    const { asker, submissions, unplaced } = setUp();
    const EMPTY = Buffer.alloc(4);
    let drained = 0;
    let taken = 0;
    const one: Requester = { ...asker, drain: () => drained++ };
    const other: Requester = { ...asker };
    while (submissions.add(taken % 2 === 0 ? one : other, taken, 1, EMPTY, 0, 4)) taken++;
    submissions.add(one, taken, 1, EMPTY, 0, 4);
    expect(taken).toBeLessThan(LIMITS.waitingBytesMax / 64);
    unplaced.unplaceable(0, WAIT_MS);
    unplaced.unplaceable(WAIT_MS, WAIT_MS);
    submissions.wakeStalled();
    expect(drained).toBe(1);
    expect(submissions.add(one, taken, 1, EMPTY, 0, 4)).toBe(true);
  });

  it('are all refused at the end', () => {
    const { heard, unplaced, submit, query } = setUp();
    submit(1);
    unplaced.unplaceable(1000, WAIT_MS);
    submit(2);
    query(3);
    unplaced.fail();
    expect(heard).toEqual([
      [1, Outcome.notExecuted],
      [2, Outcome.notExecuted],
      [3, Outcome.notExecuted],
    ]);
  });
});
