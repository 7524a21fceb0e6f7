/**
 * One life of a simulated host: the real parts of a replica (replica/assembly.ts) over an open store, on a
 * simulated event loop and simulated sockets, with requesters in its process.
 */
import { ErrorCode, IndelibleError } from '../../errors.js';
import { FRAME_BYTES_MAX } from '../../limits.js';
import type { Message } from '../../paxos/messages.js';
import { type Assembly, assemble } from '../../replica/assembly.js';
import type { HostEvents } from '../../replica/host-events.js';
import { SafeEmitter } from '../../replica/listeners.js';
import type { OpenStore } from '../../replica/store.js';
import { openCheckpoints } from '../../storage/checkpoint.js';
import type { FileMedium } from '../../storage/file/medium.js';
import type { Storage } from '../../storage/storage.js';
import { TcpTransport, type TcpTransportOptions } from '../../transport/tcp.js';
import type { ReplicaId, Slot } from '../../types.js';
import { ObservedStorage } from '../observed-storage.js';
import { Violation } from '../violation.js';
import { BoundedReads } from './bounded-reads.js';
import { mustAnswerInTime, mustHoldLittle } from './bounds.js';
import { CountingMachine } from './counting-machine.js';
import type { EventLoop } from './event-loop.js';
import { Requester, type RequestSurroundings } from './front-end.js';
import { HeldRequests } from './held-requests.js';
import { SESSIONS_ENOUGH } from './host-scale.js';
import type { HostSurroundings } from './host-surroundings.js';
import { addressOf } from './socket-network.js';

export const CHECKPOINTS = '/checkpoints';
/** As small as they may be: a peer behind a narrow wire does not get everything. */
const QUEUES = { peerQueueBytesMax: FRAME_BYTES_MAX };

/** What a process finds when it begins, its disks among it. */
export interface HostBelongings {
  readonly id: ReplicaId;
  readonly loop: EventLoop;
  readonly log: Storage;
  readonly medium: FileMedium;
  readonly known: OpenStore['known'];
}

export class HostProcess {
  readonly id: ReplicaId;
  readonly loop: EventLoop;
  readonly machine: CountingMachine;
  readonly requesters: readonly Requester[];
  /** Those with whom it has a connection in use. */
  readonly peers: Set<ReplicaId> = new Set();
  private readonly boundedReads: BoundedReads;
  private readonly around: HostSurroundings;
  private readonly assembly: Assembly;
  private readonly store: ObservedStorage;
  private applied: Slot;
  private isLeading = false;
  /** An operator has asked for a skip, and has no answer. */
  private isSkipping = false;
  private isClosing = false;
  /** Queries answered, as of the last tick. */
  private queries = 0;
  private counted = { repeated: 0, refused: 0, forgotten: 0 };

  /** Opens the store of replica `id` and joins its peers. @throws what opening throws */
  static async open(
    belongings: HostBelongings,
    around: HostSurroundings,
    failed: (error: Error) => void,
  ): Promise<HostProcess> {
    const { id, log, medium, known } = belongings;
    const checkpoints = await openCheckpoints(CHECKPOINTS, around.clusterId, medium);
    const { meta } = checkpoints.newest;
    const { recovered } = log;
    for (const vote of [...recovered.votes].sort((a, b) => a.ballot - b.ballot)) {
      around.tell('recovered', id, vote);
    }
    around.tell('opened', id, recovered, meta.throughSlot);
    const store = new ObservedStorage(log, (item) => around.tell('durable', id, item));
    const close = async (): Promise<void> => {
      await store.close();
      await checkpoints.close();
    };
    const opened = { log: store, checkpoints, known, close };
    const process = new HostProcess(belongings, opened, store, around, failed);
    await process.assembly.host.start();
    for (const requester of process.requesters) requester.start();
    process.boundedReads.start();
    return process;
  }

