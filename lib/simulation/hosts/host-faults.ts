/**
 * What goes wrong in a simulation of hosts: processes and machines that end, wires, clocks and disks.
 *
 * 1. Everything drawn comes from the seed.
 * 2. `end` takes every fault back.
 */
import type { Clock } from '../clock.js';
import { cutChained, cutOneWay, cutSymmetric, isolate } from '../partitions.js';
import type { Random } from '../random.js';
import type { HostCounters } from './host-counters.js';
import { PACE_MAX, PACE_MIN } from './machine-clock.js';
import type { SimulatedHost } from './simulated-host.js';
import { FAIR_WIRES, type Wires, type WireWeather } from './wires.js';

/** Relative frequencies; 0 turns a fault off. */
export interface HostFaultRates {
  readonly kill: number;
  readonly killLeader: number;
  readonly powerCut: number;
  readonly fullOutage: number;
  readonly orderlyStop: number;
  readonly partition: number;
  readonly oneWayPartition: number;
  readonly chainedPartition: number;
  readonly isolateLeader: number;
  /** A follower and the leader do not hear each other; both hear all others. */
  readonly cutFromLeader: number;
  readonly narrow: number;
  readonly heal: number;
  readonly weather: number;
  readonly pause: number;
  readonly drift: number;
  readonly jump: number;
  readonly stall: number;
  /** The checkpoints' disk is full. */
  readonly full: number;
}

export const HOST_FAULT_RATES: HostFaultRates = {
  kill: 2,
  killLeader: 1.5,
  powerCut: 1.5,
  fullOutage: 0.3,
  orderlyStop: 1,
  partition: 1.5,
  oneWayPartition: 1,
  chainedPartition: 1,
  isolateLeader: 2,
  cutFromLeader: 2,
  narrow: 1,
  heal: 6,
  weather: 2,
  pause: 2,
  drift: 1,
  jump: 2,
  stall: 1.5,
  full: 1,
};

/** Between two faults, in election timeouts. */
const BETWEEN_MIN = 0.2;
const BETWEEN_MAX = 6;
const HOUR_MS = 3_600_000;

export class HostFaults {
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly hosts: readonly SimulatedHost[];
  private readonly wires: Wires;
  private readonly counters: HostCounters;
  private readonly rates: HostFaultRates;
  private readonly electionMs: number;
  private readonly log: (line: string) => void;
  private ended = false;

  constructor(
    clock: Clock,
    random: Random,
    hosts: readonly SimulatedHost[],
    wires: Wires,
    counters: HostCounters,
    rates: HostFaultRates,
    electionMs: number,
    log: (line: string) => void,
  ) {
    this.clock = clock;
    this.random = random;
    this.hosts = hosts;
    this.wires = wires;
    this.counters = counters;
    this.rates = rates;
    this.electionMs = electionMs;
    this.log = log;
  }

  start(): void {
    const timeouts = BETWEEN_MIN + this.random.fraction() ** 2 * (BETWEEN_MAX - BETWEEN_MIN);
    this.clock.after(timeouts * this.electionMs, () => {
      if (this.ended) return;
      this.strike();
      this.start();
    });
  }

  end(): void {
    this.ended = true;
    this.wires.heal();
    this.wires.weather = FAIR_WIRES;
    for (const host of this.hosts) {
      host.machineClock.setRight();
      host.wake();
      if (!host.isUp) host.start();
    }
  }

  private get leader(): SimulatedHost | undefined {
    return this.hosts.find((host) => host.leads);
  }

  private strike(): void {
    const names = Object.keys(this.rates) as (keyof HostFaultRates)[];
    let left = this.random.fraction() * names.reduce((sum, name) => sum + this.rates[name], 0);
    for (const name of names) {
      left -= this.rates[name];
      if (left >= 0) continue;
      this.log(`${this.clock.now.toFixed(3)} fault: ${name}`);
      return this.inflict(name);
    }
  }

