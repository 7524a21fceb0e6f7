/**
 * Serving, while faults go on: as long as one replica leads, all others are well and connected with it, and
 * this one is well and connected with all of those, what is asked of this one is answered as done within
 * three election timeouts, and what comes on top (`look`). It may be cut off from the leader: then others
 * pass on what it is asked.
 *
 * A wire to the leader that passes one way, or through which no connection has been made again yet, is
 * neither: the replica may hear a leader that does not hear it.
 */
import type { ReplicaId } from '../../types.js';
import { must } from '../violation.js';
import type { Health } from './availability.js';
import type { SimulatedHost } from './simulated-host.js';

const TIMEOUTS = 3;

export interface CutHealth extends Health {
  /** Nothing passes between the two, either way. */
  isCut(one: ReplicaId, other: ReplicaId): boolean;
}

interface Watched {
  readonly leader: ReplicaId;
  readonly sinceMs: number;
}

export class Serving {
  private readonly watched = new Map<ReplicaId, Watched>();
  private readonly doneMs = new Map<ReplicaId, number>();
  private readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
  }

  /** What was asked of `replica` has been answered as done. */
  done(replica: ReplicaId, nowMs: number): void {
    this.doneMs.set(replica, nowMs);
  }

  /**
   * `extraMs`: what may come on top, for a former leader to answer, and for a stalled disk to be noticed.
   * @returns how many replicas that are cut off from the leader there were to check. @throws a violation.
   */
  look(nowMs: number, hosts: readonly SimulatedHost[], health: CutHealth, extraMs: number): number {
    const leaders = hosts.filter((host) => host.leads);
    const leader = leaders.length === 1 ? leaders[0]!.id : 0;
    const ids = hosts.map(({ id }) => id);
    let checked = 0;
    for (const id of ids) {
      if (leader === 0 || !isInReach(id, leader, ids, health)) {
        this.watched.delete(id);
        continue;
      }
      if (this.watched.get(id)?.leader !== leader) this.watched.set(id, { leader, sinceMs: nowMs });
      const { sinceMs } = this.watched.get(id)!;
      const idleMs = nowMs - Math.max(sinceMs, this.doneMs.get(id) ?? 0);
      if (nowMs - sinceMs >= TIMEOUTS * this.timeoutMs + extraMs && health.isCut(id, leader)) checked++;
      must(
        idleMs <= TIMEOUTS * this.timeoutMs + extraMs,
        'serving',
        () =>
          `replica ${id} is in reach of leader ${leader} since ${sinceMs.toFixed(0)} ms, and at ` +
          `${nowMs.toFixed(0)} ms it has answered nothing for ${(idleMs / this.timeoutMs).toFixed(1)} ` +
          `election timeouts of ${this.timeoutMs} ms; ${health.describe()}`,
      );
    }
    return checked;
  }
}

/** Whether all between `id` and `leader` is well; the two may be cut off from each other where others are. */
function isInReach(id: ReplicaId, leader: ReplicaId, ids: readonly ReplicaId[], health: CutHealth): boolean {
  if (!health.isWell(id) || !health.isWell(leader)) return false;
  const isConnected = id === leader || health.isConnected(id, leader);
  if (!isConnected && !health.isCut(id, leader)) return false;
  const between = ids.filter((other) => other !== id && other !== leader);
  return between.every(
    (other) => health.isWell(other) && health.isConnected(other, leader) && health.isConnected(id, other),
  );
}
