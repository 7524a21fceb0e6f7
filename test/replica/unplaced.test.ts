import { describe, expect, it } from 'vitest';
import { Executor } from '../../lib/replica/executor.js';
import { Queries } from '../../lib/replica/queries.js';
import { Outcome, type Requester } from '../../lib/replica/service.js';
import type { StateMachine } from '../../lib/replica/state-machine.js';
import { Submissions } from '../../lib/replica/submissions.js';
import { Unplaced } from '../../lib/replica/unplaced.js';

const LIMITS = { commandBytesMax: 99, batchBytesTarget: 512, batchBytesMax: 1024, waitingBytesMax: 4096 };
const BODY = Buffer.from([1, 0, 0, 0, 7]);

const setUp = () => {
  const heard: [first: number, outcome: Outcome][] = [];
  const asker: Requester = { outcome: (first, _, outcome) => heard.push([first, outcome]), drain: () => {} };
  const submissions = new Submissions(LIMITS);
  const queries = new Queries(new Executor({} as StateMachine, { through: 0, timeMs: 0 }));
  return { heard, asker, submissions, queries, unplaced: new Unplaced(100) };
};

describe('requests without a place', () => {
  it('wait for their time, and are then certainly not executed', () => {
    const { heard, asker, submissions, queries, unplaced } = setUp();
    submissions.add(asker, 1, 1, BODY, 0, BODY.length);
    queries.add(asker, 2, 1, BODY, 0, BODY.length);
    unplaced.tick(1000, false, submissions, queries);
    unplaced.tick(1099, false, submissions, queries);
    expect(heard).toEqual([]);
    unplaced.tick(1100, false, submissions, queries);
    expect(heard).toEqual([
      [1, Outcome.notExecuted],
      [2, Outcome.notExecuted],
    ]);
    expect(submissions.isEmpty).toBe(true);
  });

  it('begin to wait anew whenever there was a place for them', () => {
    const { heard, asker, submissions, queries, unplaced } = setUp();
    submissions.add(asker, 1, 1, BODY, 0, BODY.length);
    unplaced.tick(1000, false, submissions, queries);
    unplaced.tick(1050, true, submissions, queries);
    unplaced.tick(1099, false, submissions, queries);
    unplaced.tick(1150, false, submissions, queries);
    expect(heard).toEqual([]);
  });
});
