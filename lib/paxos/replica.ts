/**
 * One replica's core: acceptor, proposer and learner behind one set of inputs. Pure: what it does depends on
 * its inputs and nothing else, and everything it wants done it asks of `Effects`.
 *
 * Inputs: `receive` (a message), `tick` (time passes), `propose`, `read`, `durable`, `applied`,
 * `installed` (a checkpoint), `trimmed`, and `settle` at the end of every turn.
 *
 * Who may do what is in the files of the roles. This one carries messages to them, and holds two rules: once
 * a higher ballot is seen, a lower one is no longer led (contract 13), and with a configuration its ballots
 * end: who led goes on in the next one, or hands over (contract 27).
 */
import { requires, unreachable } from '../contract.js';
import { BALLOT_ROUND_HEARD_MAX } from '../limits.js';
import type { Ballot, Batch, Digest, ReplicaId, Slot, SlotRange } from '../types.js';
import { Acceptor, type AcceptorState } from './acceptor.js';
import { ballotAbove, NO_BALLOT, replicaOf, roundOf } from './ballot.js';
import { Candidacy } from './candidacy.js';
import { Configurations, type Governing } from './configurations.js';
import type { Effects, Role } from './effects.js';
import { Election } from './election.js';
import { Leading } from './leading.js';
import { Learner } from './learner.js';
import type { Accept, Canvass, HandOver, Heartbeat, Message, Prepare } from './messages.js';
import { type CoreOptions, checkOptions, type Timing } from './options.js';
import { Plausible } from './plausible.js';
import type { Progress } from './progress.js';
import { PromisedAnswer } from './promised-answer.js';
import type { Proposer } from './proposer.js';
import type { Quorum } from './quorum.js';
import { Reconfiguration } from './reconfiguration.js';
import { Repair } from './repair.js';
import type { Room } from './room.js';
import { Telling } from './telling.js';
import { VotesAnswer } from './votes-answer.js';

export class ReplicaCore {
  readonly self: ReplicaId;
  readonly configurations: Configurations;
  readonly acceptor: Acceptor;
  readonly learner: Learner;
  readonly proposer: Proposer;
  readonly progress: Progress;
  readonly room: Room;
  /** True while this replica's store is behind: it does not ask to lead. */
  standsBack = false;
  private readonly effects: Effects;
  private readonly election: Election;
  private readonly leading: Leading;
  private readonly votesAnswer: VotesAnswer;
  private readonly repair: Repair;
  private readonly telling: Telling;
  private readonly hint: Slot;
  private readonly answer: PromisedAnswer;
  private readonly candidacy: Candidacy;
  readonly reconfiguration: Reconfiguration;
  private readonly plausible: Plausible = new Plausible();
  private highestSeen: Ballot;
  private leaderBallot: Ballot = NO_BALLOT;
  private readonly timing: Timing;
  /** Lost answers are repeated once a tick: reads make many heartbeats. */
  private repeatsAnswers = false;
  /** It led when the configuration ended, and votes in the next one. */
  private succeeds = false;

  constructor(
    options: CoreOptions,
    state: AcceptorState & { readonly learnedThrough: Slot },
    effects: Effects,
  ) {
    checkOptions(options);
    this.self = options.self;
    this.effects = effects;
    this.hint = state.learnedThrough;
    const { configuration, configurationAbove } = options;
    const from = options.checkpointThrough + 1;
    this.configurations = new Configurations(options.self, configuration, from, configurationAbove);
    this.acceptor = new Acceptor(state, effects);
    this.acceptor.trim(options.checkpointThrough);
    this.timing = options.timing;
    const { fetchTicks } = this.timing;
    const { peers } = this.configurations;
    const { checkpointThrough: through, checkpointChain: chain, unloggedBytesMax, votesBytesMax } = options;
    this.learner = new Learner(this.acceptor, effects, {
      through,
      chain,
      fetchTicks,
      peers,
      ends: (slot, ballot, batch) => this.ends(slot, ballot, batch),
      unloggedBytesMax,
      votesBytesMax,
    });
    this.repair = new Repair(this.acceptor, this.learner, effects, peers, fetchTicks);
    const window = { slots: options.windowSlots, bytes: options.windowBytes };
    const { acceptor, configurations, learner, self, timing } = this;
    this.leading = new Leading(self, configurations, acceptor, learner, effects, timing, window);
    this.proposer = this.leading.proposer;
    this.progress = this.leading.progress;
    this.room = this.leading.room;
    this.election = new Election(timing, configurations, options.random);
    this.votesAnswer = new VotesAnswer(acceptor, effects);
    this.answer = new PromisedAnswer(acceptor, learner, configurations, effects, votesBytesMax);
    this.candidacy = new Candidacy(self, configurations, acceptor, learner, this.answer, effects, fetchTicks);
    this.reconfiguration = new Reconfiguration(
      self,
      configurations,
      learner,
      this.leading,
      timing,
      window.slots,
    );
    this.telling = new Telling(learner, configurations, effects);
    this.highestSeen = this.acceptor.promised;
  }

