/**
 * A candidate's way through phase 1: its own promise first, then the answers, its own among them, part by
 * part, until a quorum of them is whole. What they amount to is decided in campaign.ts.
 *
 * 1. Nobody is asked before this replica's own promise is durable (contract 8).
 * 2. A campaign is run at the promised ballot only; once there is a higher one it never concludes.
 * 3. Nor does it once somebody is known to be in a later configuration: that one's first slots are not known
 *    to be beyond what this ballot would propose (contract 27).
 */
import type { Ballot, Batch, ReplicaId, Slot, SlotRange } from '../types.js';
import type { Acceptor } from './acceptor.js';
import { Campaign, type Recovery } from './campaign.js';
import type { Configurations } from './configurations.js';
import type { Effects } from './effects.js';
import type { Learner } from './learner.js';
import type { Promised } from './messages.js';
import type { PromisedAnswer } from './promised-answer.js';

const NO_SLOTS: readonly SlotRange[] = [];

/** Phase 1 is done. */
export interface Concluded {
  readonly ballot: Ballot;
  readonly recovery: Recovery;
  readonly mostLearned: { readonly from: ReplicaId; readonly through: Slot };
}

export class Candidacy {
  private readonly self: ReplicaId;
  private readonly configurations: Configurations;
  private readonly acceptor: Acceptor;
  private readonly learner: Learner;
  private readonly answer: PromisedAnswer;
  private readonly effects: Effects;
  private readonly fetchTicks: number;
  private campaign: Campaign | undefined;
  /** The item of this replica's own promise; 0 once it is durable. */
  private ownItem = 0;
  private undecidedSlots: readonly SlotRange[] = NO_SLOTS;
  /** Learned when an answer was last looked at; an answer that became whole since is looked at too. */
  private judgedAt: Slot = 0;
  private isNews = false;

  constructor(
    self: ReplicaId,
    configurations: Configurations,
    acceptor: Acceptor,
    learner: Learner,
    answer: PromisedAnswer,
    effects: Effects,
    fetchTicks: number,
  ) {
    this.self = self;
    this.configurations = configurations;
    this.acceptor = acceptor;
    this.learner = learner;
    this.answer = answer;
    this.effects = effects;
    this.fetchTicks = fetchTicks;
  }

  /** The ballot campaigned for; undefined if none is. */
  get ballot(): Ballot | undefined {
    return this.campaign?.ballot;
  }
  /** Slots that held up the last campaign: who could say what they hold is not to be had. */
  get undecided(): readonly SlotRange[] {
    return this.undecidedSlots;
  }

  /** Begins the campaign for the ballot that this replica has just promised. */
  begin(): void {
    const { acceptor, learner } = this;
    const { configurations, fetchTicks } = this;
    const { quorum } = configurations;
    const isStop = (batch: Batch): boolean => configurations.isStop(batch);
    this.campaign = new Campaign(acceptor.promised, learner.learnedThrough + 1, quorum, fetchTicks, isStop);
    this.ownItem = acceptor.stagedThrough;
    this.ask(this.campaign, quorum.voters, this.ownItem);
  }

  /** Gives the campaign up, if there is one. */
  end(): void {
    this.campaign = undefined;
    this.ownItem = 0;
    this.isNews = false;
  }

  /** Somebody leads: what held up a campaign here does so no longer. */
  someoneLeads(): void {
    this.end();
    this.undecidedSlots = NO_SLOTS;
  }

  /** Items through `item` are durable: this replica's own promise among them may be relied on. */
  durableNow(item: number): void {
    if (this.ownItem <= item) this.ownItem = 0;
  }

  /** Part of an answer has come. */
  take(from: ReplicaId, message: Promised): void {
    const { campaign } = this;
    if (campaign === undefined || message.ballot !== campaign.ballot) return;
    if (message.configuration > campaign.configurationNumber) {
      // A stop-sign is chosen that is not learned here: what is behind it is not this ballot's (contract 27).
      this.end();
      return this.learner.seekFrom(from, message.learnedThrough);
    }
    const taken = campaign.take(from, message);
    if (taken === 'whole') this.isNews = true;
    if (taken === 'gap') this.ask(campaign, [from], 0);
  }

  /** One tick. @returns true while an answer that is lacking is on its way. */
  tick(): boolean {
    const { campaign } = this;
    if (campaign === undefined || this.ownItem > 0) return false;
    const { ask, awaits } = campaign.tick((id) => id !== this.self && this.effects.isArriving(id));
    // Told so, who promised does not campaign meanwhile.
    this.ask(campaign, ask, 0);
    return awaits;
  }

  /**
   * What to lead with, once a quorum has answered and every slot is decided; the campaign is over then.
   * Called after anything that may have made it so; it looks again only if something has.
   */
  conclude(): Concluded | undefined {
    this.takeOwn();
    const { campaign, learner } = this;
    if (campaign === undefined || campaign.ballot !== this.acceptor.promised) return undefined;
    if (!this.isNews && learner.learnedThrough <= this.judgedAt) return undefined;
    this.isNews = false;
    this.judgedAt = learner.learnedThrough;
    const recovery = campaign.recovery(learner.learnedThrough);
    this.undecidedSlots = campaign.undecided;
    if (recovery === undefined) return undefined;
    this.campaign = undefined;
    return { ballot: campaign.ballot, recovery, mostLearned: campaign.mostLearned() };
  }

  /** One more part of this replica's own answer: a long one is read from the log turn by turn. */
  private takeOwn(): void {
    const { campaign, self } = this;
    if (campaign === undefined || this.ownItem > 0 || campaign.ballot !== this.acceptor.promised) return;
    if (campaign.isWhole(self)) return;
    const { fromSlot, attempt } = campaign.prepareFor(self);
    this.take(self, this.answer.part(fromSlot, attempt));
  }

  private ask(campaign: Campaign, members: readonly ReplicaId[], after: number): void {
    for (const id of members) if (id !== this.self) this.effects.send(id, campaign.prepareFor(id), after);
  }
}
