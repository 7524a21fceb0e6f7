/**
 * The world of one simulation: replicas, disks, network, clients, faults and checkers, all driven by one
 * clock and one seed.
 *
 * 1. Nothing in it looks outside: no time, no randomness, no order that the seed does not fix.
 * 2. Every checker sees everything, as it happens.
 */
import type { Governing } from '../paxos/configurations.js';
import type { Role } from '../paxos/effects.js';
import type { Message } from '../paxos/messages.js';
import type { StoreShape } from '../storage/shape.js';
import type { Ballot, Configuration, ReplicaId } from '../types.js';
import { Agreement } from './checkers/agreement.js';
import { Configurations } from './checkers/configurations.js';
import { Durability } from './checkers/durability.js';
import { Execution } from './checkers/execution.js';
import { Linearizability } from './checkers/linearizability.js';
import { OutcomeChecker } from './checkers/outcome.js';
import { Promises } from './checkers/promises.js';
import { Recovery } from './checkers/recovery.js';
import { Release } from './checkers/release.js';
import { Votes } from './checkers/votes.js';
import { Clients } from './clients.js';
import { Clock, TICK_UNITS } from './clock.js';
import { type Counters, newCounters } from './counters.js';
import type { DamageBound } from './damage-budget.js';
import type { SimulatedDisk } from './disk.js';
import { type FaultRates, Faults } from './faults.js';
import {
  firstConfiguration,
  type MemberCounters,
  Membership,
  newMemberCounters,
  storeOf,
} from './membership.js';
import { Network } from './network.js';
import { type Observer, Observers } from './observer.js';
import { Random } from './random.js';
import { SimulatedReplica } from './replica.js';
import { drawScale, type Scale } from './scale.js';
import type { Surroundings } from './surroundings.js';
import { Trace } from './trace.js';

export type MakeDisk = (shape: StoreShape, clock: Clock, random: Random) => SimulatedDisk;

/** The share of seeds in which, in the end, a majority has to get on alone. */
const MAJORITY_SHARE = 0.3;

const ROLE_NUMBER = { follower: 1, candidate: 2, leader: 3 } as const;

export class World {
  readonly clock: Clock = new Clock();
  readonly counters: Counters = newCounters();
  readonly trace: Trace = new Trace();
  readonly replicas: readonly SimulatedReplica[];
  readonly clients: Clients;
  readonly faults: Faults;
  readonly observers: Observers;
  readonly scale: Scale;
  /** True if more may rot than the cluster can heal: then it may stop, and say at which slots. */
  readonly mayStop: boolean;
  /** True if, in the end, a majority has to get on alone first. */
  readonly cutsOffAMinority: boolean;
  /** True if the disks answer by promises, which an event has to wait for. */
  private readonly isAsync: boolean;
  private readonly network: Network;
  private readonly random: Random;
  private readonly log: (line: string) => void;
  private failure: Error | undefined;
  private leaders = 0;
  /** Changes the members; undefined where they stay the same. */
  readonly membership: Membership | undefined;
  readonly memberCounters: MemberCounters = newMemberCounters();

  constructor(
    seed: number,
    count: number,
    makeDisk: MakeDisk,
    isAsync: boolean,
    rates: FaultRates,
    bound: DamageBound,
    log: (line: string) => void,
    spares = 0,
  ) {
    this.random = new Random(seed);
    this.isAsync = isAsync;
    this.mayStop = bound === 'any';
    this.log = log;
    this.scale = drawScale(this.random.fork());
    // Which majority it would have to be is not known while members change.
    this.cutsOffAMinority = this.random.chance(MAJORITY_SHARE) && spares === 0;
    const configuration = firstConfiguration(count);
    const votes = new Votes(configuration);
    const promises = new Promises(votes);
    const execution = new Execution();
    this.observers = new Observers([
      votes,
      promises,
      new Release(votes, promises),
      new Recovery(votes),
      new Configurations(votes, this.scale.windowSlots),
      new Agreement(votes),
      execution,
      new OutcomeChecker(execution),
      new Linearizability(),
      new Durability(execution),
      this.narrator(),
    ]);
    const { clock, trace, counters } = this;
    this.network = new Network(clock, this.random.fork(), trace, counters, (from, to, message) => {
      this.log(`${clock.now} ${from}→${to} ${describe(message)}`);
      this.replicas[to - 1]!.receive(from, message);
    });
    this.network.bulkRate = this.scale.bulkRate;
    this.network.onRoom = (from, to) => this.replicas[from - 1]!.roomAgain(to);
    const around = this.surroundings(configuration);
    const ids = Array.from({ length: count + spares }, (_, at) => at + 1);
    this.replicas = ids.map((id) => {
      const identity = { clusterId: 'c'.repeat(32), replicaId: id, storeUuid: storeOf(id) };
      // A file's groups take whole pages, however small they are.
      const logBytes = this.scale.logBytes * (isAsync ? 8 : 1);
      const shape = { identity, logBytes, recordBytesMax: this.scale.recordBytesMax };
      return new SimulatedReplica(id, makeDisk(shape, clock, this.random.fork()), around);
    });
    this.clients = new Clients(clock, this.random.fork(), this.replicas, this.scale.workload);
    this.faults = new Faults(clock, this.random.fork(), this.replicas, this.network, counters, rates, bound);
    if (spares === 0) return;
    const { replicas, observers, memberCounters, network } = this;
    const isPartitioned = (): boolean => network.isCut;
    const parts = {
      clock,
      random: this.random.fork(),
      replicas,
      observers,
      counters: memberCounters,
      isPartitioned,
    };
    this.membership = new Membership(parts);
  }

