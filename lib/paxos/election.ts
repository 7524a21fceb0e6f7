/**
 * When to campaign: timeouts in ticks, drawn anew each time, and a canvass before every campaign, so that a
 * replica that was cut off, or returns, does not depose a leader that a quorum still hears.
 * (The pre-vote of *Consensus: Bridging Theory and Practice*, section 9.6, in Paxos's words.)
 *
 * 1. A leader is heard until its silence is out of the ordinary (flow.ts). Who hears it welcomes no campaign.
 * 2. A hint that the leader is gone (its link was ended at the other end) makes this replica canvass at once,
 *    and nothing else: whether others still hear it is theirs to say. One hint is taken for each ballot
 *    followed, and another one after an election timeout, so that a link which comes and goes is no noise.
 *
 * | state      | what may be trusted                                   | left by                                    |
 * |------------|-------------------------------------------------------|--------------------------------------------|
 * | following  | a leader is heard, or none is known                   | `tick`, `takeHint` → canvassing            |
 * | canvassing | nothing durable has changed                           | a quorum of canvassed → campaigning        |
 * | campaigning| own promise staged; phase 1 under way                 | phase 1 done → leading; timeout → canvass  |
 * | leading    | a quorum is heard (pulse.ts)                          | higher ballot, or no quorum → following    |
 */
import type { Ballot, ReplicaId } from '../types.js';
import { NO_BALLOT } from './ballot.js';
import type { Configurations } from './configurations.js';
import { Flow } from './flow.js';
import { floorTicks, type Timing } from './options.js';
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
  private readonly flow: Flow;
  /** Ticks since the leader was heard, or, where none is known, since what is waited for began. */
  private silentTicks = 0;
  /** Beyond what is out of the ordinary while a leader is followed; the whole time-out else. */
  private timeoutTicks = 0;
  /** The lead heard last, and ticks since. */
  private heard: Ballot = NO_BALLOT;
  private unheardTicks = 0;
  /** Ticks until a hint is taken again at the ballot followed; it is where none are left. */
  private hintTicks = 0;
  private canvassed: MemberSet = 0;
  /** The ballot of the last canvass. */
  canvassBallot: Ballot = NO_BALLOT;

  constructor(timing: Timing, configurations: Configurations, random: () => number) {
    this.timing = timing;
    this.configurations = configurations;
    this.quorum = configurations.quorum;
    this.random = random;
    this.flow = new Flow(floorTicks(timing), timing.electionTicks);
    this.restartTimer();
  }

  /** True for as long as a leader was heard recently enough that a canvass is unwelcome. */
  get hearsLeader(): boolean {
    if (this.standing === 'leading') return true;
    return this.leader !== 0 && this.silentTicks < this.flow.suspectTicks;
  }

  restartTimer(): void {
    this.silentTicks = 0;
    const { electionTicks } = this.timing;
    const times = 2 ** Math.min(this.undecidedAttempts, BACK_OFF_DOUBLINGS_MAX);
    this.timeoutTicks = (electionTicks + Math.floor(this.random() * electionTicks)) * times;
  }

  /** One tick without word from a leader. @returns true when it is time to canvass (or, leading, never). */
  tick(): boolean {
    this.hintTicks--;
    if (this.standing === 'leading') return false;
    this.silentTicks++;
    this.unheardTicks++;
    if (this.leader === 0) return this.silentTicks >= this.timeoutTicks;
    this.flow.tick();
    const { suspectTicks } = this.flow;
    // As long again at most, as the time-out was drawn: not all are to ask at once.
    return this.silentTicks >= (suspectTicks * this.timeoutTicks) / this.timing.electionTicks;
  }

  /** The link to `peer` was ended at its other end. @returns true if that is a reason to canvass now. */
  takeHint(peer: ReplicaId): boolean {
    if (this.standing !== 'following' || this.leader !== peer || this.hintTicks > 0) return false;
    this.hintTicks = this.timing.electionTicks;
    return true;
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

  /** Someone leads at `ballot`, or campaigns at a higher one (`leader` 0). */
  follow(leader: ReplicaId, ballot: Ballot = NO_BALLOT): void {
    if (leader !== 0) {
      this.undecidedAttempts = 0;
      if (ballot === this.heard) this.flow.ended(this.unheardTicks);
      else this.hintTicks = 0;
      this.heard = ballot;
      this.unheardTicks = 0;
    }
    const isKnown = this.standing === 'following' && this.leader === leader && leader !== 0;
    this.standing = 'following';
    this.leader = leader;
    // Whom it follows says many things: the time-out that was drawn holds until it says nothing.
    if (isKnown) this.silentTicks = 0;
    else this.restartTimer();
  }
}
