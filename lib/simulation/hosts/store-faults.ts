/**
 * Stores that are not what they were: a replica's directory is put back from an older copy, or formatted
 * again from the same plan, while its process is gone. Its own store lies aside, and is put back when that
 * life ends.
 *
 * 1. A store is put back only when every other replica has met a later opening of it than the copy knows of:
 *    what is younger than that nobody can tell (docs/decisions/0098).
 * 2. Fewer than half of the stores are stale at a time, so that no two of them make a quorum.
 * 3. A stale store is opened once. Each opening raises its generation, in the end above what peers know.
 * 4. Chance is of its own: without these faults a seed's history is what it is.
 */
import type { Clock } from '../clock.js';
import type { Random } from '../random.js';
import type { HostCounters } from './host-counters.js';
import type { HostStore } from './host-store.js';
import type { SimulatedHost } from './simulated-host.js';
import { noticedBy } from './stale-stores.js';

/** Between two faults, in election timeouts, at most. */
const BETWEEN_MAX = 4;
/** Until a process is started again. */
const DOWN_MAX = 2;
const AGAIN = 0.3;

interface Copy {
  readonly store: HostStore;
  /** The last opening that the copied store had. */
  readonly generation: number;
}

export class StoreFaults {
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly hosts: readonly SimulatedHost[];
  private readonly counters: HostCounters;
  private readonly electionMs: number;
  private readonly log: (line: string) => void;
  private readonly copies = new Map<SimulatedHost, Copy>();
  private readonly noticed = new Set<HostStore>();
  private ended = false;

  constructor(
    clock: Clock,
    random: Random,
    hosts: readonly SimulatedHost[],
    counters: HostCounters,
    electionMs: number,
    log: (line: string) => void,
  ) {
    this.clock = clock;
    this.random = random;
    this.hosts = hosts;
    this.counters = counters;
    this.electionMs = electionMs;
    this.log = log;
  }

  start(): void {
    this.clock.after(this.some(BETWEEN_MAX), () => {
      if (this.ended) return;
      this.strike(this.random.pick(this.hosts));
      this.start();
    });
  }

  /** No store becomes stale any more. Those that are stay until `putRight`. */
  end(): void {
    this.ended = true;
  }

  /** Counts the stale stores that somebody has noticed. */
  look(): void {
    for (const { isStale, store, id } of this.hosts) {
      if (!isStale || this.noticed.has(store) || !noticedBy(id, this.hosts).some) continue;
      this.noticed.add(store);
      this.counters.staleStoresRefused++;
    }
  }

  /** Puts back the stores of replicas that all others have refused by now. */
  putRight(): void {
    for (const host of this.hosts) {
      if (!host.isStale || !noticedBy(host.id, this.hosts).all) continue;
      this.log(`${this.clock.now.toFixed(3)} the store of ${host.id} is put right`);
      host.crash(false);
      host.start();
    }
  }

  /** Ends a process, and starts it again a while later, on another store maybe. */
  private strike(victim: SimulatedHost): void {
    if (!victim.isUp) return;
    this.log(`${this.clock.now.toFixed(3)} fault: the store of ${victim.id}`);
    this.counters.kills++;
    const wasStale = victim.isStale;
    victim.crash(false);
    this.clock.after(this.some(DOWN_MAX), async () => {
      // Another fault's victim is started by that.
      if (victim.isUp) return;
      if (!wasStale) await this.change(victim);
      victim.start();
    });
  }

  private async change(host: SimulatedHost): Promise<void> {
    const { counters, hosts } = this;
    const copy = this.copies.get(host);
    if (copy === undefined) return this.copy(host);
    const staleMax = Math.floor((hosts.length - 1) / 2);
    if (hosts.filter((other) => other.isStale).length >= staleMax) return;
    if (this.random.chance(AGAIN)) {
      if (!this.isKnown(host, 0)) return;
      counters.storesFormattedAgain++;
      return host.replaceStore(await host.newStore());
    }
    if (!this.isKnown(host, copy.generation)) return;
    counters.storesPutBack++;
    host.replaceStore(copy.store.copy());
  }

  private copy(host: SimulatedHost): void {
    if (host.generation === 0) return;
    this.counters.storesCopied++;
    this.copies.set(host, { store: host.store.copy(), generation: host.generation });
  }

  /** Whether all others have met an opening of its store behind number `generation`. */
  private isKnown(host: SimulatedHost, generation: number): boolean {
    const others = this.hosts.filter((other) => other !== host);
    return others.every(({ ownStore }) => (ownStore.openings.get(host.id)?.generation ?? 0) > generation);
  }

  /** Up to so many election timeouts. */
  private some(timeouts: number): number {
    return this.random.fraction() * timeouts * this.electionMs;
  }
}
