/**
 * The world of one simulation of hosts: machines, wires, clients, faults and checkers, all driven by one
 * clock, in milliseconds, and one seed.
 *
 * 1. Nothing in it looks outside: no time, no randomness, no order that the seed does not fix.
 * 2. What a checker finds broken ends the simulation, wherever it is found: hosts may catch what is thrown
 *    through them.
 */
import type { Role } from '../../paxos/effects.js';
import { FORMER_MS_MAX } from '../../replica/forwarder.js';
import type { StoreShape } from '../../storage/shape.js';
import type { Ballot, ReplicaId } from '../../types.js';
import { Agreement } from '../checkers/agreement.js';
import { Durability } from '../checkers/durability.js';
import { Execution } from '../checkers/execution.js';
import { GivenUp } from '../checkers/given-up.js';
import { Linearizability } from '../checkers/linearizability.js';
import { OutcomeChecker } from '../checkers/outcome.js';
import { Promises } from '../checkers/promises.js';
import { Recovery } from '../checkers/recovery.js';
import { Release } from '../checkers/release.js';
import { Votes } from '../checkers/votes.js';
import { Clock } from '../clock.js';
import type { CopiableDisk } from '../disk.js';
import { firstConfiguration } from '../membership.js';
import { Observers, type Operation } from '../observer.js';
import { Random } from '../random.js';
import { Trace } from '../trace.js';
import { must } from '../violation.js';
import { Availability } from './availability.js';
import type { RequestSurroundings } from './front-end.js';
import { type HostCounters, newHostCounters } from './host-counters.js';
import { type HostFaultRates, HostFaults } from './host-faults.js';
import { drawHostScale, type HostScale, type RequestWorkload } from './host-scale.js';
import type { HostSurroundings } from './host-surroundings.js';
import { Infirmary } from './infirmary.js';
import { OutsideClient } from './outside-client.js';
import { ReplicatedTime } from './replicated-time.js';
import { Serving } from './serving.js';
import { SimulatedHost } from './simulated-host.js';
import { addressOf, SocketNetwork } from './socket-network.js';
import { StaleStores } from './stale-stores.js';
import { StandingDown } from './standing-down.js';
import { StoreFaults } from './store-faults.js';
import type { Stream } from './stream.js';
import type { Tell } from './told.js';
import { Wires } from './wires.js';

export type MakeHostDisk = (shape: StoreShape, host: SimulatedHost, random: Random) => CopiableDisk;

/** A leader looks out for more for a moment behind a turn (replica/watch.ts): some tens of these. */
const EMPTY_PHASES_MAX = 300;
const CLUSTER = 'c'.repeat(32);
const ROLE_NUMBER = { follower: 1, candidate: 2, leader: 3 } as const;

export class HostWorld {
  readonly clock: Clock = new Clock();
  readonly counters: HostCounters = newHostCounters();
  readonly trace: Trace = new Trace();
  readonly scale: HostScale;
  readonly hosts: readonly SimulatedHost[];
  readonly outside: readonly OutsideClient[];
  readonly faults: HostFaults;
  readonly observers: Observers;
  readonly availability: Availability;
  readonly infirmary: Infirmary;
  /** If stores become stale. */
  readonly storeFaults: StoreFaults | undefined;
  private readonly standingDown: StandingDown;
  private readonly serving: Serving;
  /** The longest that a request has waited, of what it may. */
  longestWait = 0;
  /** The promises of the checkers have been kept so far, if undefined. */
  failure: Error | undefined;
  private readonly random: Random;
  private readonly log: (line: string) => void;
  private readonly network: SocketNetwork;
  private lastOperation = 0;
  private poisonThrough: number = Number.POSITIVE_INFINITY;
  private leaders = 0;
  private lastExecuted = 0;