  /** Of the configuration in force. */
  get quorum(): Quorum {
    return this.configurations.quorum;
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
  /** The ballot led, campaigned for or followed. */
  get ballot(): Ballot {
    return this.proposer.ballot ?? this.candidacy.ballot ?? this.leaderBallot;
  }
  /** Whether this replica's votes count, as far as it knows. */
  get votes(): boolean {
    return this.acceptor.voting && this.quorum.has(this.self);
  }

  /** The highest ballot seen leaves none that peers would hear: this replica campaigns no more. */
  get areBallotsSpent(): boolean {
    return roundOf(this.highest()) >= BALLOT_ROUND_HEARD_MAX;
  }

  /** Slots that hold up the campaign (candidacy.ts). */
  get undecided(): readonly SlotRange[] {
    return this.candidacy.undecided;
  }
  /** Slots through this one are applied and no peer has them: a checkpoint must save them. */
  get wantsCheckpointThrough(): Slot {
    return this.repair.wantsCheckpointThrough;
  }

  /** Call once, when effects can be taken: hands over what the log knows to be chosen. */
  start(): void {
    // A lost store may vouch for votes that are gone, and show older ones.
    if (this.acceptor.voting) this.learner.recover(this.hint);
  }

  receive(from: ReplicaId, message: Message): void {
    if (from === this.self) return;
    const before = this.highest();
    if (this.plausible.isBeyond(message, before)) return this.effects.implausible(from);
    this.take(from, message);
    this.plausible.rose(before, this.highest());
  }

  private take(from: ReplicaId, message: Message): void {
    switch (message.type) {
      case 'canvass':
        return this.onCanvass(from, message);
      case 'canvassed': {
        const welcome = this.election.takeCanvassed(message.ballot, this.quorum.bitOf(from));
        if (welcome) this.runCampaign(message.ballot);
        return;
      }
      case 'prepare':
        return this.onPrepare(from, message);
      case 'promised':
        this.candidacy.take(from, message);
        return this.concludeCampaign();
      case 'rejected':
        return this.onRejected(message.promised);
      case 'accept':
        return this.onAccept(from, message);
      case 'accepted':
        return this.leading.accepted(from, message);
      case 'heartbeat':
        return this.onHeartbeat(from, message);
      case 'heartbeaten':
        return this.leading.heartbeaten(from, message);
      case 'fetch':
        return this.telling.asked(from, message, this.acceptor.trimThrough);
      case 'chosen':
        for (const vote of message.votes) this.observe(vote.ballot);
        return this.learner.takeChosen(from, message.votes, message.learnedThrough);
      case 'checkpointOffer': {
        const { isBlocked } = this.repair;
        const known = isBlocked ? this.learner.appliedThrough : this.learner.learnedThrough;
        if (message.throughSlot > known) this.effects.needCheckpoint(from, message);
        return;
      }
      case 'handOver':
        return this.onHandOver(from, message);
      case 'checkpointFetch':
      case 'checkpointChunk':
      case 'clock':
      case 'clocked':
        return; // For the host.
      default:
        return unreachable(message);
    }
  }

  /** The link to `peer` takes long messages again. */
  roomAgain(peer: ReplicaId): void {
    this.telling.roomAgain(peer);
    this.proposer.feed.pump(peer);
    if (peer === replicaOf(this.acceptor.promised)) this.answer.pump();
  }

  /** One unit of time has passed. */
  tick(): void {
    this.repeatsAnswers = true;
    this.plausible.tick();
    this.learner.tick();
    this.progress.tick();
    this.repair.tick(this.undecided.at(-1)?.through ?? 0);
    if (this.election.standing === 'leading') return this.tickLeader();
    if (!this.quorum.has(this.self)) return this.tickBeside();
    if (!this.votes || this.standsBack) return;
    if (this.candidacy.tick()) return;
    if (this.election.tick()) this.canvass();
    else if (this.election.isCanvassDueAgain(this.timing.fetchTicks)) this.broadcastCanvass();
  }

  /** Proposes a batch. @returns its slot, or 0 if this replica does not lead or has no room now. */
  propose(batch: Batch): Slot {
    return this.proposer.propose(batch);
  }

  /** `propose` would take a batch. */
  get canPropose(): boolean {
    return this.proposer.hasRoom;
  }

  /** Asks for a linearizable read; `readReady` or `readsLost` will name `readId`. False if not the leader. */
  read(readId: number): boolean {
    return this.leading.read(readId);
  }

  /** Items through `item` are durable. */
  durable(item: number): void {
    this.acceptor.durableNow(item);
    this.answer.pump();
    this.candidacy.durableNow(item);
    this.concludeCampaign();
    this.proposer.durableNow(item);
  }

  /** The host has applied every slot through `through`. */
  applied(through: Slot): void {
    this.learner.appliedNow(through);
  }

  /**
   * The host has replaced its state by a checkpoint through `through`, whose digest chain ends in `chain`.
   * @param from has kept what came behind it
   * @param governing what governs the slot behind it, as the checkpoint says
   */
  installed(through: Slot, chain: Digest, from: ReplicaId = 0, governing?: Governing): void {
    // Followers take a leader's word for their votes at its ballot (contract 14): it may not be an older one.
    const own = this.proposer.ballot ?? this.candidacy.ballot;
    if (own !== undefined && through > this.learner.learnedThrough) this.stepDown();
    if (governing !== undefined && this.configurations.installed(governing)) {
      this.learner.dropAbove(0);
      this.begins();
    }
    this.learner.installed(through, chain, from);
  }

  /** The log has forgotten its votes through `through`. */
  trimmed(through: Slot): void {
    requires(through <= this.learner.appliedThrough, 24, 'only what a checkpoint covers is trimmed');
    this.acceptor.trim(through);
    this.learner.trimmed(through);
    this.configurations.forget(through);
  }

  /** The store has found damage (repair.ts). What can be mended here is staged at once. */
  damaged(votes: readonly { slot: Slot; ballot: Ballot }[], uncertain: readonly SlotRange[]): void {
    this.repair.found(votes, uncertain);
  }

  /** The end of a turn: answers what is due, asks for what is missing, opens a read round. */
  settle(): void {
    this.votesAnswer.settle();
    if (!this.leading.settle()) this.stepDown();
    this.succeed();
    this.learner.fetchMissing();
    this.concludeCampaign();
    this.leading.beatForReads();
  }

  /**
   * Asks the most advanced voter to campaign; for a leader that is about to close, or cannot serve. False
   * if not leading. @param appliedMin who has applied less is not asked
   */
  handOver(appliedMin: Slot = 0): boolean {
    return this.leading.handOver(appliedMin);
  }

  private onCanvass(from: ReplicaId, message: Canvass): void {
    if (!this.telling.mayLead(from, message.configuration)) return;
    // While nobody leads nobody else says what was chosen: who has to learn, or to mend, learns it here.
    this.learner.seekFrom(from, message.learnedThrough);
    if (!this.acceptor.voting || replicaOf(message.ballot) !== from) return;
    if (message.ballot <= this.acceptor.promised) return this.acceptor.reject(from, message.ballot);
    const hearsLeader = this.election.hearsLeader && this.election.leader !== from;
    if (hearsLeader || message.learnedThrough < this.acceptor.trimThrough)
      return this.telling.candidate(from, message.learnedThrough);
    this.effects.send(from, { type: 'canvassed', ballot: message.ballot }, 0);
  }

  private onRejected(promised: Ballot): void {
    const led = this.proposer.ballot !== undefined;
    this.observe(promised);
    // Who campaigned is gone: a canvass disturbs nobody.
    if ((led && this.proposer.ballot === undefined) || this.election.isOutbid(promised)) this.canvass();
  }

  private onPrepare(from: ReplicaId, message: Prepare): void {
    if (!this.acceptor.voting || replicaOf(message.ballot) !== from) return;
    if (!this.telling.mayLead(from, message.configuration)) return;
    this.observe(message.ballot);
    if (message.ballot < this.acceptor.promised) return this.acceptor.reject(from, message.ballot);
    if (message.ballot === this.acceptor.promised) {
      this.election.restartTimer();
      return this.answer.asked(message);
    }
    if (!this.acceptor.promise(message.ballot)) return;
    this.election.follow(0);
    this.answer.asked(message);
    this.announceRole();
  }

  private onAccept(from: ReplicaId, message: Accept): void {
    if (replicaOf(message.ballot) !== from) return;
    if (!this.followLeader(from, message.ballot)) return;
    if (message.slot > this.acceptor.trimThrough) {
      const result = this.acceptor.accept(message.slot, message.ballot, message);
      if (result === 'voted') this.votesAnswer.note(message.slot, message.ballot);
    }
    this.learner.leaderLearned(from, message.ballot, message.learnedThrough);
  }

  private onHeartbeat(from: ReplicaId, message: Heartbeat): void {
    if (replicaOf(message.ballot) !== from || !this.followLeader(from, message.ballot)) return;
    this.learner.leaderLearned(from, message.ballot, message.learnedThrough);
    this.learner.compareChain(message.chainSlot, message.chain);
    if (!this.acceptor.voting) return;
    if (this.repeatsAnswers && message.lastSlot > message.learnedThrough) {
      this.repeatsAnswers = false;
      this.votesAnswer.repeat(message.ballot, message.learnedThrough + 1, message.lastSlot);
    }
    this.effects.send(from, this.votesAnswer.heartbeaten(message, this.learner, this.room.isShort), 0);
  }

  private onHandOver(from: ReplicaId, message: HandOver): void {
    if (!this.votes || this.standsBack || this.areBallotsSpent) return;
    if (from !== this.election.leader || message.ballot !== this.leaderBallot) return;
    this.runCampaign(ballotAbove(this.highest(), this.self));
  }

  /**
   * Follows the leader of `ballot`, unless a higher one is known. @returns false if it is not to be heard.
   */
  private followLeader(from: ReplicaId, ballot: Ballot): boolean {
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
    this.election.follow(from);
    if (!known) this.announceRole();
    return true;
  }

  /** A ballot exists. A lower one is led or campaigned for no longer (contract 13). */
  private observe(ballot: Ballot): void {
    if (ballot <= this.highestSeen) return;
    this.highestSeen = ballot;
    const own = this.proposer.ballot ?? this.candidacy.ballot;
    if (own !== undefined && own < ballot) this.stepDown();
  }

  private stepDown(): void {
    this.candidacy.end();
    this.leading.end();
    this.election.follow(0);
    this.announceRole();
  }

  /**
   * If the batch learned in `slot` ends the configuration, its ballots end: who leads says once more what it
   * has learned, and asks one of the new voters to campaign if it is none.
   */
  private ends(slot: Slot, ballot: Ballot, batch: Batch): boolean {
    if (!this.configurations.isStop(batch)) return false;
    const isLeading = this.proposer.ballot !== undefined;
    if (isLeading) this.leading.beat();
    this.configurations.stopped(slot, ballot, batch);
    this.succeeds = isLeading && this.votes && !this.standsBack;
    if (isLeading && !this.succeeds) this.leading.handOver(0);
    this.begins();
    return true;
  }

  /** Another configuration is in force. */
  private begins(): void {
    // Followers wait for the heir.
    if (this.election.standing !== 'following') this.stepDown();
    this.effects.configured(this.configurations.current);
  }

  /** Campaigns in the new configuration, unless somebody leads in it by now. */
  private succeed(): void {
    if (!this.succeeds) return;
    this.succeeds = false;
    if (this.role !== 'follower' || this.leader !== 0 || this.areBallotsSpent) return;
    this.runCampaign(ballotAbove(this.highest(), this.self));
  }

  private canvass(): void {
    if (this.candidacy.ballot !== undefined && this.undecided.length > 0) this.election.undecidedAttempts++;
    this.candidacy.end();
    if (this.areBallotsSpent) {
      this.election.follow(0);
      return this.announceRole();
    }
    const ballot = ballotAbove(this.highest(), this.self);
    this.election.beginCanvass(ballot, this.quorum.bitOf(this.self));
    this.announceRole();
    if (this.election.takeCanvassed(ballot, this.quorum.bitOf(this.self))) return this.runCampaign(ballot);
    this.broadcastCanvass();
  }

  private broadcastCanvass(): void {
    const { learnedThrough } = this.learner;
    const { number: configuration } = this.configurations;
    const ballot = this.election.canvassBallot;
    for (const id of this.quorum.voters) {
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

  private concludeCampaign(): void {
    const concluded = this.candidacy.conclude();
    if (concluded === undefined) return;
    this.election.lead(this.self);
    this.leaderBallot = concluded.ballot;
    this.leading.begin(concluded);
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

  private highest(): Ballot {
    return Math.max(this.acceptor.promised, this.highestSeen, this.configurations.above) as Ballot;
  }

  private announceRole(): void {
    this.effects.role(this.role, this.ballot, this.election.leader);
  }
}
