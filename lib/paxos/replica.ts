/**
 * One replica's core: acceptor, proposer and learner behind one set of inputs. Pure: what it does depends on
 * its inputs and nothing else, and everything it wants done it asks of `Effects`.
 *
 * Inputs: `receive` (a message), `tick` (time passes), `propose`, `read`, `durable`, `applied`,
 * `linkEnded`, `installed` (a checkpoint), `trimmed`, and `settle` at the end of every turn.
 *
 * Who may do what is in the files of the roles, which ballot is led or followed in leadership.ts. This one
 * carries inputs to them, and holds what an acceptor does for a candidate and for a leader.
 */
import { requires, unreachable } from '../contract.js';
import type { Ballot, Batch, Digest, ReplicaId, Slot, SlotRange } from '../types.js';
import { Acceptor, type AcceptorState } from './acceptor.js';
import { replicaOf } from './ballot.js';
import { Configurations, type Governing } from './configurations.js';
import type { Effects, Role } from './effects.js';
import { FollowedReads } from './followed-reads.js';
import { Leadership } from './leadership.js';
import { Leading } from './leading.js';
import { Learner } from './learner.js';
import type { Accept, Canvass, Heartbeat, Message, Prepare } from './messages.js';
import { type CoreOptions, checkOptions } from './options.js';
import { Plausible } from './plausible.js';
import type { Progress } from './progress.js';
import { PromisedAnswer } from './promised-answer.js';
import type { Proposer } from './proposer.js';
import type { Quorum } from './quorum.js';
import { Reconfiguration } from './reconfiguration.js';
import { Repair } from './repair.js';
import type { Room } from './room.js';
import { Succession } from './succession.js';
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
  readonly reconfiguration: Reconfiguration;
  private readonly effects: Effects;
  private readonly leadership: Leadership;
  private readonly leading: Leading;
  private readonly votesAnswer: VotesAnswer;
  private readonly repair: Repair;
  private readonly telling: Telling;
  private readonly hint: Slot;
  private readonly windowSlots: number;
  private readonly answer: PromisedAnswer;
  private readonly succession: Succession;
  private readonly followedReads: FollowedReads;
  private readonly plausible: Plausible = new Plausible();
  /** Lost answers are repeated once a tick: reads make many heartbeats. */
  private repeatsAnswers = false;

  constructor(
    options: CoreOptions,
    state: AcceptorState & { readonly learnedThrough: Slot },
    effects: Effects,
  ) {
    checkOptions(options);
    this.self = options.self;
    this.effects = effects;
    this.hint = state.learnedThrough;
    this.windowSlots = options.windowSlots;
    const { configuration, configurationAbove } = options;
    const from = options.checkpointThrough + 1;
    this.configurations = new Configurations(options.self, configuration, from, configurationAbove);
    this.acceptor = new Acceptor(state, effects);
    this.acceptor.trim(options.checkpointThrough);
    const { timing, random } = options;
    const { fetchTicks } = timing;
    const { peers } = this.configurations;
    const { checkpointThrough: through, checkpointChain: chain, unloggedBytesMax, votesBytesMax } = options;
    this.learner = new Learner(this.acceptor, effects, {
      through,
      chain,
      fetchTicks,
      peers,
      ends: (slot, ballot, batch) => this.succession.ends(slot, ballot, batch),
      unloggedBytesMax,
      votesBytesMax,
    });
    this.repair = new Repair(this.acceptor, this.learner, effects, peers, fetchTicks);
    const window = { slots: options.windowSlots, bytes: options.windowBytes };
    const { acceptor, configurations, learner, self } = this;
    const leading = new Leading(self, configurations, acceptor, learner, effects, timing, window);
    this.leading = leading;
    this.proposer = leading.proposer;
    this.progress = leading.progress;
    this.room = leading.room;
    this.votesAnswer = new VotesAnswer(acceptor, effects);
    this.telling = new Telling(learner, configurations, effects);
    this.answer = new PromisedAnswer(acceptor, learner, configurations, effects, votesBytesMax);
    const { answer, telling } = this;
    const followedReads = new FollowedReads(effects, fetchTicks, random);
    this.followedReads = followedReads;
    const roles = { acceptor, learner, leading, answer, telling, followedReads };
    this.leadership = new Leadership({ self, configurations, ...roles, effects, timing, random });
    this.succession = new Succession(configurations, this.leadership, leading, effects);
    this.reconfiguration = new Reconfiguration(self, configurations, learner, leading, timing, window.slots);
  }

  /** Of the configuration in force. */
  get quorum(): Quorum {
    return this.configurations.quorum;
  }
  get role(): Role {
    return this.leadership.role;
  }
  /** Who leads, as far as this replica knows; 0 if nobody. */
  get leader(): ReplicaId {
    return this.leadership.leader;
  }
  /** The ballot led, campaigned for or followed. */
  get ballot(): Ballot {
    return this.leadership.ballot;
  }
  /** Whether this replica's votes count, as far as it knows. */
  get votes(): boolean {
    return this.leadership.votes;
  }
  /** The highest ballot seen leaves none that peers would hear: this replica campaigns no more. */
  get areBallotsSpent(): boolean {
    return this.leadership.areBallotsSpent;
  }
  /** While this replica's store is behind, it does not ask to lead. */
  set standsBack(stands: boolean) {
    this.leadership.standsBack = stands;
  }
  /** Slots that hold up the campaign (candidacy.ts). */
  get undecided(): readonly SlotRange[] {
    return this.leadership.candidacy.undecided;
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
    const before = this.leadership.highest;
    if (this.plausible.isBeyond(message, before)) return this.effects.implausible(from);
    this.take(from, message);
    this.plausible.rose(before, this.leadership.highest);
  }

  private take(from: ReplicaId, message: Message): void {
    switch (message.type) {
      case 'canvass':
        return this.onCanvass(from, message);
      case 'canvassed':
        return this.leadership.onCanvassed(from, message);
      case 'prepare':
        return this.onPrepare(from, message);
      case 'promised':
        this.leadership.candidacy.take(from, message);
        return this.leadership.concludeCampaign();
      case 'rejected':
        return this.leadership.onRejected(message.promised);
      case 'accept':
        return this.onAccept(from, message);
      case 'accepted':
        return this.leading.accepted(from, message);
      case 'heartbeat':
        return this.onHeartbeat(from, message);
      case 'heartbeaten':
        return this.leading.heartbeaten(from, message);
      case 'index':
        return this.leading.index(from, message);
      case 'indexed':
        return this.followedReads.indexed(message);
      case 'fetch':
        return this.telling.asked(from, message, this.acceptor.trimThrough);
      case 'chosen':
        for (const vote of message.votes) this.leadership.observe(vote.ballot);
        return this.learner.takeChosen(from, message.votes, message.learnedThrough);
      case 'checkpointOffer': {
        const { isBlocked } = this.repair;
        const known = isBlocked ? this.learner.appliedThrough : this.learner.learnedThrough;
        if (message.throughSlot > known) this.effects.needCheckpoint(from, message);
        return;
      }
      case 'handOver':
        return this.leadership.onHandOver(from, message);
      case 'checkpointFetch':
      case 'checkpointChunk':
      case 'clock':
      case 'clocked':
        return; // For the host.
      default:
        return unreachable(message);
    }
  }

  /** The link to `peer` was ended at its other end: a hint, and nothing more, that it has died. */
  linkEnded(peer: ReplicaId): void {
    this.leadership.linkEnded(peer);
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
    this.followedReads.tick();
    this.repair.tick(this.undecided.at(-1)?.through ?? 0);
    this.leadership.tick();
  }

  /** Proposes a batch. @returns its slot, or 0 if this replica does not lead or has no room now. */
  propose(batch: Batch): Slot {
    return this.proposer.propose(batch);
  }

  /** `propose` would take a batch. */
  get canPropose(): boolean {
    return this.proposer.hasRoom;
  }

  /**
   * Asks for a linearizable read, here or of the leader that is followed; `readReady` or `readsLost` will
   * name `readId`, which rises. False if neither is possible.
   */
  read(readId: number): boolean {
    if (this.leading.read(readId)) return true;
    if (this.followed === 0) return false;
    this.followedReads.ask(readId);
    return true;
  }

  /** Items through `item` are durable. */
  durable(item: number): void {
    this.acceptor.durableNow(item);
    this.answer.pump();
    this.leadership.candidacy.durableNow(item);
    this.leadership.concludeCampaign();
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
    const { own } = this.leadership;
    if (own !== undefined && through > this.learner.learnedThrough) this.leadership.stepDown();
    if (governing !== undefined && this.configurations.installed(governing)) {
      this.learner.dropAbove(0);
      this.succession.begins();
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
    if (!this.leading.settle()) this.leadership.stepDown();
    this.succession.succeed();
    this.learner.fetchMissing();
    this.leadership.concludeCampaign();
    this.leading.beatForReads();
    this.followedReads.settle(this.followed, this.ballot);
  }

  /**
   * Asks the most advanced voter to campaign; for a leader that is about to close, or cannot serve. False
   * if not leading. @param appliedMin who has applied less is not asked
   */
  handOver(appliedMin: Slot = 0): boolean {
    return this.leading.handOver(appliedMin);
  }

  /** Asks that voter to campaign. False if not leading, or it is silent, or lacks more than a window. */
  handOverTo(heir: ReplicaId): boolean {
    return this.leading.handOverTo(heir, this.windowSlots);
  }

  /** The leader that this replica hears; 0 if it leads itself, or asks to, or hears none. */
  private get followed(): ReplicaId {
    return this.role === 'follower' ? this.leader : 0;
  }

  private onCanvass(from: ReplicaId, message: Canvass): void {
    if (!this.telling.mayLead(from, message.configuration)) return;
    // While nobody leads nobody else says what was chosen: who has to learn, or to mend, learns it here.
    this.learner.seekFrom(from, message.learnedThrough);
    if (!this.acceptor.voting || replicaOf(message.ballot) !== from) return;
    if (message.ballot <= this.acceptor.promised) return this.acceptor.reject(from, message.ballot);
    const { election } = this.leadership;
    const hearsLeader = election.hearsLeader && election.leader !== from;
    if (hearsLeader || message.learnedThrough < this.acceptor.trimThrough)
      return this.telling.candidate(from, message.learnedThrough);
    this.effects.send(from, { type: 'canvassed', ballot: message.ballot }, 0);
  }

  private onPrepare(from: ReplicaId, message: Prepare): void {
    if (!this.acceptor.voting || replicaOf(message.ballot) !== from) return;
    if (!this.telling.mayLead(from, message.configuration)) return;
    this.leadership.observe(message.ballot);
    if (message.ballot < this.acceptor.promised) return this.acceptor.reject(from, message.ballot);
    if (message.ballot === this.acceptor.promised) {
      this.leadership.election.restartTimer();
      return this.answer.asked(message);
    }
    if (!this.acceptor.promise(message.ballot)) return;
    this.leadership.promised();
    this.answer.asked(message);
  }

  private onAccept(from: ReplicaId, message: Accept): void {
    if (replicaOf(message.ballot) !== from) return;
    if (!this.leadership.followLeader(from, message.ballot)) return;
    if (message.slot > this.acceptor.trimThrough) {
      const result = this.acceptor.accept(message.slot, message.ballot, message);
      if (result === 'voted') this.votesAnswer.note(message.slot, message.ballot);
    }
    this.learner.leaderLearned(from, message.ballot, message.learnedThrough);
  }

  private onHeartbeat(from: ReplicaId, message: Heartbeat): void {
    if (replicaOf(message.ballot) !== from || !this.leadership.followLeader(from, message.ballot)) return;
    this.learner.leaderLearned(from, message.ballot, message.learnedThrough);
    this.learner.compareChain(message.chainSlot, message.chain);
    if (!this.acceptor.voting) return;
    if (this.repeatsAnswers && message.lastSlot > message.learnedThrough) {
      this.repeatsAnswers = false;
      this.votesAnswer.repeat(message.ballot, message.learnedThrough + 1, message.lastSlot);
    }
    this.effects.send(from, this.votesAnswer.heartbeaten(message, this.learner, this.room.isShort), 0);
  }
}
