/**
 * The process of one simulated replica: the real core, run by a small host that does what the real one does,
 * in the order it does it. A turn takes messages in and ends with: settle → commit → let messages go → apply
 * → answer.
 *
 * 1. A message leaves only when the items it waits for are durable (contract 5).
 * 2. A turn may be cut short by the death of the process after any of its steps.
 */
import { extendChain } from '../paxos/chain.js';
import type { Governing } from '../paxos/configurations.js';
import type { Effects, Role } from '../paxos/effects.js';
import type { CheckpointOffer, Message } from '../paxos/messages.js';
import { ReplicaCore } from '../paxos/replica.js';
import type { Ballot, Batch, Digest, ReplicaId, Slot, SlotRange } from '../types.js';
import { type CheckpointHost, Checkpoints, loadCheckpoint } from './checkpoints.js';
import { CoreWatch } from './core-watch.js';
import type { CheckpointShelf, SavedCheckpoint } from './disk.js';
import { commandsOf, type ToyMachine } from './machine.js';
import type { ObservedStorage } from './observed-storage.js';
import { Requests } from './requests.js';
import type { Surroundings } from './surroundings.js';
import { Violation } from './violation.js';

interface Outgoing {
  readonly to: ReplicaId;
  readonly message: Message;
  readonly after: number;
}

/** What outlives the process. */
export interface Belongings {
  readonly id: ReplicaId;
  readonly storage: ObservedStorage;
  readonly shelf: CheckpointShelf;
}

/** How often a tick scrubs, and how much: a log of a simulation is some laps of that. */
const SCRUB_CHANCE = 0.2;
const SCRUB_BYTES = 16 << 10;

/** Steps of the end of a turn, in order; a crash may come after any of them. */
export const TURN_STEPS = 4;

export class Process implements Effects, CheckpointHost {
  readonly id: ReplicaId;
  readonly core: ReplicaCore;
  readonly requests: Requests;
  machine: ToyMachine;
  chain: Digest;
  alive = true;
  private readonly belongings: Belongings;
  private readonly storage: ObservedStorage;
  private readonly around: Surroundings;
  private readonly checkpoints: Checkpoints;
  private readonly watch: CoreWatch;
  private outbox: Outgoing[] = [];
  private durable = 0;
  private turnEndAsked = false;
  private undecided: readonly SlotRange[] = [];

  constructor(belongings: Belongings, around: Surroundings) {
    const { id, storage, shelf } = belongings;
    const { saved } = shelf;
    const { recovered } = storage;
    this.id = id;
    this.belongings = belongings;
    this.storage = storage;
    this.around = around;
    this.machine = loadCheckpoint(saved);
    this.chain = saved.chain as Digest;
    const random = around.random.fork();
    this.core = new ReplicaCore(
      {
        ...around.core,
        self: id,
        configuration: saved.governing.configuration,
        configurationAbove: saved.governing.above,
        checkpointThrough: saved.through,
        checkpointChain: this.chain,
        random: () => random.fraction(),
      },
      {
        promised: recovered.promised,
        trimThrough: recovered.trimThrough,
        votes: recovered.votes,
        uncertain: recovered.uncertain,
        voting: recovered.outcome !== 'lost',
        learnedThrough: recovered.learnedThrough,
      },
      this,
    );
    this.watch = new CoreWatch(this.core, around.counters, around.core.timing.electionTicks);
    this.requests = new Requests(this.core, around.observers, around.counters);
    this.checkpoints = new Checkpoints(this, around);
    storage.onDurable = (item) => this.onDurable(item);
  }

  start(): void {
    this.core.start();
    this.endTurn();
  }

  get shelf(): CheckpointShelf {
    return this.belongings.shelf;
  }
  get trimThrough(): Slot {
    return this.core.acceptor.trimThrough;
  }
  get learnedThrough(): Slot {
    return this.core.learner.learnedThrough;
  }
  get governing(): Governing {
    return this.core.configurations.at(this.machine.appliedThrough + 1);
  }
  get peers(): readonly ReplicaId[] {
    return this.core.configurations.peers;
  }
  get usedShare(): number {
    return this.storage.usedBytes / this.storage.capacityBytes;
  }

  get wantsCheckpointThrough(): Slot {
    return this.core.wantsCheckpointThrough;
  }

  receive(from: ReplicaId, message: Message): void {
    const isCandidate = message.type === 'canvass' || message.type === 'prepare';
    if (isCandidate && message.configuration < this.core.configurations.number)
      this.around.memberCounters.lateCandidates++;
    this.watch.receive(message, () => this.core.receive(from, message));
    if (message.type === 'checkpointFetch') this.checkpoints.onFetch(from, message);
    if (message.type === 'checkpointChunk') this.checkpoints.onChunk(from, message);
    this.endTurnSoon();
  }

  linkEnded(peer: ReplicaId): void {
    this.watch.linkEnded(peer, () => this.core.linkEnded(peer));
    this.endTurnSoon();
  }

  tick(): void {
    this.watch.tick(() => this.core.tick());
    this.checkpoints.tick();
    this.scrub();
    this.endTurn();
    if (this.core.acceptor.voting) this.storage.drain();
  }

  /** Reads back some of the log, every so often. */
  private scrub(): void {
    const { core, storage, around } = this;
    if (!core.acceptor.voting || !around.random.chance(SCRUB_CHANCE)) return;
    storage.scrub(SCRUB_BYTES, ({ damage }) => {
      if (damage === undefined || !this.alive) return;
      around.counters.scrubFindings++;
      core.damaged(damage.votes, damage.uncertain);
    });
  }

