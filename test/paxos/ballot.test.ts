import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BALLOT_ROUND_MAX, REPLICA_ID_MAX } from '../../lib/limits.js';
import {
  ballotAbove,
  ballotOf,
  formatBallot,
  NO_BALLOT,
  replicaOf,
  roundOf,
} from '../../lib/paxos/ballot.js';

const round = fc.integer({ min: 1, max: BALLOT_ROUND_MAX - 1 });
const replica = fc.integer({ min: 1, max: REPLICA_ID_MAX });

test('a ballot gives back its round and its replica', () => {
  fc.assert(
    fc.property(round, replica, (r, id) => {
      const ballot = ballotOf(r, id);
      expect([roundOf(ballot), replicaOf(ballot)]).toEqual([r, id]);
      expect(Number.isSafeInteger(ballot)).toBe(true);
      expect(ballot).toBeGreaterThan(NO_BALLOT);
    }),
  );
});

test('ballots are ordered by round, then by replica', () => {
  fc.assert(
    fc.property(round, replica, round, replica, (r1, id1, r2, id2) => {
      const byParts = Math.sign(r1 - r2) || Math.sign(id1 - id2);
      expect(Math.sign(ballotOf(r1, id1) - ballotOf(r2, id2))).toBe(byParts);
    }),
  );
});

test('the ballot above belongs to who asks and outdoes every ballot of the round below', () => {
  fc.assert(
    fc.property(round, replica, replica, (r, id, other) => {
      const above = ballotAbove(ballotOf(r, other), id);
      expect(replicaOf(above)).toBe(id);
      expect(above).toBeGreaterThan(ballotOf(r, REPLICA_ID_MAX));
    }),
  );
});

test('bounds are errors with a code', () => {
  const code = 'ERR_INDELIBLE_ARGUMENT';
  for (const [r, id] of [
    [0, 1],
    [1, 0],
    [1.5, 1],
    [BALLOT_ROUND_MAX + 1, 1],
    [1, REPLICA_ID_MAX + 1],
    [Number.NaN, 1],
  ] as const) {
    expect(() => ballotOf(r, id)).toThrow(expect.objectContaining({ code }));
  }
});

test('a ballot is written as round.replica', () => {
  expect(formatBallot(ballotOf(12, 3))).toBe('12.3');
});