  private inflict(fault: keyof HostFaultRates): void {
    const { random, hosts, counters, wires } = this;
    const ids = hosts.map(({ id }) => id);
    const victim = random.pick(hosts);
    switch (fault) {
      case 'kill':
        return this.crash(victim, false);
      case 'killLeader':
        return this.leader && this.crash(this.leader, random.chance(0.3));
      case 'powerCut':
        return this.crash(victim, true);
      case 'fullOutage':
        counters.fullOutages++;
        for (const host of hosts) this.crash(host, random.chance(0.5));
        return;
      case 'orderlyStop':
        return this.stop(random.chance(0.5) ? (this.leader ?? victim) : victim);
      case 'partition':
        counters.partitions++;
        return cutSymmetric(wires, random, ids);
      case 'oneWayPartition':
        counters.oneWayPartitions++;
        return cutOneWay(wires, random, ids);
      case 'chainedPartition':
        counters.chainedPartitions++;
        return cutChained(wires, random, ids);
      case 'isolateLeader':
        if (this.leader === undefined) return;
        counters.isolatedLeaders++;
        return isolate(wires, this.leader.id, ids);
      case 'cutFromLeader':
        return this.cutFromLeader(victim);
      case 'narrow':
        return this.narrow(random.sample(ids, 2));
      case 'heal':
        return wires.heal();
      case 'weather':
        wires.weather = drawWeather(random);
        if (wires.weather.loss > 0) counters.lossyWeather++;
        return;
      case 'pause':
        counters.pauses++;
        return victim.pause(this.some(8));
      case 'drift':
        counters.drifts++;
        this.setOthersRight(victim);
        return victim.machineClock.run(random.pick([PACE_MIN, 0.97, 1, 1, 1.03, PACE_MAX]));
      case 'jump':
        counters.clockJumps++;
        this.setOthersRight(victim);
        return victim.machineClock.jump(random.pick([HOUR_MS, -HOUR_MS, 400, -400]));
      case 'stall': {
        counters.diskStalls++;
        const stalled = random.chance(0.5) ? (this.leader ?? victim) : victim;
        stalled.stalledUntil = this.clock.now + this.some(10);
        return;
      }
      case 'full':
        counters.fullDisks++;
        return this.fill(random.chance(0.3) ? this.hosts : [victim], this.some(20));
    }
  }

  /** The disks with these replicas' checkpoints are full for so long. */
  private fill(hosts: readonly SimulatedHost[], ms: number): void {
    for (const host of hosts) host.fullUntil = this.clock.now + ms;
  }

  /** Fewer than half of the clocks are wrong, with that of `victim`. */
  private setOthersRight(victim: SimulatedHost): void {
    const wrong = this.hosts.filter((host) => host !== victim && !host.machineClock.isRight);
    const wrongMax = Math.floor((this.hosts.length - 1) / 2) - 1;
    for (const { machineClock } of wrong.slice(0, Math.max(0, wrong.length - wrongMax)))
      machineClock.setRight();
  }

  private cutFromLeader(follower: SimulatedHost): void {
    const { leader, wires } = this;
    if (leader === undefined || leader === follower) return;
    this.counters.cutOffFollowers++;
    wires.heal();
    wires.cutLink(leader.id, follower.id);
    wires.cutLink(follower.id, leader.id);
  }

  private narrow([from, to]: readonly number[]): void {
    this.counters.narrowLinks++;
    const bytesPerMs = this.random.pick([20, 50, 1000]);
    this.wires.narrow(from!, to!, bytesPerMs);
    this.wires.narrow(to!, from!, bytesPerMs);
  }

  private crash(host: SimulatedHost, powerless: boolean): void {
    if (!host.isUp) return;
    if (powerless) this.counters.powerCuts++;
    else this.counters.kills++;
    host.crash(powerless);
    this.startLater(host);
  }

  private stop(host: SimulatedHost): void {
    host.close(() => {
      this.counters.orderlyStops++;
      this.startLater(host);
    });
  }

  private startLater(host: SimulatedHost): void {
    const ms = this.random.chance(0.3) ? this.some(20) : this.some(2);
    this.clock.after(ms, () => {
      if (!host.isUp) host.start();
    });
  }

  /** Up to so many election timeouts. */
  private some(timeouts: number): number {
    return this.random.fraction() * timeouts * this.electionMs;
  }
}

function drawWeather(random: Random): WireWeather {
  if (random.chance(0.4)) return FAIR_WIRES;
  return {
    latencyMs: random.pick([0.05, 0.5, 5]),
    jitterMs: random.pick([0.1, 2, 20]),
    loss: random.chance(0.5) ? random.fraction() * 0.2 : 0,
    bytesPerMs: random.pick([1_000_000, 10_000, 1000]),
  };
}