  constructor(
    seed: number,
    count: number,
    makeDisk: MakeHostDisk,
    rates: HostFaultRates,
    workload: Partial<RequestWorkload>,
    stale: Random | undefined,
    log: (line: string) => void,
  ) {
    this.random = new Random(seed);
    this.log = log;
    const drawn = drawHostScale(this.random.fork());
    this.scale = { ...drawn, workload: { ...drawn.workload, ...workload } };
    const votes = new Votes(firstConfiguration(count));
    const promises = new Promises(votes);
    const execution = new Execution();
    this.observers = new Observers([
      votes,
      promises,
      new Release(votes, promises),
      new Recovery(votes),
      new Agreement(votes),
      execution,
      new OutcomeChecker(execution),
      new Linearizability(),
      new Durability(execution),
      new GivenUp(execution),
      { executed: (_replica, _slot, { id }) => this.executed(id) },
    ]);
    const { clock, trace, counters, scale } = this;
    const wires = new Wires(clock, this.random.fork());
    const delivered = (stream: Stream, bytes: number): void => {
      trace.fold(stream.machine);
      trace.fold(bytes);
    };
    this.network = new SocketNetwork(clock, wires, delivered, () => {
      counters.queueDrops++;
    });
    const around = this.surroundings(count);
    this.hosts = around.configuration.members.map(({ id, storeUuid }) => {
      const identity = { clusterId: CLUSTER, replicaId: id, storeUuid };
      const { logBytes, recordBytesMax } = scale;
      const random = this.random.fork();
      const make = (host: SimulatedHost): CopiableDisk =>
        makeDisk({ identity, logBytes, recordBytesMax }, host, random);
      return new SimulatedHost(id, make, around);
    });
    const ids = this.hosts.map(({ id }) => id);
    this.outside = Array.from(
      { length: scale.workload.clientsOutside },
      (_, number) => new OutsideClient(number, around),
    );
    this.availability = new Availability(ids, scale.electionMs);
    this.serving = new Serving(scale.electionMs);
    this.standingDown = new StandingDown(scale.tuning.storageStallMs, scale.electionMs);
    this.infirmary = new Infirmary(this.hosts, this.network, scale.electionMs);
    const chance = this.random.fork();
    this.faults = new HostFaults(clock, chance, this.hosts, wires, counters, rates, scale.electionMs, log);
    if (stale === undefined) return;
    this.storeFaults = new StoreFaults(clock, stale, this.hosts, counters, scale.electionMs, log);
  }

  async start(): Promise<void> {
    for (const host of this.hosts) await host.prepare();
    for (const host of this.hosts) host.start();
    for (const client of this.outside) client.start();
    await this.settle();
    this.faults.start();
    this.storeFaults?.start();
  }

  /** Runs one event, and what it has set off beside. @throws what is broken. */
  async step(): Promise<void> {
    this.clock.step();
    await this.settle();
    for (const { process } of this.hosts) process?.look();
    if (this.failure !== undefined) throw this.failure;
  }

  /** Looks at what shows only in time: progress, deadlines, busy loops. @throws what is broken. */
  look(): void {
    const stallMs = this.hosts.some((host) => host.hasStalled) ? this.scale.tuning.storageStallMs : 0;
    const extraMs = FORMER_MS_MAX + stallMs;
    const { now } = this.clock;
    // Replicas that are short of room for checkpoints may have what grows the state refused, all there is.
    if (this.hosts.some((host) => host.isFull)) this.availability.executed(now);
    if (this.availability.look(now, this.infirmary, extraMs)) this.counters.availabilityChecks++;
    this.counters.cutOffChecks += this.serving.look(now, this.hosts, this.infirmary, extraMs);
    this.standingDown.look(now, this.hosts, this.infirmary);
    this.storeFaults?.look();
    for (const { process } of this.hosts) process?.mustBeBounded();
    for (const { id, emptyPhases } of this.hosts) {
      must(
        emptyPhases <= EMPTY_PHASES_MAX,
        'busy',
        () => `the event loop of replica ${id} turned ${emptyPhases} times and nothing had arrived`,
      );
    }
  }