  /** Ends the turn at once, or after some more messages have come. */
  endTurnSoon(): void {
    if (this.turnEndAsked) return;
    if (this.around.random.chance(0.6)) return this.endTurn();
    this.turnEndAsked = true;
    this.later(this.around.random.between(1, 30), () => {
      this.turnEndAsked = false;
      this.endTurn();
    });
  }

  /** Ends the turn; if it dies on the way, only the first `steps` steps are done. */
  endTurn(steps: number = TURN_STEPS): void {
    if (steps < 1) return;
    this.core.settle();
    this.noteUndecided();
    if (steps < 2) return;
    // A lost store stays as it was found.
    if (this.core.acceptor.voting) this.storage.commit(this.core.learner.loggedThrough);
    if (steps < 3) return;
    this.release();
    if (steps < 4) return;
    this.apply();
    this.checkpoints.consider();
    this.release();
  }

  private noteUndecided(): void {
    const { undecided } = this.core;
    if (undecided !== this.undecided && undecided.length > 0) this.around.counters.undecidedCampaigns++;
    this.undecided = undecided;
  }

  die(): void {
    this.alive = false;
    this.around.counters.slotsHealed += this.core.acceptor.damage.healed;
    this.requests.die();
  }

  later(delay: number, run: () => void): void {
    this.around.clock.after(delay, () => {
      if (this.alive) run();
    });
  }

  persistVote(slot: Slot, ballot: Ballot, batch: Batch, mayUseReserve: boolean): boolean {
    const { kind, digest, bytes } = batch;
    const { around, storage } = this;
    if (storage.stageVote(slot, ballot, kind, digest, bytes, 0, bytes.length, mayUseReserve)) {
      if (mayUseReserve && storage.usedBytes > storage.capacityBytes) around.counters.reserveVotes++;
      return true;
    }
    around.counters.logFull++;
    this.checkpoints.logRefused();
    return false;
  }

  persistPromise(ballot: Ballot): boolean {
    return this.storage.stagePromise(ballot);
  }

  readVote(slot: Slot, digest: Digest): Uint8Array | undefined {
    return this.storage.readVote(slot, digest);
  }

  send(to: ReplicaId, message: Message, after = 0): void {
    if (message.type === 'fetch') this.around.counters.fetches++;
    this.watch.sent(message);
    this.outbox.push({ to, message, after });
  }

  hasRoom(to: ReplicaId): boolean {
    return this.around.hasRoom(this.id, to);
  }

  isArriving(from: ReplicaId): boolean {
    return this.around.isArriving(this.id, from);
  }

  roomAgain(peer: ReplicaId): void {
    this.core.roomAgain(peer);
    this.endTurnSoon();
  }

  chosen(from: Slot, through: Slot): void {
    for (let slot = from; slot <= through; slot++) {
      const batch = this.core.learner.batchAt(slot);
      if (batch !== undefined) this.around.observers.tell('learned', this.id, slot, batch);
    }
  }

  readReady(readId: number, slot: Slot): void {
    this.requests.readReady(readId, slot);
  }

  readsLost(throughReadId: number): void {
    this.requests.readsLost(throughReadId);
  }

  role(role: Role, ballot: Ballot): void {
    if (role === 'leader') this.watch.leads();
    this.around.roleChanged(this.id, role, ballot);
  }

  configured(governing: Governing): void {
    this.around.configured(this.id, governing);
  }

  needCheckpoint(from: ReplicaId, offer: CheckpointOffer): void {
    this.checkpoints.need(from, offer);
  }

  implausible(from: ReplicaId): void {
    throw new Violation('plausible', `replica ${this.id} finds the ballots of ${from} implausible`);
  }

  offerCheckpoint(to: ReplicaId): void {
    this.checkpoints.offer(to);
  }

  learnedOf(peer: ReplicaId): Slot {
    return this.core.progress.of(peer)?.learnedThrough ?? 0;
  }

  trim(through: Slot, checkpointId: number): void {
    this.around.counters.trims++;
    if (this.core.acceptor.voting) this.storage.trim(through, checkpointId);
    this.core.trimmed(through);
  }

  install(checkpoint: SavedCheckpoint, machine: ToyMachine, from: ReplicaId): void {
    this.machine = machine;
    this.chain = checkpoint.chain as Digest;
    this.requests.overtaken(checkpoint.through);
    this.around.observers.tell('restored', this.id, machine);
    const { number } = this.core.configurations;
    this.core.installed(checkpoint.through, this.chain, from, checkpoint.governing);
    if (this.core.configurations.number > number) this.around.memberCounters.installed++;
    this.endTurnSoon();
  }

  private onDurable(item: number): void {
    this.durable = item;
    this.core.durable(item);
    this.release();
  }

  private release(): void {
    // What the store has announced, as in the host: a trim may have made more durable on its own account.
    const { durable } = this;
    const ready = this.outbox.filter((one) => one.after <= durable);
    if (ready.length === 0) return;
    this.outbox = this.outbox.filter((one) => one.after > durable);
    for (const { to, message } of ready) this.around.send(this.id, to, message);
  }

  private apply(): void {
    const { core, machine, around } = this;
    let through = core.learner.learnedThrough;
    if (around.random.chance(0.05)) through = Math.min(through, machine.appliedThrough + 1);
    while (machine.appliedThrough < through) {
      const slot = machine.appliedThrough + 1;
      const batch = core.learner.batchAt(slot);
      if (batch === undefined) break;
      machine.apply(slot, batch);
      this.chain = extendChain(this.chain, slot, batch.digest);
      around.counters.slotsApplied++;
      for (const command of commandsOf(batch)) around.observers.tell('executed', this.id, slot, command);
      around.observers.tell('applied', this.id, slot, machine);
      core.applied(slot);
      this.requests.executed(slot, batch.digest);
    }
    this.requests.answerReads(machine);
  }
}
