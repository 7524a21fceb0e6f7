/** What the addon's recovery, or its scrub, found, in the words of the storage contract. */
import { type NativeFormat, type NativeRecovered, type NativeScrub, VOTE_NUMBERS } from '../native/log.js';
import type { Ballot, BatchKind, Digest, Identity, SlotRange } from '../types.js';
import type { FoundDamage, Recovered, RecoveredVote } from './storage.js';

/** The identity in a region's header; the addon gives its ids as bytes. */
export function identityFrom(native: Pick<NativeFormat, 'clusterId' | 'storeUuid' | 'replicaId'>): Identity {
  return {
    clusterId: Buffer.from(native.clusterId).toString('hex'),
    replicaId: native.replicaId,
    storeUuid: Buffer.from(native.storeUuid).toString('hex'),
  };
}

export function recoveredFrom(native: NativeRecovered): Recovered {
  return {
    outcome: native.outcome,
    reason: native.reason,
    promised: native.promised as Ballot,
    trimThrough: native.trimThrough,
    checkpointId: native.checkpointId,
    learnedThrough: native.learnedThrough,
    highestVoted: native.highestVoted,
    votes: votesFrom(native.votes),
    uncertain: rangesFrom(native.uncertain),
    clean: native.clean === 1,
  };
}

export function damageFrom({ reason, votes, uncertain }: NativeScrub): FoundDamage | undefined {
  if (reason === undefined || votes === undefined || uncertain === undefined) return undefined;
  return { reason, votes: votesFrom(votes), uncertain: rangesFrom(uncertain) };
}

function votesFrom(numbers: Float64Array): RecoveredVote[] {
  const votes: RecoveredVote[] = [];
  for (let at = 0; at < numbers.length; at += VOTE_NUMBERS) {
    votes.push({
      slot: numbers[at]!,
      ballot: numbers[at + 1] as Ballot,
      kind: numbers[at + 2] as BatchKind,
      digest: numbers[at + 3] as Digest,
      lengthBytes: numbers[at + 4]!,
      available: numbers[at + 5] === 1,
    });
  }
  return votes;
}

function rangesFrom(numbers: Float64Array): SlotRange[] {
  const ranges: SlotRange[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    ranges.push({ from: numbers[at]!, through: numbers[at + 1]! });
  }
  return ranges;
}
