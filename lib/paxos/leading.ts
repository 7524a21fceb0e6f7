/**
 * What a replica does while it leads, beside proposing: it beats, hears who follows, serves reads, and
 * notices when it must lead no longer. It has no rule of its own about ballots: leadership.ts decides who
 * leads.
 */
import type { ReplicaId, Slot } from '../types.js';
import type { Acceptor } from './acceptor.js';
import type { Concluded } from './candidacy.js';
import type { Configurations } from './configurations.js';
import type { Effects } from './effects.js';
import { GapWatch } from './gap-watch.js';
import type { Learner } from './learner.js';
import type { Accepted, Heartbeaten, Index } from './messages.js';
import { reachTicks, type Timing } from './options.js';
import { Progress } from './progress.js';
import { Proposer, type Window } from './proposer.js';
import { Pulse } from './pulse.js';
import { ReadIndex } from './read.js';
import { Room } from './room.js';

/** Why a leader leads no longer: no quorum is heard of, or it stands above slots that nobody can tell it. */
export type Ending = 'unheard' | 'above a gap';

export class Leading {
  readonly proposer: Proposer;
  readonly progress: Progress = new Progress();
  readonly room: Room;
  private readonly configurations: Configurations;
  private readonly learner: Learner;
  private readonly effects: Effects;
  private readonly timing: Timing;
  private readonly reads: ReadIndex;
  private readonly pulse: Pulse;
  private readonly gapWatch: GapWatch;

  constructor(
    self: ReplicaId,
    configurations: Configurations,
    acceptor: Acceptor,
    learner: Learner,
    effects: Effects,
    timing: Timing,
    window: Window,
  ) {
    this.configurations = configurations;
    this.learner = learner;
    this.effects = effects;
    this.timing = timing;
    this.proposer = new Proposer(self, configurations, acceptor, learner, effects, window);
    this.reads = new ReadIndex(configurations, self, effects);
    this.pulse = new Pulse(timing, configurations, this.reads, this.progress);
    this.room = new Room(self, configurations, this.progress, reachTicks(timing));
    this.gapWatch = new GapWatch(configurations, timing, this.progress);
  }

  /** Phase 1 is done: the ballot is led from now on. */
  begin({ ballot, recovery, mostLearned }: Concluded): void {
    this.pulse.begin();
    this.learner.seekFrom(mostLearned.from, mostLearned.through);
    this.proposer.lead(ballot, recovery.firstSlot, recovery.batches);
    this.beat();
  }

  /** Gives up the lead, if there is one. */
  end(): void {
    if (this.proposer.ballot === undefined) return;
    this.proposer.resign();
    this.reads.abandon();
  }

  /** One tick of leading. @returns why it must end, if it must. */
  tick(): Ending | undefined {
    this.proposer.retryOwnVotes();
    if (!this.pulse.tick()) return 'unheard';
    if (this.gapWatch.tick(this.learner.learnedThrough, this.proposer.gapThrough)) return 'above a gap';
    if (this.pulse.isDue(this.learner.learnedThrough)) this.beat();
    return undefined;
  }

  /** The end of a turn. @returns false if slots are learned that this ballot never proposed. */
  settle(): boolean {
    return this.proposer.learnedNow(this.learner.learnedThrough);
  }

  /** Opens the round that reads wait for, if some do. */
  beatForReads(): void {
    if (this.proposer.ballot !== undefined && this.reads.wantsRound) this.beat();
  }

  accepted(from: ReplicaId, message: Accepted): void {
    const { ballot, fromSlot, throughSlot } = message;
    if (ballot === this.proposer.ballot) this.pulse.heard(this.configurations.quorum.bitOf(from));
    this.proposer.accepted(from, ballot, fromSlot, throughSlot);
  }

  heartbeaten(from: ReplicaId, message: Heartbeaten): void {
    this.progress.take(from, message);
    // What an earlier leader had chosen may be trimmed there: then a checkpoint is needed.
    this.learner.seekFrom(from, message.learnedThrough);
    if (message.ballot !== this.proposer.ballot) return;
    this.reads.answered(from, message.round);
    this.pulse.heard(this.configurations.quorum.bitOf(from));
    const tellsLoss = this.progress.tellsLoss(from, message.round);
    this.proposer.coveredNow(from, message.coveredThrough, tellsLoss);
  }

  /** Asks for a linearizable read; `readReady` or `readsLost` will name `readId`. False if not the leader. */
  read(readId: number): boolean {
    if (!this.mayRead) return false;
    this.reads.ask(readId, this.readSlot);
    return true;
  }

  /** A follower asks what its reads must have applied. Who leads no longer is silent: it will ask again. */
  index(from: ReplicaId, message: Index): void {
    if (this.mayRead && message.ballot === this.proposer.ballot)
      this.reads.askFor(from, message, this.readSlot);
  }

  /** Asks the most advanced voter to campaign. False if not leading, or nobody is there to ask. */
  handOver(appliedMin: Slot): boolean {
    const ballot = this.proposer.ballot;
    const heir = this.progress.mostCovered(this.configurations.quorum, reachTicks(this.timing), appliedMin);
    if (ballot === undefined || heir === 0) return false;
    this.effects.send(heir, { type: 'handOver', ballot }, 0);
    return true;
  }

  /** Asks that voter to campaign. False if not leading, or it does not answer, or lacks more slots. */
  handOverTo(heir: ReplicaId, lagSlotsMax: number): boolean {
    const { ballot } = this.proposer;
    const peer = this.progress.of(heir);
    if (ballot === undefined || peer === undefined || !this.configurations.quorum.has(heir)) return false;
    if (peer.silentTicks >= reachTicks(this.timing)) return false;
    if (peer.learnedThrough + lagSlotsMax < this.learner.learnedThrough) return false;
    this.effects.send(heir, { type: 'handOver', ballot }, 0);
    return true;
  }

  private get mayRead(): boolean {
    return this.proposer.ballot !== undefined && !this.proposer.isOutlived;
  }

  /** What a read that is asked for now must have applied. */
  private get readSlot(): Slot {
    return Math.max(this.proposer.recoveredThrough, this.learner.learnedThrough);
  }

  /** Tells every peer, at the ballot led, what is learned. */
  beat(): void {
    const { ballot, lastSlot } = this.proposer;
    const { chain, learnedThrough } = this.learner;
    const heartbeat = this.pulse.beat(ballot!, learnedThrough, chain, lastSlot);
    this.proposer.beat(heartbeat, this.progress.isMarked(heartbeat.round));
  }
}
