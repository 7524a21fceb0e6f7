/**
 * Promises: never lowered, over restarts too (contract 1); nothing new is voted for below one (contracts 2,
 * 3); a replica never prepares a ballot that it has prepared before it restarted (contract 8); and one whose
 * store is lost says nothing that only an acceptor or a proposer may say, ever again (contract 7).
 */
import { formatBallot } from '../../paxos/ballot.js';
import type { Message } from '../../paxos/messages.js';
import type { Recovered } from '../../storage/storage.js';
import type { Ballot, ReplicaId } from '../../types.js';
import type { DurableItem, Observer } from '../observer.js';
import { must } from '../violation.js';
import type { Votes } from './votes.js';

interface Known {
  /** The highest ballot this replica has told others it promised. */
  spoken: Ballot;
  durable: Ballot;
  /** The highest ballot prepared since, and before, the last restart. */
  prepared: Ballot;
  preparedEarlier: Ballot;
  isLost: boolean;
}

const NONE = 0 as Ballot;
/** What a learner may say. */
const LEARNERS_WORDS: ReadonlySet<string> = new Set([
  'index',
  'fetch',
  'chosen',
  'checkpointOffer',
  'checkpointFetch',
  'checkpointChunk',
]);

export class Promises implements Observer {
  private readonly votes: Votes;
  private readonly known = new Map<ReplicaId, Known>();

  constructor(votes: Votes) {
    this.votes = votes;
  }

  opened(replica: ReplicaId, recovered: Recovered): void {
    const known = this.of(replica);
    known.isLost = recovered.outcome === 'lost';
    if (known.isLost) return;
    must(
      recovered.promised >= known.spoken,
      'promises',
      () =>
        `replica ${replica} said it promised ${formatBallot(known.spoken)} and restarted with ` +
        `${formatBallot(recovered.promised)}`,
    );
    known.durable = recovered.promised;
    known.preparedEarlier = Math.max(known.preparedEarlier, known.prepared) as Ballot;
    known.prepared = NONE;
  }

  durable(replica: ReplicaId, { slot, ballot, digest }: DurableItem): void {
    const known = this.of(replica);
    must(!known.isLost, 'promises', () => `replica ${replica} has lost its store and wrote to it`);
    if (ballot >= known.durable) {
      known.durable = ballot;
      return;
    }
    const chosen = this.votes.chosenAt(slot);
    must(
      (slot > 0 && chosen !== undefined && chosen.digest === digest) ||
        this.votes.hasVoted(replica, slot, ballot),
      'promises',
      () =>
        `replica ${replica} voted at slot ${slot}, ballot ${formatBallot(ballot)} after promising ` +
        formatBallot(known.durable),
    );
  }

  leaves(from: ReplicaId, _to: ReplicaId, message: Message): void {
    const known = this.of(from);
    must(
      !known.isLost || LEARNERS_WORDS.has(message.type),
      'promises',
      () => `replica ${from} has lost its store and says ${message.type}`,
    );
    if (message.type === 'promised' || message.type === 'accepted') this.speak(known, message.ballot);
    if (message.type === 'rejected') this.speak(known, message.promised);
    if (message.type !== 'prepare') return;
    must(
      message.ballot > known.preparedEarlier,
      'promises',
      () =>
        `replica ${from} prepares ${formatBallot(message.ballot)}, which it may have used before a restart`,
    );
    if (message.ballot > known.prepared) known.prepared = message.ballot;
    this.speak(known, message.ballot);
  }

  /** The highest ballot that `replica` has durably promised, by a promise or by a vote. */
  durablePromise(replica: ReplicaId): Ballot {
    return this.of(replica).durable;
  }

  private speak(known: Known, ballot: Ballot): void {
    if (ballot > known.spoken) known.spoken = ballot;
  }

  private of(replica: ReplicaId): Known {
    let known = this.known.get(replica);
    if (known === undefined) {
      known = { spoken: NONE, durable: NONE, prepared: NONE, preparedEarlier: NONE, isLost: false };
      this.known.set(replica, known);
    }
    return known;
  }
}
