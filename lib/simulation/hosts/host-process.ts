/**
 * One life of a simulated host: the real parts of a replica (replica/assembly.ts) over an open store, on a
 * simulated event loop and simulated sockets, with requesters in its process.
 */
import type { Effects } from '../../paxos/effects.js';
import type { Message } from '../../paxos/messages.js';
import { type Assembly, assemble } from '../../replica/assembly.js';
import type { OpenStore } from '../../replica/store.js';
import { openCheckpoints } from '../../storage/checkpoint.js';
import type { FileMedium } from '../../storage/file/medium.js';
import type { Storage } from '../../storage/storage.js';
import { TcpTransport, type TcpTransportOptions } from '../../transport/tcp.js';
import type { ReplicaId, Slot } from '../../types.js';
import { ObservedStorage } from '../observed-storage.js';
import { Violation } from '../violation.js';
import { CountingMachine } from './counting-machine.js';
import type { EventLoop } from './event-loop.js';
import { Requester } from './front-end.js';
import type { HostSurroundings } from './host-surroundings.js';
import { addressOf } from './socket-network.js';

export const CHECKPOINTS = '/checkpoints';

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
  private readonly around: HostSurroundings;
  private readonly assembly: Assembly;
  private readonly store: ObservedStorage;
  private applied: Slot;

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
    this.machine = new CountingMachine((slot, _ordinal, command) => {
      this.appliedThrough(slot - 1);
      tell('executed', id, slot, command);
      if (!this.machine.has(command.id)) return;
      around.broke(new Violation('execution', `replica ${id} executes command ${command.id} twice`));
    });
    const options = {
      listen: addressOf(id),
      peers: around.addresses,
      stateMachine: this.machine,
      tuning: around.scale.tuning,
    };
    const sockets = around.network.socketsOf(id, loop);
    const transport = (given: TcpTransportOptions): TcpTransport => new ObservedTransport(given, id, around);
    this.assembly = assemble(
      opened,
      options,
      {
        role: (role, ballot) => around.roleChanged(id, role, ballot),
        peer: (peer, up) => {
          if (up) this.peers.add(peer);
          else this.peers.delete(peer);
          if (!up) counters.peersLost++;
        },
        checkpoint: (_meta, _lengthBytes, from) => {
          if (from === 0) counters.checkpoints++;
          else this.restored();
        },
        damage: () => {},
        clock: () => {},
        ticked: () => {},
        checkpointProblem: () => {},
        transfer: () => {},
        failure: failed,
      },
      { runtime: loop, sockets, transport },
    );
    this.applied = through;
    const { core } = this.assembly.host;
    const effects: Effects = this.assembly.host;
    effects.chosen = (from, until) => {
      for (let slot = from; slot <= until; slot++) {
        const batch = core.learner.batchAt(slot);
        if (batch !== undefined) tell('learned', id, slot, batch);
      }
    };
    tell('restored', id, this.machine.at(through));
    const requests = around.requestsOf(id);
    this.requesters = Array.from(
      { length: around.scale.workload.requesters },
      () => new Requester(this.host, loop, requests),
    );
  }

  get host(): Assembly['host'] {
    return this.assembly.host;
  }
  get pendingItems(): number {
    return this.store.pendingItems;
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

  /** Tells the checkers how far it has come. */
  look(): void {
    this.appliedThrough(this.host.executor.appliedThrough);
  }

  /** Stops in order, as on SIGTERM: then nothing is owed to anybody. Resolves when all is closed. */
  async close(): Promise<void> {
    const { host, transport } = this.assembly;
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
    for (const requester of this.requesters) requester.end();
  }

  /** Slots through `through` are in the state, and no later one. */
  private appliedThrough(through: Slot): void {
    const { tell, counters } = this.around;
    while (this.applied < through) {
      this.applied++;
      counters.slotsApplied++;
      tell('applied', this.id, this.applied, this.applied === through ? this.machine.at(through) : undefined);
    }
  }

  private restored(): void {
    const { appliedThrough } = this.host.executor;
    this.around.counters.stateTransfers++;
    this.applied = appliedThrough;
    this.around.tell('restored', this.id, this.machine.at(appliedThrough));
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
}
