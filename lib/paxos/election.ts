/**
 * When to campaign: timeouts in ticks, drawn anew each time, and a canvass before every campaign, so that a
 * replica that was cut off, or returns, does not depose a leader that a quorum still hears.
 * (The pre-vote of *Consensus: Bridging Theory and Practice*, section 9.6, in Paxos's words.)
 *
 * | state      | what may be trusted                                   | left by                                    |
 * |------------|-------------------------------------------------------|--------------------------------------------|
 * | following  | a leader was heard within the timeout, or none known  | `timedOut` → canvassing                    |
 * | canvassing | nothing durable has changed                           | a quorum of canvassed → campaigning        |
 * | campaigning| own promise staged; phase 1 under way                 | phase 1 done → leading; timeout → canvass  |
 * | leading    | a quorum answered a heartbeat within the timeout      | higher ballot, or no quorum → following    |
 */
import type { Ballot, ReplicaId } from '../types.js';
import { NO_BALLOT } from './ballot.js';
import type { Configurations } from './configurations.js';
import type { Timing } from './options.js';
import type { MemberSet, Quorum } from './quorum.js';

/** How often the time between campaigns that damage keeps from deciding is doubled, at most. */
const BACK_OFF_DOUBLINGS_MAX = 3;

export type Standing = 'following' | 'canvassing' | 'campaigning' | 'leading';

export class Election {
  standing: Standing = 'following';
  /** Who leads as far as this replica knows; 0 if nobody. */
  leader: ReplicaId = 0;
  /** Campaigns in a row that damage has kept from deciding. */
  undecidedAttempts = 0;
  private readonly timing: Timing;
  private readonly configurations: Configurations;
  /** Of the ballot of the last canvass. */
  private quorum: Quorum;
  private readonly random: () => number;
  private silentTicks = 0;
  private timeoutTicks = 0;
  private canvassed: MemberSet = 0;
  /** The ballot of the last canvass. */
  canvassBallot: Ballot = NO_BALLOT;

  constructor(timing: Timing, configurations: Configurations, random: () => number) {
    this.timing = timing;
    this.configurations = configurations;
    this.quorum = configurations.quorum;
    this.random = random;
    this.restartTimer();
  }

  /** True for as long as a leader was heard recently enough that a canvass is unwelcome. */
  get hearsLeader(): boolean {
    if (this.standing === 'leading') return true;
    return this.leader !== 0 && this.silentTicks < this.timing.electionTicks;
  }

  restartTimer(): void {
    this.silentTicks = 0;
    const { electionTicks } = this.timing;
    const times = 2 ** Math.min(this.undecidedAttempts, BACK_OFF_DOUBLINGS_MAX);
    this.timeoutTicks = (electionTicks + Math.floor(this.random() * electionTicks)) * times;
  }

  /** One tick without word from a leader. @returns true when it is time to canvass (or, leading, never). */
  tick(): boolean {
    if (this.standing === 'leading') return false;
    this.silentTicks++;
    return this.silentTicks >= this.timeoutTicks;
  }

  /** Every so many ticks a canvass is sent again: it may have been lost, and who lags is told so. */
  isCanvassDueAgain(everyTicks: number): boolean {
    return this.standing === 'canvassing' && this.silentTicks > 0 && this.silentTicks % everyTicks === 0;
  }

  /** Begins a canvass for `ballot`. */
  beginCanvass(ballot: Ballot, self: MemberSet): void {
    this.standing = 'canvassing';
    this.leader = 0;
    this.quorum = this.configurations.quorum;
    this.canvassBallot = ballot;
    this.canvassed = self;
    this.restartTimer();
  }

  /** A member would welcome the campaign. @returns true once a quorum does. */
  takeCanvassed(ballot: Ballot, member: MemberSet): boolean {
    if (this.standing !== 'canvassing' || ballot !== this.canvassBallot) return false;
    this.canvassed |= member;
    return this.quorum.isReached(this.canvassed);
  }

  /** True if the canvass under way is for a ballot that can no longer be promised. */
  isOutbid(promised: Ballot): boolean {
    return this.standing === 'canvassing' && this.canvassBallot <= promised;
  }

  /** A campaign begins. */
  campaign(): void {
    this.standing = 'campaigning';
    this.leader = 0;
    this.restartTimer();
  }

  /** Phase 1 is done. */
  lead(self: ReplicaId): void {
    this.standing = 'leading';
    this.leader = self;
    this.undecidedAttempts = 0;
  }

  /** Someone leads, or campaigns at a higher ballot (`leader` 0). */
  follow(leader: ReplicaId): void {
    this.standing = 'following';
    this.leader = leader;
    if (leader !== 0) this.undecidedAttempts = 0;
    this.restartTimer();
  }
}
