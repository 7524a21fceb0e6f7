/**
 * One simulated replica over all its lives: a disk that stays, and a process that comes and goes.
 *
 * | state | what is there | left by |
 * |---|---|---|
 * | down | the disk and the checkpoints on it | `start` → opening or up |
 * | opening | as down, and a recovery under way | the store is open → up, `crash` → down |
 * | up | a process, its open store, its state machine | `crash`, or a store that fails → down |
 * | paused | as up, but neither messages nor ticks reach it | the end of the pause → up, `crash` → down |
 */
import { NO_BALLOT } from '../paxos/ballot.js';
import type { Message } from '../paxos/messages.js';
import type { Storage } from '../storage/storage.js';
import type { Configuration, ReplicaId, Slot } from '../types.js';
import type { CheckpointShelf, DiskFault, SavedCheckpoint, SimulatedDisk } from './disk.js';
import { ObservedStorage } from './observed-storage.js';
import { type Belongings, Process, TURN_STEPS } from './process.js';
import type { Surroundings } from './surroundings.js';

/** The checkpoint that `format` writes: the empty state, before the first slot. */
function emptyCheckpoint(configuration: Configuration): SavedCheckpoint {
  const governing = { configuration, from: 1, above: NO_BALLOT };
  return { id: 0, through: 0, chain: 0, governing, digest: 0, bytes: new Uint8Array(0) };
}

/** Units of time after which a supervisor starts a process again that has stopped by itself, at most. */
const RESTART_DELAY_MAX = 300;

export class SimulatedReplica {
  readonly id: ReplicaId;
  process: Process | undefined;
  /** Ticks of this replica take this many times longer than nominal. */
  slowness = 1;
  pausedUntil = 0;
  private readonly disk: SimulatedDisk;
  private readonly around: Surroundings;
  private readonly shelf: CheckpointShelf;
  private storage: ObservedStorage | undefined;
  private opening: Promise<Storage> | undefined;
  private lives = 0;
  /** The open store has met damage that it cannot go on with. */
  private hasFailed = false;

  constructor(id: ReplicaId, disk: SimulatedDisk, around: Surroundings) {
    this.id = id;
    this.disk = disk;
    this.around = around;
    const saved = emptyCheckpoint(around.core.configuration);
    this.shelf = { saved, older: undefined, partial: undefined };
  }

  get isUp(): boolean {
    return this.process !== undefined || this.opening !== undefined;
  }

  /** Formats the disk, where that takes time. */
  async prepare(): Promise<void> {
    await this.disk.prepare?.();
  }

  /** Starts a process on what the disk holds; at once, or when the store has been opened. */
  start(): void {
    const opening = this.disk.open();
    if (!(opening instanceof Promise)) return this.begin(opening);
    this.opening = opening;
    opening
      .then((storage) => {
        if (this.opening === opening) this.begin(storage);
      })
      .catch((error: Error) => this.around.fail(error));
  }

  private begin(inner: Storage): void {
    const { id, around } = this;
    this.opening = undefined;
    const storage = new ObservedStorage(
      inner,
      (item) => around.observers.tell('durable', id, item),
      inner.mode === 'file' ? (error) => around.fail(error) : undefined,
    );
    // What a lost store still shows of its votes counts for nothing.
    const votes = inner.recovered.outcome === 'lost' ? [] : [...inner.recovered.votes];
    for (const vote of votes.sort((a, b) => a.ballot - b.ballot)) {
      around.observers.tell('recovered', id, vote);
    }
    if (inner.recovered.outcome === 'damaged') around.counters.damagedRestarts++;
    around.observers.tell('opened', id, inner.recovered, this.shelf.saved.through);
    this.storage = storage;
    storage.onFailure = () => {
      this.hasFailed = true;
    };
    const belongings: Belongings = { id, storage, shelf: this.shelf };
    if (this.lives++ > 0) around.counters.crashRestarts++;
    this.process = new Process(belongings, around);
    around.observers.tell('restored', id, this.process.machine);
    this.process.start();
  }

  /** Ends the process at some step of its turn. */
  crash(): void {
    const { process, around } = this;
    if (!this.isUp) return;
    this.opening = undefined;
    process?.endTurn(around.random.below(TURN_STEPS + 1));
    process?.die();
    this.process = undefined;
    this.tearPartial();
    const torn = (this.storage?.pendingItems ?? 0) > 0;
    if (this.disk.crash(around.random) || torn) around.counters.tornRestarts++;
  }

  /** Of what a crash finds under way to the disk, any part may be missing. */
  private tearPartial(): void {
    const { partial } = this.shelf;
    if (partial !== undefined) partial.received = this.around.random.below(partial.received + 1);
  }

  /** True while a peer's checkpoint is on its way. */
  get isReceiving(): boolean {
    return this.shelf.partial !== undefined;
  }

  /** True if this disk has what rots. */
  get canRot(): boolean {
    return this.disk.canRot;
  }
  /** True if bytes can rot now: under an open store, or between two lives. */
  get mayRot(): boolean {
    return this.opening === undefined && (this.process === undefined || this.disk.rotsAlive);
  }
  /** True once the store is lost: it learns and serves, and does not vote. */
  get isLost(): boolean {
    return this.disk.isLost;
  }
  /** Slots of which the disk has lost something; of a lost store all are. */
  get damagedSlots(): readonly Slot[] {
    return this.disk.damagedSlots;
  }

  get damagedBytes(): readonly Slot[] {
    return this.disk.damagedBytes;
  }

  /** Damages the disk, if `admits` agrees to the slots that it would hit. False if nothing was damaged. */
  rot(fault: DiskFault, admits: (slots: readonly Slot[]) => boolean): boolean {
    const { around, id } = this;
    const slots = this.mayRot ? this.disk.rot(fault, around.random, admits) : undefined;
    if (slots === undefined) return false;
    around.observers.tell('rotted', id, fault, slots);
    if (fault === 'bytes') around.counters.bytesRotted++;
    if (fault === 'record') around.counters.recordsRotted++;
    if (fault === 'store') around.counters.storesLost++;
    if (this.process !== undefined) around.counters.rottedAlive++;
    return true;
  }

  /**
   * Ends the process if its store has failed under it, as a host does, and has it started again later.
   * @returns false if the store is well.
   */
  fell(): boolean {
    if (!this.hasFailed) return false;
    this.hasFailed = false;
    this.process?.die();
    this.process = undefined;
    this.disk.crash(this.around.random);
    this.around.clock.after(this.around.random.between(1, RESTART_DELAY_MAX), () => {
      if (!this.isUp) this.start();
    });
    return true;
  }

  receive(from: ReplicaId, message: Message): void {
    const pause = this.pausedUntil - this.around.clock.now;
    if (pause > 0) this.around.clock.after(pause, () => this.receive(from, message));
    else this.process?.receive(from, message);
  }

  /** The link to `peer` was ended at its other end. */
  linkEnded(peer: ReplicaId): void {
    const pause = this.pausedUntil - this.around.clock.now;
    if (pause > 0) this.around.clock.after(pause, () => this.linkEnded(peer));
    else this.process?.linkEnded(peer);
  }

  roomAgain(peer: ReplicaId): void {
    this.process?.roomAgain(peer);
  }

  tick(): void {
    if (this.around.clock.now >= this.pausedUntil) this.process?.tick();
  }
}
