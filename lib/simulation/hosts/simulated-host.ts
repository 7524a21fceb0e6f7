/**
 * One simulated replica over all its lives, run by the real host: a machine with its clocks and disks that
 * stay, and a process that comes and goes.
 *
 * | state | what is there | left by |
 * |---|---|---|
 * | down | clocks, disks; no power after a power cut | `start` → opening |
 * | opening | as down, and a recovery under way | the store is open → up, `crash` → down |
 * | up | a process with its event loop, sockets and state | `crash`, `close`, a host that stops → down |
 */
import { ContractViolation } from '../../contract.js';
import type { ReplicaId } from '../../types.js';
import type { CopiableDisk } from '../disk.js';
import { Violation } from '../violation.js';
import { EventLoop } from './event-loop.js';
import { HostProcess } from './host-process.js';
import { HostStore } from './host-store.js';
import type { HostSurroundings } from './host-surroundings.js';
import { MachineClock } from './machine-clock.js';
import { timedMedium } from './timed-medium.js';

/** Of the file system with the checkpoints: any number will do. */
const DISK_BYTES: number = 1 << 30;

const NOBODY: ReadonlyMap<ReplicaId, string> = new Map();

export class SimulatedHost {
  readonly id: ReplicaId;
  readonly machineClock: MachineClock;
  process: HostProcess | undefined;
  /** Its disks make no progress before. */
  stalledUntil = 0;
  /** Its disk for checkpoints is full until then. */
  fullUntil = 0;
  /** Since when it is up without a break. */
  upSinceMs = 0;
  private readonly around: HostSurroundings;
  /** Of the last opening of its own store; 0 before the first. */
  generation = 0;
  private readonly makeDisk: (host: SimulatedHost) => CopiableDisk;
  private stores!: { used: HostStore; readonly own: HostStore };
  private loop: EventLoop | undefined;
  private lives = 0;
  private isClosing = false;

  constructor(id: ReplicaId, makeDisk: (host: SimulatedHost) => CopiableDisk, around: HostSurroundings) {
    this.id = id;
    this.around = around;
    this.machineClock = new MachineClock(around.clock, around.random.fork());
    this.makeDisk = makeDisk;
  }

  get store(): HostStore {
    return this.stores.used;
  }
  get ownStore(): HostStore {
    return this.stores.own;
  }
  /** Whether what it has is not the store that voted, but an older copy or one formatted again. */
  get isStale(): boolean {
    return this.store !== this.ownStore;
  }
  /** Whose stores its process refuses. */
  get refused(): ReadonlyMap<ReplicaId, string> {
    return this.process?.refused ?? NOBODY;
  }
  get isUp(): boolean {
    return this.loop !== undefined;
  }
  get isPaused(): boolean {
    return this.loop?.isPaused === true;
  }
  get emptyPhases(): number {
    return this.loop?.emptyPhases ?? 0;
  }
  /** Up and about, with disks that go on and have room, and a clock that runs at about the right speed. */
  get isWell(): boolean {
    const { process, isClosing, machineClock, around } = this;
    const isGoing = process !== undefined && !isClosing && !this.isPaused && !this.isStale;
    if (process?.host.checkpointTrouble !== undefined || process?.host.halt !== undefined) return false;
    return isGoing && !this.isFull && this.stalledUntil <= around.clock.now && machineClock.isSteady;
  }
  /** Its disk stalls, or did a moment ago, so that its stall may just have been noticed. */
  get hasStalled(): boolean {
    const { clock, scale } = this.around;
    const noticedMs = scale.tuning.storageStallMs + 3 * scale.electionMs;
    return clock.now <= this.stalledUntil + noticedMs && this.stalledUntil > 0;
  }
  /** Its log has something to make durable, and its disk does not go on. */
  get isStuck(): boolean {
    const { process, around, stalledUntil } = this;
    return !this.isPaused && stalledUntil > around.clock.now && (process?.pendingItems ?? 0) > 0;
  }
  /** The disk of its checkpoints is full for now. */
  get isFull(): boolean {
    return this.fullUntil > this.around.clock.now;
  }
  get leads(): boolean {
    return this.process?.host.leads === true && !this.isClosing;
  }

  async prepare(): Promise<void> {
    const own = await this.newStore();
    this.stores = { own, used: own };
  }

  /** Another store, formatted from the plan of its own. */
  newStore(): Promise<HostStore> {
    return HostStore.format(this.makeDisk(this), this.around);
  }

  /** Until the end of its next life `store` is in the place of its own. Between two lives only. */
  replaceStore(store: HostStore): void {
    this.stores.used = store;
  }