  private constructor(
    { id, loop }: HostBelongings,
    opened: OpenStore,
    store: ObservedStorage,
    around: HostSurroundings,
    failed: (error: Error) => void,
  ) {
    const through = opened.checkpoints.newest.meta.throughSlot;
    this.id = id;
    this.loop = loop;
    this.around = around;
    this.store = store;
    const { tell, counters } = around;
    this.machine = new CountingMachine({
      heard: (slot, timeMs, command) => {
        around.executedAt(id, slot, timeMs);
        this.appliedThrough(slot - 1);
        tell('executed', id, slot, command);
        if (!this.machine.has(command.id)) return;
        around.broke(new Violation('execution', `replica ${id} executes command ${command.id} twice`));
      },
      isPoison: (slot, command) => {
        if (!around.isPoison(command.id)) return false;
        this.appliedThrough(slot - 1);
        return true;
      },
    });
    const options = {
      listen: addressOf(id),
      peers: around.addresses,
      stateMachine: this.machine,
      keys: undefined,
      // What the leader of the moment was told counts on all of them.
      tuning: { ...around.scale.tuning, sessionsMax: around.scale.sessionsMax + id - 1 },
    };
    const sockets = around.network.socketsOf(id, loop);
    const transport = (given: TcpTransportOptions): TcpTransport =>
      new ObservedTransport({ ...given, bounds: QUEUES }, id, around);
    this.assembly = assemble(opened, options, this.listeners(failed), { runtime: loop, sockets, transport });
    store.onStaged = () => this.tookVote();
    this.applied = through;
    const { core, effects } = this.assembly.host;
    effects.chosen = (from, until) => {
      for (let slot = from; slot <= until; slot++) {
        const batch = core.learner.batchAt(slot);
        if (batch !== undefined) tell('learned', id, slot, batch);
      }
    };
    tell('restored', id, this.machine.at(through));
    const { executor } = this.host;
    const rewind = executor.rewind.bind(executor);
    executor.rewind = (standing) => {
      rewind(standing);
      counters.rebuilds++;
      this.restored();
    };
    const isSure = around.scale.sessionsMax === SESSIONS_ENOUGH && around.scale.workload.poisons === 0;
    const requests = {
      ...around.requestsOf(id),
      unknownAfterMs: () => (isSure && !this.isClosing ? around.scale.tuning.requestTimeoutMs : 0),
    };
    const { requesters, holders } = around.scale.workload;
    this.requesters = [
      ...Array.from({ length: requesters }, () => new Requester(this.host, loop, requests)),
      ...Array.from({ length: holders }, () => this.newHolder(requests)),
    ];
    this.boundedReads = new BoundedReads(this.host, loop, around.requestsOf(id), around.barriers);
  }

  /** One that holds a session: it is told *unknown* only when the process ends. */
  private newHolder(requests: RequestSurroundings): Requester {
    const { host, loop, around } = this;
    const held: RequestSurroundings = {
      ...requests,
      holdsSession: true,
      unknownAfterMs: () => (this.isClosing || host.failure !== undefined ? 0 : Number.POSITIVE_INFINITY),
      done: () => {
        around.counters.doneInSessions++;
        requests.done();
      },
    };
    return new Requester(new HeldRequests(host, around.counters), loop, held);
  }

  private listeners(failed: (error: Error) => void): HostEvents {
    const { id, around } = this;
    const { counters } = around;
    const told = new Listeners(around.listenersThrow);
    return {
      role: (role, ballot) => {
        if (this.isLeading && role !== 'leader' && this.isStalled) counters.standDowns++;
        this.isLeading = role === 'leader';
        around.roleChanged(id, role, ballot);
        told.tellAll();
      },
      peer: (peer, up) => {
        if (up) this.peers.add(peer);
        else this.peers.delete(peer);
        if (!up) counters.peersLost++;
        told.tellAll();
      },
      checkpoint: (_meta, _lengthBytes, from) => {
        if (from === 0) counters.checkpoints++;
        else {
          counters.stateTransfers++;
          this.restored();
        }
        told.tellAll();
      },
      damage: () => {},
      members: () => {},
      disk: () => {},
      clock: ({ isOff }) => {
        if (isOff) counters.clocksOff++;
      },
      ticked: () => {
        this.operate();
        this.countSessions();
        this.countReads();
        if (this.isStalled) counters.stalledTicks++;
        if (this.host.time.clock.status.guide === 'others') counters.clocksSlewed++;
      },
      checkpointProblem: (problem) => {
        if (problem !== undefined) counters.checkpointsFailed++;
      },
      transfer: () => {},
      halted: (halt) => {
        if (halt !== undefined) counters.halts++;
        told.tellAll();
      },
      failure: failed,
    };
  }

  /** What an operator does about a cluster that is halted, who looks at its leader all the time. */
  private operate(): void {
    const { host } = this;
    if (!host.leads || host.halt === undefined || this.isSkipping) return;
    const { slot, ordinal } = host.halt;
    this.isSkipping = true;
    host.skip({ slot, ordinal, reason: 'it throws' }).then(
      () => {
        this.isSkipping = false;
        this.around.counters.skips++;
      },
      (error: unknown) => {
        this.isSkipping = false;
        if (error instanceof IndelibleError && error.code !== ErrorCode.diverged) return;
        this.around.broke(error as Error);
      },
    );
  }

  /** A replica whose log does not come on takes no votes, from nobody. */
  private tookVote(): void {
    if (!this.isStalled) return;
    this.around.broke(
      new Violation(
        'stall',
        `replica ${this.id} takes a vote, and its disk has stalled for ${this.host.stall.ms} ms`,
      ),
    );
  }

