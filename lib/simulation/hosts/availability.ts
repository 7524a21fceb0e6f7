/**
 * Availability, while faults go on: as long as some majority of the replicas has been well and connected for
 * three election timeouts, a command has been executed within the last three, and what comes on top (`look`).
 *
 * Well is a replica that is up and has joined, is not paused, has a disk that goes on and a clock that runs
 * at about the right speed. Connected are two whose wires pass both ways at full width, with a connection on
 * them that is up at both ends and is not waiting to send again: how soon a transport notices that a wire is
 * whole is its own matter. The weather must let a message through in a small part of an election timeout.
 * Nothing is asked of those outside the majority: they may be half connected, and call for elections.
 */
import type { ReplicaId } from '../../types.js';
import { must } from '../violation.js';

/** What is known of the cluster at a moment. */
export interface Health {
  isWell(replica: ReplicaId): boolean;
  isConnected(one: ReplicaId, other: ReplicaId): boolean;
  describe(): string;
}

/** Election timeouts that a majority needs to get going, and may take for a command. */
const TIMEOUTS = 3;

export class Availability {
  private readonly majorities: readonly (readonly ReplicaId[])[];
  private readonly wellSinceMs: (number | undefined)[];
  private readonly timeoutMs: number;
  private executedMs = 0;
  /** The longest time without a command, while one was to be executed, in election timeouts. */
  longest = 0;

  constructor(replicas: readonly ReplicaId[], timeoutMs: number) {
    this.majorities = subsets(replicas, Math.floor(replicas.length / 2) + 1);
    this.wellSinceMs = this.majorities.map(() => undefined);
    this.timeoutMs = timeoutMs;
  }

  /** A command has been executed somewhere for the first time. */
  executed(nowMs: number): void {
    this.executedMs = nowMs;
  }

  /**
   * `extraMs`: what may come on top, for a former leader to answer, and for a stalled disk to be noticed.
   * @returns true if there was something to check. @throws a violation.
   */
  look(nowMs: number, health: Health, extraMs: number): boolean {
    let isChecked = false;
    this.majorities.forEach((majority, index) => {
      const since = this.isWell(majority, health) ? (this.wellSinceMs[index] ?? nowMs) : undefined;
      this.wellSinceMs[index] = since;
      if (since === undefined) return;
      const idleMs = nowMs - Math.max(since, this.executedMs);
      this.longest = Math.max(this.longest, idleMs / this.timeoutMs);
      if (nowMs - since < TIMEOUTS * this.timeoutMs) return;
      isChecked = true;
      must(
        idleMs <= TIMEOUTS * this.timeoutMs + extraMs,
        'availability',
        () =>
          `replicas ${majority.join(', ')} are well and connected since ${since.toFixed(0)} ms, and at ` +
          `${nowMs.toFixed(0)} ms nothing was executed for ${(idleMs / this.timeoutMs).toFixed(1)} election ` +
          `timeouts of ${this.timeoutMs} ms; ${health.describe()}`,
      );
    });
    return isChecked;
  }

  private isWell(majority: readonly ReplicaId[], health: Health): boolean {
    return majority.every(
      (one) =>
        health.isWell(one) && majority.every((other) => other <= one || health.isConnected(one, other)),
    );
  }
}

function subsets(all: readonly ReplicaId[], size: number): ReplicaId[][] {
  if (size === 0) return [[]];
  return all.flatMap((first, at) => subsets(all.slice(at + 1), size - 1).map((rest) => [first, ...rest]));
}
