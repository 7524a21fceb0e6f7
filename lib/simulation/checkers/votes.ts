/**
 * What is durable on which replica, seen from outside: the ground truth that other checkers compare with.
 *
 * 1. Here a batch is *chosen* as soon as a quorum of its slot's configuration has durable votes for it at one
 *    ballot, whether or not any replica knows (*Paxos Made Simple*, section 2.2). A slot's configuration is
 *    known once all slots below it are chosen (contract 27); so slots are judged in order.
 * 2. The checker `votes` breaks when two batches have votes at one (ballot, slot) (contracts 4, 11), or
 *    when a vote above the ballot of a chosen batch is for another one (P2b).
 */
import { formatBallot } from '../../paxos/ballot.js';
import { type Change, decodeChange } from '../../paxos/configuration-batch.js';
import { Quorum } from '../../paxos/quorum.js';
import {
  type Ballot,
  type Batch,
  BatchKind,
  type Configuration,
  type Digest,
  type ReplicaId,
  type Slot,
} from '../../types.js';
import type { DurableItem, Observer } from '../observer.js';
import { must, Violation } from '../violation.js';

interface Voted {
  readonly kind: BatchKind;
  readonly digest: Digest;
  readonly voters: Set<ReplicaId>;
}

export interface ChosenBatch {
  readonly ballot: Ballot;
  readonly kind: BatchKind;
  readonly digest: Digest;
}

/** A configuration as it came to be: of the slots behind the one in which its batch was chosen. */
export interface TrueConfiguration {
  readonly configuration: Configuration;
  readonly from: Slot;
  /** The lowest ballot that chose its batch; 0 for the first one. */
  readonly chosenAt: Ballot;
}

export class Votes implements Observer {
  /** By rising numbers, which follow one another. */
  readonly configurations: TrueConfiguration[] = [];
  private readonly bySlot = new Map<Slot, Map<Ballot, Voted>>();
  private readonly chosen = new Map<Slot, ChosenBatch>();
  private readonly changes = new Map<Digest, Change>();
  private quorum: Quorum;
  private judgedThrough: Slot = 0;

  constructor(configuration: Configuration) {
    this.quorum = new Quorum(configuration);
    this.configurations.push({ configuration, from: 1, chosenAt: 0 as Ballot });
  }

  /** The batch chosen in `slot` and the lowest ballot that chose it, as far as votes have become durable. */
  chosenAt(slot: Slot): ChosenBatch | undefined {
    return this.chosen.get(slot);
  }

  /** The configuration with that number; undefined if its batch is not chosen. */
  configuration(number: number): TrueConfiguration | undefined {
    return this.configurations.find(({ configuration }) => configuration.number === number);
  }

  /** The configuration of `slot`; undefined while it is not fixed. */
  configurationOf(slot: Slot): TrueConfiguration | undefined {
    if (slot > this.judgedThrough + 1) return undefined;
    return this.configurations.findLast(({ from }) => from <= slot);
  }

  hasVoted(replica: ReplicaId, slot: Slot, ballot: Ballot): boolean {
    return this.bySlot.get(slot)?.get(ballot)?.voters.has(replica) ?? false;
  }

  proposed(_leader: ReplicaId, _slot: Slot, { digest, bytes }: Batch): void {
    this.changes.set(digest, decodeChange(bytes)!);
  }

  /** A vote that survived a crash counts, even if the store never came to say that it was durable. */
  recovered(replica: ReplicaId, vote: DurableItem): void {
    this.durable(replica, vote);
  }

  durable(replica: ReplicaId, { slot, ballot, kind, digest }: DurableItem): void {
    if (slot === 0) return;
    let ballots = this.bySlot.get(slot);
    if (ballots === undefined) {
      ballots = new Map();
      this.bySlot.set(slot, ballots);
    }
    let voted = ballots.get(ballot);
    if (voted === undefined) {
      voted = { kind, digest, voters: new Set() };
      ballots.set(ballot, voted);
    }
    must(
      voted.digest === digest && voted.kind === kind,
      'votes',
      () => `replica ${replica} voted for a second batch at slot ${slot}, ballot ${formatBallot(ballot)}`,
    );
    voted.voters.add(replica);
    const before = this.chosen.get(slot);
    if (before !== undefined) {
      if (ballot > before.ballot) this.mustCarry(replica, slot, ballot, digest, before);
      return;
    }
    while (this.judge(this.judgedThrough + 1)) this.judgedThrough++;
  }

  /** Whether a batch is chosen in `slot`, below which all are. */
  private judge(slot: Slot): boolean {
    const ballots = this.bySlot.get(slot);
    if (ballots === undefined) return false;
    for (const ballot of [...ballots.keys()].sort((a, b) => a - b)) {
      const { voters, kind, digest } = ballots.get(ballot)!;
      let members = 0;
      for (const voter of voters) members |= this.quorum.bitOf(voter);
      if (!this.quorum.isReached(members)) continue;
      const chosen = { ballot, kind, digest };
      this.chosen.set(slot, chosen);
      for (const [other, vote] of ballots) {
        if (other > ballot) this.mustCarry([...vote.voters][0]!, slot, other, vote.digest, chosen);
      }
      if (kind === BatchKind.configuration) this.ends(slot, chosen);
      return true;
    }
    return false;
  }

  private ends(slot: Slot, { ballot, digest }: ChosenBatch): void {
    const change = this.changes.get(digest);
    if (change?.number !== this.quorum.configuration.number + 1) return;
    const { cookie: _, ...configuration } = change;
    this.quorum = new Quorum(configuration);
    this.configurations.push({ configuration, from: slot + 1, chosenAt: ballot });
  }

  private mustCarry(
    replica: ReplicaId,
    slot: Slot,
    ballot: Ballot,
    digest: Digest,
    chosen: ChosenBatch,
  ): void {
    if (digest === chosen.digest) return;
    throw new Violation(
      'votes',
      `replica ${replica} voted at slot ${slot}, ballot ${formatBallot(ballot)} for another batch than the one ` +
        `chosen at ballot ${formatBallot(chosen.ballot)}`,
    );
  }
}
