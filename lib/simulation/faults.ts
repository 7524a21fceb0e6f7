/**
 * The faults of a simulation: what may go wrong, and the hand that makes it go wrong at random moments.
 *
 * 1. Everything drawn comes from the seed.
 * 2. `end` takes every fault back: links whole, weather fair, every replica up and awake. What has rotted
 *    stays so until it is written again.
 */
import type { Clock } from './clock.js';
import { TICK_UNITS } from './clock.js';
import type { Counters } from './counters.js';
import { type DamageBound, DamageBudget } from './damage-budget.js';
import type { DiskFault } from './disk.js';
import { FAIR_WEATHER, type Network, type Weather } from './network.js';
import { cutChained, cutOneWay, cutSymmetric, isolate } from './partitions.js';
import type { Random } from './random.js';
import type { SimulatedReplica } from './replica.js';

/** Relative frequencies; 0 turns a fault off. */
export interface FaultRates {
  /** A replica crashes. */
  readonly crash: number;
  /** The leader crashes. */
  readonly crashLeader: number;
  /** Several replicas crash at once. */
  readonly crashSeveral: number;
  /** All crash at once. */
  readonly crashAll: number;
  /** The network is cut in two. */
  readonly partition: number;
  /** Messages of one direction are lost. */
  readonly oneWayPartition: number;
  /** Each replica reaches only its neighbours. */
  readonly chainedPartition: number;
  /** Cuts off whoever leads, and may slow it down, so that it believes for long that it still does. */
  readonly isolateLeader: number;
  /** Links to a leader that is well are ended, and are there again at once. */
  readonly resetLinks: number;
  /** All links are whole again. */
  readonly heal: number;
  /** Links lose, double, delay and reorder more, or less. */
  readonly weather: number;
  /** A process stops, and goes on later. */
  readonly pause: number;
  /** A process becomes slow. */
  readonly slowness: number;
  /** A leader is asked to give up the lead. */
  readonly handOver: number;
  /** The bytes of a vote rot, a record does, a store is lost; under the store or between two lives. */
  readonly rotBytes: number;
  /** A record becomes unreadable. */
  readonly rotRecord: number;
  /** A whole store is lost. */
  readonly loseStore: number;
}

export const FAULT_RATES: FaultRates = {
  crash: 3,
  crashLeader: 2,
  crashSeveral: 1,
  crashAll: 0.5,
  partition: 2,
  oneWayPartition: 1.5,
  chainedPartition: 1.5,
  isolateLeader: 2,
  resetLinks: 2,
  heal: 4,
  weather: 3,
  pause: 1.5,
  slowness: 1,
  handOver: 0.7,
  rotBytes: 3,
  rotRecord: 2,
  loseStore: 0.15,
};

/** How often disks rot where more may rot than can be mended. */
export const RATES_OF_MUCH_DAMAGE: Partial<FaultRates> = { rotBytes: 12, rotRecord: 12 };

/**
 * Ticks a replica stays down, at most, when it is down for short; and for long, so that it needs a
 * checkpoint.
 */
const SHORT_OUTAGE_TICKS = 12;
const LONG_OUTAGE_TICKS = 80;

/** The share of crashes that end a process, whose kernel ends its links; others end the machine. */
const KERNEL_CLOSES_SHARE = 0.7;
const LINK_END_DELAY_MAX = 40;

export class Faults {
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly replicas: readonly SimulatedReplica[];
  private readonly network: Network;
  private readonly counters: Counters;
  private readonly rates: FaultRates;
  private readonly budget: DamageBudget;
  private ended = false;

  constructor(
    clock: Clock,
    random: Random,
    replicas: readonly SimulatedReplica[],
    network: Network,
    counters: Counters,
    rates: FaultRates,
    bound: DamageBound,
  ) {
    this.clock = clock;
    this.random = random;
    this.replicas = replicas;
    this.network = network;
    this.counters = counters;
    this.rates = rates;
    this.budget = new DamageBudget(replicas, bound);
  }

  /** Lets something go wrong every so often. */
  start(): void {
    this.clock.after(this.random.between(2, 30) * TICK_UNITS, () => {
      if (this.ended) return;
      this.strike();
      this.start();
    });
  }

  /** Crashes whoever leads; its successor has to show itself. False if nobody leads. */
  crashLeader(): boolean {
    const { leader } = this;
    if (leader === undefined) return false;
    this.crash([leader], this.random.between(10, SHORT_OUTAGE_TICKS * 3));
    return true;
  }

  end(): void {
    this.ended = true;
    this.network.heal();
    this.network.weather = { ...FAIR_WEATHER };
    for (const replica of this.replicas) {
      replica.slowness = 1;
      replica.pausedUntil = 0;
      if (!replica.isUp) replica.start();
    }
  }

  /** Cuts off all but some majority of the replicas, out of `candidates`; nobody if those are too few. */
  leaveMajority(candidates: readonly SimulatedReplica[]): readonly SimulatedReplica[] {
    const size = Math.floor(this.replicas.length / 2) + 1;
    if (candidates.length < size) return [];
    const majority = this.random.sample(candidates, size);
    for (const { id: here } of majority) {
      for (const other of this.replicas) {
        if (majority.includes(other)) continue;
        this.network.cutLink(here, other.id);
        this.network.cutLink(other.id, here);
      }
    }
    return majority;
  }

