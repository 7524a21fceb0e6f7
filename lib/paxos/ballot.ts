/**
 * Ballots: (round, replica) packed into one safe integer, so that the total order of *The Part-Time
 * Parliament* (section 2.1: ballots are ordered, each belongs to one president) is the order of numbers.
 */

import { argumentError } from '../errors.js';
import { BALLOT_REPLICA_BITS, BALLOT_ROUND_MAX, REPLICA_ID_MAX } from '../limits.js';
import type { Ballot, ReplicaId } from '../types.js';

const REPLICA_SPAN = 2 ** BALLOT_REPLICA_BITS;

/** Below every ballot of every replica. */
export const NO_BALLOT: Ballot = 0 as Ballot;

/** @throws RangeError outside the bounds of limits.ts. */
export function ballotOf(round: number, replica: ReplicaId): Ballot {
  if (!Number.isInteger(round) || round < 1 || round > BALLOT_ROUND_MAX) {
    throw argumentError(`a ballot's round is 1 … ${BALLOT_ROUND_MAX}, not ${round}`);
  }
  if (!Number.isInteger(replica) || replica < 1 || replica > REPLICA_ID_MAX) {
    throw argumentError(`a replica id is 1 … ${REPLICA_ID_MAX}, not ${replica}`);
  }
  return (round * REPLICA_SPAN + replica) as Ballot;
}

export function roundOf(ballot: Ballot): number {
  return Math.floor(ballot / REPLICA_SPAN);
}

export function replicaOf(ballot: Ballot): ReplicaId {
  return ballot % REPLICA_SPAN;
}

/** The lowest ballot of `replica` in a round above that of `ballot`. */
export function ballotAbove(ballot: Ballot, replica: ReplicaId): Ballot {
  return ballotOf(roundOf(ballot) + 1, replica);
}

/** "round.replica", for people. */
export function formatBallot(ballot: Ballot): string {
  return `${roundOf(ballot)}.${replicaOf(ballot)}`;
}
