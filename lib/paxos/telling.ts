/**
 * The answers to fetches: as fast as the link of who asked takes them. One waits for each peer, the newest,
 * so that a peer that asks again and again costs no more than one that waits.
 */
import type { ReplicaId, Slot } from '../types.js';
import type { Configurations } from './configurations.js';
import type { Effects } from './effects.js';
import type { Learner } from './learner.js';
import type { Fetch } from './messages.js';

/** What was told last, and has not left yet. */
interface Told {
  readonly from: Slot;
  readonly end: Slot;
}

export class Telling {
  private readonly learner: Learner;
  private readonly configurations: Configurations;
  private readonly effects: Effects;
  private readonly waiting = new Map<ReplicaId, Fetch>();
  private readonly told = new Map<ReplicaId, Told>();

  constructor(learner: Learner, configurations: Configurations, effects: Effects) {
    this.learner = learner;
    this.configurations = configurations;
    this.effects = effects;
  }

  /** `to` has asked; slots through `trimThrough` are forgotten here. */
  asked(to: ReplicaId, request: Fetch, trimThrough: Slot): void {
    if (request.fromSlot <= trimThrough) return this.effects.offerCheckpoint(to);
    if (this.effects.hasRoom(to)) return this.tell(to, request);
    const told = this.told.get(to);
    // It asks again for what is on its way.
    if (told !== undefined && request.fromSlot >= told.from && request.fromSlot < told.end) return;
    this.waiting.set(to, request);
  }

  /** The link to `to` takes more. */
  roomAgain(to: ReplicaId): void {
    this.told.delete(to);
    const request = this.waiting.get(to);
    if (request === undefined || !this.effects.hasRoom(to)) return;
    this.waiting.delete(to);
    this.tell(to, request);
  }

  /** A candidate, which is not welcome, has learned less. It may be cut off from the leader alone. */
  candidate(to: ReplicaId, itsLearnedThrough: Slot): void {
    if (this.learner.learnedThrough > itsLearnedThrough) this.howFar(to);
  }

  /** Who asks to lead in a configuration that has ended may not, and is told what there is to learn. */
  mayLead(candidate: ReplicaId, configuration: number): boolean {
    const judged = this.configurations.judge(candidate, configuration);
    if (judged !== 'late') return judged === 'voter';
    this.howFar(candidate);
    return false;
  }

  /** Tells the voters that there is a configuration in which they are some. */
  allVoters(): void {
    for (const id of this.configurations.quorum.voters) this.howFar(id);
  }

  private howFar(to: ReplicaId): void {
    const { learnedThrough } = this.learner;
    const fromSlot = learnedThrough + 1;
    this.effects.send(to, { type: 'chosen', fromSlot, votes: [], learnedThrough }, 0);
  }

  private tell(to: ReplicaId, { fromSlot, throughSlot }: Fetch): void {
    const { appliedThrough, learnedThrough } = this.learner;
    const votes = this.learner.tell(fromSlot, throughSlot);
    // What is applied here and gone from the log is in a checkpoint, now or soon.
    if (votes.length === 0 && fromSlot <= appliedThrough) this.effects.offerCheckpoint(to);
    this.told.set(to, { from: fromSlot, end: fromSlot + votes.length });
    this.effects.send(to, { type: 'chosen', fromSlot, votes, learnedThrough }, 0);
  }
}