  /** Some replica that leads, or believes so. */
  private get leader(): SimulatedReplica | undefined {
    return this.replicas.find((replica) => replica.process?.core.role === 'leader');
  }

  private strike(): void {
    const names = Object.keys(this.rates) as (keyof FaultRates)[];
    let left = this.random.fraction() * names.reduce((sum, name) => sum + this.rates[name], 0);
    for (const name of names) {
      left -= this.rates[name];
      if (left < 0) return this.inflict(name);
    }
  }

  private inflict(fault: keyof FaultRates): void {
    const { random, replicas, counters, network } = this;
    switch (fault) {
      case 'crash':
        return this.crash([random.pick(replicas)], this.outage());
      case 'crashLeader':
        this.crashLeader();
        return;
      case 'crashSeveral':
        return this.crash(random.sample(replicas, random.between(2, replicas.length - 1)), this.outage());
      case 'crashAll':
        return this.crash(replicas, random.between(0, SHORT_OUTAGE_TICKS));
      case 'partition':
        counters.partitions++;
        return cutSymmetric(network, random, this.ids());
      case 'oneWayPartition':
        counters.oneWayPartitions++;
        return cutOneWay(network, random, this.ids());
      case 'chainedPartition':
        counters.chainedPartitions++;
        return cutChained(network, random, this.ids());
      case 'isolateLeader':
        return this.isolateLeader();
      case 'resetLinks':
        return this.resetLinks();
      case 'heal':
        return network.heal();
      case 'weather':
        network.weather = drawWeather(random);
        return;
      case 'pause':
        counters.pauses++;
        random.pick(replicas).pausedUntil = this.clock.now + random.between(1, 40) * TICK_UNITS;
        return;
      case 'slowness':
        random.pick(replicas).slowness = random.pick([0.5, 1, 1, 2, 4]);
        return;
      case 'handOver':
        return this.handOver();
      case 'rotBytes':
        return this.rot('bytes');
      case 'rotRecord':
        return this.rot('record');
      case 'loseStore':
        return this.loseStore();
    }
  }

  private crash(victims: readonly SimulatedReplica[], ticks: number): void {
    for (const victim of victims) {
      if (victim.isUp && this.random.chance(KERNEL_CLOSES_SHARE)) this.endLinks(victim, this.replicas);
      victim.crash();
    }
    if (this.replicas.every((replica) => !replica.isUp)) this.counters.fullOutages++;
    for (const victim of victims) {
      this.clock.after(ticks * TICK_UNITS + this.random.below(3 * TICK_UNITS), () => {
        if (!victim.isUp) victim.start();
      });
    }
  }

  /** Those who are connected with it hear that their links were ended, one after the other. */
  private endLinks(victim: SimulatedReplica, others: readonly SimulatedReplica[]): void {
    for (const other of others) {
      if (other === victim) continue;
      this.clock.after(this.random.below(LINK_END_DELAY_MAX), () => {
        this.counters.linksEnded++;
        other.linkEnded(victim.id);
      });
    }
  }

  private resetLinks(): void {
    const { leader, random, replicas } = this;
    if (leader === undefined) return;
    this.counters.falseHints++;
    const times = random.pick([1, 1, 3]);
    for (let time = 0; time < times; time++)
      this.clock.after(random.below(TICK_UNITS) + time * 3 * TICK_UNITS, () =>
        this.endLinks(leader, random.sample(replicas, random.between(1, replicas.length))),
      );
  }

  private isolateLeader(): void {
    const { leader } = this;
    if (leader === undefined) return;
    this.counters.isolatedLeaders++;
    isolate(this.network, leader.id, this.ids());
    leader.slowness = this.random.pick([1, 2, 4]);
  }

  private handOver(): void {
    const { leader } = this;
    if (leader?.process?.core.handOver()) {
      this.counters.handOvers++;
      leader.process.endTurnSoon();
    }
  }

  private rot(fault: DiskFault): void {
    const victim = this.random.pick(this.replicas);
    if (!victim.canRot) return;
    if (victim.isUp && (!victim.mayRot || this.random.chance(0.4))) this.crash([victim], this.outage());
    victim.rot(fault, (slots) => this.budget.admits(victim, slots));
  }

  private loseStore(): void {
    const victim = this.random.pick(this.replicas);
    if (!victim.canRot || !this.budget.admitsLoss(victim)) return;
    if (victim.isUp) this.crash([victim], this.outage());
    victim.rot('store', () => true);
  }

  private outage(): number {
    return this.random.chance(0.3)
      ? this.random.between(SHORT_OUTAGE_TICKS, LONG_OUTAGE_TICKS)
      : this.random.between(0, SHORT_OUTAGE_TICKS);
  }

  private ids(): number[] {
    return this.replicas.map((replica) => replica.id);
  }
}

function drawWeather(random: Random): Weather {
  if (random.chance(0.3)) return { ...FAIR_WEATHER };
  return {
    loss: random.chance(0.5) ? random.fraction() * 0.3 : 0,
    duplication: random.chance(0.5) ? random.fraction() * 0.3 : 0,
    delayMin: 1,
    delayMax: random.pick([10, 40, 150]),
    stragglers: random.chance(0.5) ? random.fraction() * 0.2 : 0,
    stragglerDelayMax: random.pick([300, 1000, 6000]),
  };
}