  /** Lets promises run out. The clock stands still meanwhile. */
  private async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.failure !== undefined) throw this.failure;
  }

  newOperation(type: Operation['type']): Operation {
    return { id: ++this.lastOperation, key: this.random.below(this.scale.workload.keys), type };
  }

  /** Faults end, and nothing is asked for any more at which a machine throws. */
  endFaults(): void {
    this.poisonThrough = this.lastOperation;
    this.storeFaults?.end();
    this.faults.end();
  }

  private executed(id: number): void {
    if (id <= this.lastExecuted) return;
    this.lastExecuted = id;
    this.availability.executed(this.clock.now);
  }

  private surroundings(count: number): HostSurroundings {
    const configuration = firstConfiguration(count);
    const { members } = configuration;
    const broke = (error: Error): void => {
      this.failure ??= error;
    };
    // A host may catch what is thrown through it.
    const check = (run: () => void): void => {
      try {
        run();
      } catch (error) {
        broke(error as Error);
      }
    };
    const tell: Tell = (what, ...facts) => check(() => this.observers.tell(what, ...facts));
    const random = this.random.fork();
    const { clock, counters, scale, network } = this;
    const time = new ReplicatedTime(clock);
    return {
      clock,
      random,
      counters,
      scale,
      clusterId: CLUSTER,
      configuration,
      addresses: new Map(members.map(({ id }) => [id, addressOf(id)])),
      network,
      tell,
      check,
      staleStores: new StaleStores(),
      barriers: [],
      executedAt: (replica, slot, timeMs) => check(() => time.executed(replica, slot, timeMs)),
      waited: (share) => {
        this.longestWait = Math.max(this.longestWait, share);
      },
      listenersThrow: () => {
        const throws = random.chance(scale.workload.throws);
        if (throws) counters.listenersThrown++;
        return throws;
      },
      isPoison: (command) => command <= this.poisonThrough && isPoison(command, scale.workload.poisons),
      broke,
      roleChanged: (replica, role, ballot) => this.roleChanged(replica, role, ballot),
      requestsOf: (replica) => this.requestsOf(replica, random.fork(), tell, broke),
      log: this.log,
    };
  }

  private requestsOf(
    replica: ReplicaId,
    random: Random,
    tell: Tell,
    broke: (error: Error) => void,
  ): RequestSurroundings {
    const { counters, scale } = this;
    const counting: Tell = (what, ...facts) => {
      if (what === 'wrote') counters.writesDone++;
      if (what === 'read') counters.readsDone++;
      if (what === 'overtaken') counters.overtaken++;
      tell(what, ...facts);
    };
    return {
      random,
      counters,
      // A client's own code stands between a connection and its user.
      workload: replica === 0 ? { ...scale.workload, throws: 0 } : scale.workload,
      owner: { tell: counting, broke },
      deadlineMs: Math.min(scale.tuning.requestTimeoutMs, scale.tuning.leaderWaitMs),
      newOperation: (type) => this.newOperation(type),
      done: () => {
        this.serving.done(replica, this.clock.now);
        if (replica === 0) counters.doneOutside++;
        else if (!this.hosts[replica - 1]!.leads) counters.doneElsewhere++;
      },
    };
  }

  private roleChanged(replica: ReplicaId, role: Role, ballot: Ballot): void {
    this.trace.fold(replica * 4 + ROLE_NUMBER[role]);
    this.trace.fold(ballot);
    this.log(`${this.clock.now.toFixed(3)} ${replica} is ${role} at ${ballot}`);
    if (role === 'leader' && this.leaders++ > 0) this.counters.leaderChanges++;
  }
}

/** Some of the commands, spread evenly over them. */
function isPoison(command: number, share: number): boolean {
  return (Math.imul(command, 0x9e3779b1) >>> 0) / 2 ** 32 < share;
}