  /**
   * Runs one event, and what it has set off beside.
   * @returns false when nothing is left to happen. @throws what a checker or the core found broken.
   */
  async step(): Promise<boolean> {
    let moved = true;
    try {
      moved = this.clock.step();
    } catch (error) {
      // A store that cannot go on ends its process, and nothing else.
      if (!this.replicas.some((replica) => replica.fell())) throw error;
    }
    await this.settle();
    return moved;
  }

  /** Lets the promises of asynchronous disks run out. The clock stands still meanwhile. */
  async settle(): Promise<void> {
    if (this.isAsync) await new Promise((resolve) => setImmediate(resolve));
    if (this.failure !== undefined) throw this.failure;
  }

  async start(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.prepare()));
    for (const replica of this.replicas) {
      replica.start();
      this.tickForever(replica);
    }
    await this.settle();
    this.clients.start();
    this.faults.start();
    this.membership?.start();
  }

  get leader(): SimulatedReplica | undefined {
    const leading = this.replicas.filter((replica) => replica.process?.core.role === 'leader');
    return leading.length === 1 ? leading[0] : undefined;
  }

  /** Those that have to be up to date in the end. */
  get members(): readonly SimulatedReplica[] {
    const cores = this.replicas.flatMap(({ process }) => (process === undefined ? [] : [process.core]));
    const newest = cores.reduce((best, core) =>
      core.configurations.number > best.configurations.number ? core : best,
    );
    const { members } = newest.configurations.quorum.configuration;
    return this.replicas.filter(({ id }) => members.some((member) => member.id === id));
  }

  private surroundings(configuration: Configuration): Surroundings {
    const { clock, counters, observers, scale, random } = this;
    const { timing, windowSlots, windowBytes, votesBytesMax, checkpoints } = scale;
    return {
      clock,
      random: random.fork(),
      counters,
      memberCounters: this.memberCounters,
      observers,
      core: { configuration, timing, windowSlots, windowBytes, votesBytesMax },
      checkpoints,
      send: (from, to, message) => {
        observers.tell('leaves', from, to, message);
        this.network.send(from, to, message);
      },
      hasRoom: (from, to) => this.network.hasRoom(from, to),
      isArriving: (to, from) => this.network.isArriving(from, to),
      fail: (error) => {
        this.failure ??= error;
      },
      configured: (replica, governing) => this.configured(replica, governing),
      roleChanged: (replica, role, ballot) => this.roleChanged(replica, role, ballot),
    };
  }

  /** Tells the log what happens to disks. */
  private narrator(): Observer {
    const say = (replica: ReplicaId, what: string) => this.log(`${this.clock.now} ${replica} ${what}`);
    return {
      rotted: (replica, fault, slots) => say(replica, `rots: ${fault} of slots ${slots.join(' ')}`),
      opened: (replica, { outcome, trimThrough, highestVoted, votes, uncertain }, checkpointThrough) => {
        const lacking = votes.filter(({ available }) => !available).map(({ slot }) => slot);
        const found = { outcome, checkpointThrough, trimThrough, highestVoted, lacking, uncertain };
        say(replica, `opens its store: ${JSON.stringify(found)}`);
      },
    };
  }

  private roleChanged(replica: ReplicaId, role: Role, ballot: Ballot): void {
    this.trace.fold(replica * 4 + ROLE_NUMBER[role]);
    this.trace.fold(ballot);
    this.log(`${this.clock.now} ${replica} is ${role} at ${ballot}`);
    if (role === 'leader' && this.leaders++ > 0) this.counters.leaderChanges++;
  }

  private configured(replica: ReplicaId, governing: Governing): void {
    const { configuration, from } = governing;
    this.trace.fold(configuration.number);
    this.log(`${this.clock.now} ${replica} is in ${JSON.stringify(configuration)} from slot ${from}`);
    this.memberCounters.learned++;
    this.observers.tell('configured', replica, governing);
  }

  private tickForever(replica: SimulatedReplica): void {
    const jitter = this.random.between(-10, 10);
    this.clock.after(Math.round(TICK_UNITS * replica.slowness) + jitter, () => {
      this.trace.fold(replica.id);
      replica.tick();
      this.tickForever(replica);
    });
  }
}

function describe(message: Message): string {
  return JSON.stringify(message, (key, value) =>
    key === 'bytes' && value !== undefined ? `${(value as Uint8Array).length} B` : value,
  );
}