  /** Runs `run` in this replica's process when its disk has come to it, `ms` from now if it is well. */
  readonly fromDisk = (ms: number, run: () => void): void => {
    const { loop, around } = this;
    const due = (): void => {
      const stalled = this.stalledUntil - around.clock.now;
      if (stalled > 0) around.clock.after(stalled + ms, due);
      else loop?.arrive(run);
    };
    around.clock.after(ms, due);
  };

  start(): void {
    const { around, id } = this;
    around.network.wires.power(id, true);
    if (this.lives++ > 0) around.counters.restarts++;
    const loop = new EventLoop(around.clock, around.random.fork(), this.machineClock, (error) =>
      around.broke(uncaught(error)),
    );
    this.loop = loop;
    this.isClosing = false;
    this.upSinceMs = around.clock.now;
    loop.arrive(() => {
      this.open(loop).catch((error: Error) => {
        if (loop.alive) around.broke(error);
      });
    });
  }

  private async open(loop: EventLoop): Promise<void> {
    const { id, store, isStale } = this;
    const { staleStores } = this.around;
    const log = await store.disk.open();
    if (!loop.alive) return;
    if (isStale) staleStores.opened(id, log.opening);
    else this.generation = log.opening.generation;
    const around = isStale ? unwatched(this.around) : this.around;
    const medium = timedMedium(
      store.medium,
      (bytes) => this.wait(bytes),
      () => this.mustHaveRoom(),
      async () => ({ bytes: DISK_BYTES, freeBytes: this.isFull ? 0 : DISK_BYTES / 2 }),
    );
    const known = store.known((peer, opening) => {
      if (!isStale) around.check(() => staleStores.met(id, peer, opening, store.openings.get(peer)));
    });
    const belongings = { id, loop, log, medium, known };
    const process = await HostProcess.open(belongings, around, (error) => this.failed(loop, error));
    if (!loop.alive) return;
    this.process = process;
    this.upSinceMs = around.clock.now;
  }

  /** The host has stopped by itself. Nothing that happens in these simulations may make it. */
  private failed(loop: EventLoop, error: Error): void {
    if (loop.alive && !this.isClosing) this.around.broke(uncaught(error));
  }

  /** Ends the process; with `powerless`, its machine. */
  crash(powerless: boolean): void {
    const { loop, around } = this;
    if (loop === undefined) return;
    loop.die();
    this.loop = undefined;
    this.process?.die();
    this.process = undefined;
    around.network.ended(loop, powerless);
    if (powerless) around.network.wires.power(this.id, false);
    this.store.crash(powerless, around);
    if (!this.isStale) return;
    around.counters.staleStoresTakenAway++;
    this.stores.used = this.stores.own;
  }

  /** Stops the process in order; it is gone when that is done, and `then` is called. */
  close(then: () => void): void {
    const { loop, process } = this;
    if (loop === undefined || process === undefined || this.isClosing) return;
    this.isClosing = true;
    loop.arrive(() => {
      process
        .close()
        .then(() => {
          if (!loop.alive) return;
          this.crash(false);
          then();
        })
        .catch((error: Error) => {
          if (loop.alive) this.around.broke(error);
        });
    });
  }

  pause(ms: number): void {
    this.loop?.pause(ms);
  }

  wake(): void {
    this.loop?.wake();
    this.stalledUntil = 0;
    this.fullUntil = 0;
  }

  /** The disk of the checkpoints is full for now: the log's is another one. */
  private mustHaveRoom(): void {
    if (!this.isFull) return;
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  }

  private wait(bytes: number): Promise<void> {
    const ms = 0.05 + bytes / this.around.scale.diskBytesPerMs;
    return new Promise((resolve) => this.fromDisk(ms, resolve));
  }
}

/**
 * What a process over a stale store finds around it: what that store holds, executes and says is no part of
 * the history that the checkers follow, only what others make of it, and what its users are answered.
 */
function unwatched(around: HostSurroundings): HostSurroundings {
  return {
    ...around,
    tell: () => {},
    executedAt: () => {},
    roleChanged: (replica, role) => {
      if (role === 'leader')
        around.broke(new Violation('stores', `replica ${replica} leads with a stale store`));
    },
  };
}

/** What ends a process is a broken promise: nothing that a user, a peer or a disk does here may. */
function uncaught(error: Error): Error {
  if (error instanceof Violation || error instanceof ContractViolation) return error;
  return new Violation('uncaught', `a replica stops: ${error.stack ?? error.message}`);
}