  private get isStalled(): boolean {
    return this.host.stall.lasts(this.around.scale.tuning.storageStallMs);
  }

  get host(): Assembly['host'] {
    return this.assembly.host;
  }
  /** Whose stores it refuses, or who refuses its own, and why. */
  get refused(): ReadonlyMap<ReplicaId, string> {
    return this.assembly.transport.refusals;
  }
  get pendingItems(): number {
    return this.store.pendingItems;
  }
  get pendingBytes(): number {
    return this.store.pendingBytes;
  }
  /** What is damaged or undecided and so on, for a person. */
  get description(): string {
    const { core, executor } = this.host;
    return (
      `${this.id}: ${core.role} at ${core.ballot}, follows ${core.leader}, learned ${core.learner.learnedThrough}, ` +
      `applied ${executor.appliedThrough}, trimmed ${core.acceptor.trimThrough}, ` +
      `log ${this.store.usedBytes} of ${this.store.capacityBytes}`
    );
  }

  /** Looks at what it holds, and for how long requests have waited. @throws what is beyond its bound. */
  mustBeBounded(): void {
    const { around, loop } = this;
    mustHoldLittle(this, around.scale);
    if (!loop.isPaused) mustAnswerInTime(this, around);
  }

  /** Tells the checkers how far it has come. */
  look(): void {
    this.appliedThrough(this.host.executor.appliedThrough);
  }

  /** Stops in order, as on SIGTERM: then nothing is owed to anybody. Resolves when all is closed. */
  async close(): Promise<void> {
    const { host, transport } = this.assembly;
    this.isClosing = true;
    this.boundedReads.stop();
    await host.stop();
    for (const { writes, reads } of this.requesters) {
      const owed = writes.openCount + reads.openCount;
      if (owed === 0) continue;
      this.around.broke(
        new Violation('requests', `${owed} requests have no outcome when replica ${this.id} closes`),
      );
    }
    await transport.close();
    await host.checkpointsSettled();
    await this.store.close();
  }

  die(): void {
    this.around.counters.messagesDropped += this.assembly.transport.counters.dropped;
    this.boundedReads.stop();
    for (const requester of this.requesters) requester.end();
  }

  /** Slots through `through` are in the state, and no later one, but for half of that at which it halts. */
  private appliedThrough(through: Slot): void {
    const { tell, counters } = this.around;
    while (this.applied < through) {
      this.applied++;
      counters.slotsApplied++;
      const isWhole = this.applied === through && this.host.halt === undefined;
      tell('applied', this.id, this.applied, isWhole ? this.machine.at(through) : undefined);
    }
  }

  /** Those that were answered here since the last tick, while another leads. */
  private countReads(): void {
    const { queries } = this.host.load;
    if (!this.isLeading) this.around.counters.readsFollowing += queries - this.queries;
    this.queries = queries;
  }

  private countSessions(): void {
    const { counters } = this.around;
    const { table, repeated, refused } = this.host.executor.sessions;
    counters.sessionRepeats += repeated - this.counted.repeated;
    counters.sessionRefusals += refused - this.counted.refused;
    counters.sessionsForgotten += table.forgotten - this.counted.forgotten;
    this.counted = { repeated, refused, forgotten: table.forgotten };
  }

  private restored(): void {
    const { appliedThrough } = this.host.executor;
    this.applied = appliedThrough;
    // A state that may be half way through a command is nobody's: told of when it is put back.
    if (this.host.halt === undefined) this.around.tell('restored', this.id, this.machine.at(appliedThrough));
  }
}

/** The program's own listeners, which may throw, as those of `Replica` may. */
class Listeners extends SafeEmitter<{ news: [] }> {
  constructor(throws: () => boolean) {
    super();
    this.on('news', () => {
      if (throws()) throw new Error('a listener of a simulated user throws');
    });
  }

  tellAll(): void {
    this.tell('news');
  }
}

/** Tells what leaves, at the moment the host gives it away. */
class ObservedTransport extends TcpTransport {
  private readonly id: ReplicaId;
  private readonly around: HostSurroundings;

  constructor(options: TcpTransportOptions, id: ReplicaId, around: HostSurroundings) {
    super(options);
    this.id = id;
    this.around = around;
  }

  override send(to: ReplicaId, message: Message): void {
    this.around.tell('leaves', this.id, to, message);
    super.send(to, message);
  }

  override hasRoom(to: ReplicaId): boolean {
    const hasRoom = super.hasRoom(to);
    if (!hasRoom) this.around.counters.peersBehind++;
    return hasRoom;
  }
}
