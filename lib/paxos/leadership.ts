/**
 * Which ballot this replica leads, campaigns for or follows, and how it comes from one to the next. When it
 * is time to is in election.ts, how phase 1 goes in candidacy.ts, what a leader does in leading.ts.
 *
 * 1. Once a higher ballot is seen, a lower one is led or campaigned for no longer (contract 13).
 * 2. It campaigns at ballots of its own, higher than all it has promised or seen, and than the beginning of
 *    the configuration in force (contracts 8, 27).
 */
import { requires } from '../contract.js';
import { BALLOT_ROUND_HEARD_MAX } from '../limits.js';
import type { Ballot, ReplicaId } from '../types.js';
import type { Acceptor } from './acceptor.js';
import { ballotAbove, NO_BALLOT, roundOf } from './ballot.js';
import { Candidacy } from './candidacy.js';
import type { Configurations } from './configurations.js';
import type { Effects, Role } from './effects.js';
import { Election } from './election.js';
import type { FollowedReads } from './followed-reads.js';
import type { Leading } from './leading.js';
import type { Learner } from './learner.js';
import type { Canvassed, HandOver } from './messages.js';
import type { Timing } from './options.js';
import type { PromisedAnswer } from './promised-answer.js';
import type { Telling } from './telling.js';

/** The roles that it goes through, and what they share. */
export interface LeadershipParts {
  readonly self: ReplicaId;
  readonly configurations: Configurations;
  readonly acceptor: Acceptor;
  readonly learner: Learner;
  readonly leading: Leading;
  readonly answer: PromisedAnswer;
  readonly telling: Telling;
  readonly followedReads: FollowedReads;
  readonly effects: Effects;
  readonly timing: Timing;
  readonly random: () => number;
}

export class Leadership {
  readonly election: Election;
  readonly candidacy: Candidacy;
  /** True while this replica's store is behind: it does not ask to lead. */
  standsBack = false;
  private readonly self: ReplicaId;
  private readonly configurations: Configurations;
  private readonly acceptor: Acceptor;
  private readonly learner: Learner;
  private readonly leading: Leading;
  private readonly answer: PromisedAnswer;
  private readonly telling: Telling;
  private readonly followedReads: FollowedReads;
  private readonly effects: Effects;
  private readonly timing: Timing;
  private highestSeen: Ballot;
  private leaderBallot: Ballot = NO_BALLOT;

  constructor(parts: LeadershipParts) {
    const { self, configurations, acceptor, learner, leading, answer, telling, effects, timing } = parts;
    this.self = self;
    this.configurations = configurations;
    this.acceptor = acceptor;
    this.learner = learner;
    this.leading = leading;
    this.answer = answer;
    this.telling = telling;
    this.followedReads = parts.followedReads;
    this.effects = effects;
    this.timing = timing;
    this.election = new Election(timing, configurations, parts.random);
    const { fetchTicks } = timing;
    this.candidacy = new Candidacy(self, configurations, acceptor, learner, answer, effects, fetchTicks);
    this.highestSeen = acceptor.promised;
  }

  get role(): Role {
    const standing = this.election.standing;
    if (standing === 'leading') return 'leader';
    return standing === 'following' ? 'follower' : 'candidate';
  }
  /** Who leads, as far as this replica knows; 0 if nobody. */
  get leader(): ReplicaId {
    return this.election.leader;
  }
  /** The ballot led or campaigned for; undefined where there is none. */
  get own(): Ballot | undefined {
    return this.leading.proposer.ballot ?? this.candidacy.ballot;
  }
  /** The ballot led, campaigned for or followed. */
  get ballot(): Ballot {
    return this.own ?? this.leaderBallot;
  }
  /** Whether this replica's votes count, as far as it knows. */
  get votes(): boolean {
    return this.acceptor.voting && this.configurations.quorum.has(this.self);
  }
  /** The highest ballot that this replica knows of. */
  get highest(): Ballot {
    return Math.max(this.acceptor.promised, this.highestSeen, this.configurations.above) as Ballot;
  }
  /** The highest ballot seen leaves none that peers would hear: this replica campaigns no more. */
  get areBallotsSpent(): boolean {
    return roundOf(this.highest) >= BALLOT_ROUND_HEARD_MAX;
  }

  /** Whether this replica asks to lead, once it hears no leader. */
  private get mayAsk(): boolean {
    return this.votes && !this.standsBack;
  }

  /** One unit of time has passed. */
  tick(): void {
    if (this.election.standing === 'leading') return this.tickLeader();
    if (!this.configurations.quorum.has(this.self)) return this.tickBeside();
    if (!this.mayAsk) return;
    if (this.candidacy.tick()) return;
    if (this.election.tick()) this.canvass();
    else if (this.election.isCanvassDueAgain(this.timing.fetchTicks)) this.broadcastCanvass();
  }

