/**
 * Standing down: a leader whose disk has stalled for `storageStallMs`, while all others are well and
 * connected with it and each other, leads no longer than three election timeouts more.
 */
import type { ReplicaId } from '../../types.js';
import { must } from '../violation.js';
import type { Health } from './availability.js';

const TIMEOUTS = 3;

/** A host, as far as it matters here. */
interface Standing {
  readonly id: ReplicaId;
  readonly leads: boolean;
  /** Its log has something to make durable, and its disk does not go on. */
  readonly isStuck: boolean;
}

export class StandingDown {
  private readonly stallMs: number;
  private readonly electionMs: number;
  private readonly sinceMs = new Map<ReplicaId, number>();

  constructor(stallMs: number, electionMs: number) {
    this.stallMs = stallMs;
    this.electionMs = electionMs;
  }

  /** @throws a violation. */
  look(nowMs: number, hosts: readonly Standing[], health: Health): void {
    for (const { id, leads, isStuck } of hosts) {
      if (!leads || !isStuck || !canBeReplaced(id, hosts, health)) {
        this.sinceMs.delete(id);
        continue;
      }
      const since = this.sinceMs.get(id) ?? nowMs;
      this.sinceMs.set(id, since);
      must(
        nowMs - since <= this.stallMs + TIMEOUTS * this.electionMs,
        'stand-down',
        () =>
          `replica ${id} leads at ${nowMs.toFixed(0)} ms, and its disk has stalled since ${since.toFixed(0)} ms; ` +
          health.describe(),
      );
    }
  }
}

/** Whether all others are well, and connected with it and each other. */
function canBeReplaced(id: ReplicaId, hosts: readonly Standing[], health: Health): boolean {
  const others = hosts.filter((host) => host.id !== id);
  return others.every(
    (one) =>
      health.isWell(one.id) &&
      health.isConnected(id, one.id) &&
      others.every((other) => other.id <= one.id || health.isConnected(one.id, other.id)),
  );
}
