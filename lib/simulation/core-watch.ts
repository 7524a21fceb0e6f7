/**
 * Which branches of one core a simulation has taken, as far as they show in what it says and in its role: a
 * suite of seeds that leaves one out has not tested it.
 */
import type { Role } from '../paxos/effects.js';
import type { Message, Promised } from '../paxos/messages.js';
import type { ReplicaCore } from '../paxos/replica.js';
import type { Ballot, Digest, ReplicaId, Slot } from '../types.js';
import type { Counters } from './counters.js';

export class CoreWatch {
  private readonly core: ReplicaCore;
  private readonly counters: Counters;
  /** The last campaign, what was asked in it, and which batches it was told of. */
  private ballot = 0 as Ballot;
  private asked = 0;
  private readonly told = new Map<Slot, Digest>();
  private isAnyBehind = false;
  private readonly electionTicks: number;
  /** Ticks since the leader that is followed said anything. */
  private silentTicks = 0;

  constructor(core: ReplicaCore, counters: Counters, electionTicks: number) {
    this.core = core;
    this.counters = counters;
    this.electionTicks = electionTicks;
  }

  sent(message: Message): void {
    const { counters } = this;
    if (message.type === 'promised') {
      if (!message.isLast && message.votes.length > 0) counters.answersInParts++;
      if (message.uncertain.length > 0) counters.uncertainAnswers++;
      if (message.votes.some(({ bytes }) => bytes === undefined)) counters.answersWithoutBytes++;
    } else if (message.type === 'chosen') {
      if (message.votes.length === 0) counters.cutOffTold++;
    } else if (message.type === 'prepare') {
      if (message.ballot > this.ballot) {
        this.ballot = message.ballot;
        this.asked = 0;
        this.told.clear();
      }
      if (message.attempt > 1) counters.answersResumed++;
      else if (++this.asked >= this.core.quorum.voters.length) counters.campaignsKept++;
    }
  }

  /** Takes a message in by `run`. */
  receive(message: Message, run: () => void): void {
    if (message.type === 'promised' && message.ballot === this.core.ballot) this.noteVotes(message);
    const led = this.core.role === 'leader' ? this.core.ballot : 0;
    run();
    if (message.type === 'accept' || message.type === 'heartbeat') this.silentTicks = 0;
    if (message.type !== 'rejected' || led === 0) return;
    if (this.core.role === 'candidate') this.counters.rejectedLeadersAsk++;
  }

  /** Takes by `run` that the link to `peer` was ended. */
  linkEnded(peer: ReplicaId, run: () => void): void {
    const { core, counters } = this;
    const before: Role = core.role;
    const follows = before === 'follower' && core.leader === peer;
    run();
    const after: Role = core.role;
    if (!follows || !core.votes) return;
    if (after === 'candidate') counters.hintsTaken++;
    else counters.hintsBounded++;
  }

  tick(run: () => void): void {
    const { core, counters } = this;
    const before: Role = core.role;
    const follows = core.leader !== 0;
    this.silentTicks++;
    run();
    const after: Role = core.role;
    if (before === 'follower' && follows && after === 'candidate' && this.silentTicks < this.electionTicks)
      counters.missedSoon++;
    if (before === 'leader' && after === 'candidate') counters.gapsLeft++;
    if (before === 'leader' && after === 'follower') counters.leadersWithoutQuorum++;
    const isAnyBehind = after === 'leader' && this.isBehind();
    if (isAnyBehind && !this.isAnyBehind) counters.peersBehind++;
    this.isAnyBehind = isAnyBehind;
  }

  /** A ballot is led from now on. */
  leads(): void {
    const { learner, proposer } = this.core;
    if (proposer.gapThrough > learner.learnedThrough) this.counters.ledAboveAGap++;
  }

  private isBehind(): boolean {
    const { quorum, proposer, self } = this.core;
    return quorum.voters.some((id) => id !== self && proposer.feed.isBehind(id));
  }

  private noteVotes({ votes }: Promised): void {
    for (const { slot, digest } of votes) {
      const before = this.told.get(slot);
      if (before !== undefined && before !== digest) this.counters.conflictingVotes++;
      this.told.set(slot, digest);
    }
  }
}