  /**
   * The link to `peer` was ended at its other end, as the kernel does when a process dies. It says nothing
   * for sure: the leader may live, and others hear it.
   */
  linkEnded(peer: ReplicaId): void {
    if (this.mayAsk && this.election.takeHint(peer)) this.canvass();
  }

  /** A ballot exists. A lower one is led or campaigned for no longer (contract 13). */
  observe(ballot: Ballot): void {
    if (ballot <= this.highestSeen) return;
    this.highestSeen = ballot;
    const { own } = this;
    if (own !== undefined && own < ballot) this.stepDown();
  }

  /** Leads and campaigns no longer, and knows nobody who leads. */
  stepDown(): void {
    this.candidacy.end();
    this.leading.end();
    this.election.follow(0);
    this.announceRole();
  }

  /** This replica has just promised to hear nothing below a candidate's ballot. */
  promised(): void {
    this.election.follow(0);
    this.announceRole();
  }

  /**
   * Follows the leader of `ballot`, unless a higher one is known. @returns false if it is not to be heard.
   */
  followLeader(from: ReplicaId, ballot: Ballot): boolean {
    if (ballot < this.acceptor.promised) {
      this.acceptor.reject(from, ballot);
      return false;
    }
    if (ballot < this.leaderBallot) return false;
    this.observe(ballot);
    this.leaderBallot = ballot;
    this.answer.end();
    const known = this.election.leader === from;
    this.candidacy.someoneLeads();
    this.election.follow(from, ballot);
    if (!known) this.announceRole();
    return true;
  }

  onCanvassed(from: ReplicaId, { ballot }: Canvassed): void {
    const welcome = this.election.takeCanvassed(ballot, this.configurations.quorum.bitOf(from));
    if (welcome) this.runCampaign(ballot);
  }

  onRejected(promised: Ballot): void {
    const { proposer } = this.leading;
    const led = proposer.ballot !== undefined;
    this.observe(promised);
    // Who campaigned is gone: a canvass disturbs nobody.
    if ((led && proposer.ballot === undefined) || this.election.isOutbid(promised)) this.canvass();
  }

  onHandOver(from: ReplicaId, message: HandOver): void {
    if (!this.votes || this.standsBack || this.areBallotsSpent) return;
    if (from !== this.election.leader || message.ballot !== this.leaderBallot) return;
    this.campaign();
  }

  /** Campaigns at once, without a canvass. */
  campaign(): void {
    this.runCampaign(ballotAbove(this.highest, this.self));
  }

  /** Leads, once phase 1 is done; called after anything that may have made it so. */
  concludeCampaign(): void {
    const concluded = this.candidacy.conclude();
    if (concluded === undefined) return;
    this.election.lead(this.self);
    this.leaderBallot = concluded.ballot;
    this.leading.begin(concluded);
    this.announceRole();
  }

  private canvass(): void {
    const { candidacy, election } = this;
    if (candidacy.ballot !== undefined && candidacy.undecided.length > 0) election.undecidedAttempts++;
    candidacy.end();
    if (this.areBallotsSpent) {
      election.follow(0);
      return this.announceRole();
    }
    const ballot = ballotAbove(this.highest, this.self);
    const ownBit = this.configurations.quorum.bitOf(this.self);
    election.beginCanvass(ballot, ownBit);
    this.announceRole();
    if (election.takeCanvassed(ballot, ownBit)) return this.runCampaign(ballot);
    this.broadcastCanvass();
  }

  private broadcastCanvass(): void {
    const { learnedThrough } = this.learner;
    const { number: configuration, quorum } = this.configurations;
    const ballot = this.election.canvassBallot;
    for (const id of quorum.voters) {
      if (id === this.self) continue;
      this.effects.send(id, { type: 'canvass', ballot, learnedThrough, configuration }, 0);
    }
  }

  private runCampaign(ballot: Ballot): void {
    requires(ballot > this.configurations.above, 27, 'ballots of a configuration are above its beginning');
    if (ballot <= this.acceptor.promised || !this.acceptor.promise(ballot)) return this.election.follow(0);
    this.highestSeen = Math.max(ballot, this.highestSeen) as Ballot;
    this.election.campaign();
    this.candidacy.begin();
    this.announceRole();
  }

  /** One tick of who is no voter: it alone may know who the voters are. */
  private tickBeside(): void {
    if (!this.election.tick()) return;
    this.election.restartTimer();
    if (this.configurations.above !== NO_BALLOT) this.telling.allVoters();
  }

  private tickLeader(): void {
    const ending = this.leading.tick();
    if (ending !== undefined) this.stepDown();
    if (ending === 'above a gap') this.canvass();
  }

  private announceRole(): void {
    if (this.role !== 'follower' || this.leader === 0) this.followedReads.lose();
    this.effects.role(this.role, this.ballot, this.election.leader);
  }
}
