/**
 * Settling: once faults and requests have ended, everything that was asked has an outcome, every replica
 * executes a command of its own, and all come to the same state, within a bounded time. Before that every
 * stale store has been refused by all others, so that the replica's own is put back; in the end nobody is
 * refused.
 */
import { Violation } from '../violation.js';
import type { HostWorld } from './host-world.js';

/** Time for connections to be made anew, checkpoints to be sent, and deadlines to pass, in milliseconds. */
const SETTLING_MS_MAX = 30_000;
const ASK_AGAIN_MS = 200;

/** Ends faults and requests and lets `world` settle. @returns the number of events it took. */
export async function mustSettle(world: HostWorld): Promise<number> {
  world.endFaults();
  for (const client of world.outside) client.stop();
  for (const { process } of world.hosts) for (const requester of process?.requesters ?? []) requester.stop();
  const deadline = world.clock.now + SETTLING_MS_MAX;
  const asked = new Map<number, number>();
  let events = 0;
  let nextAsk = 0;
  for (;;) {
    await world.step();
    events++;
    if (world.clock.now < nextAsk) continue;
    nextAsk = world.clock.now + ASK_AGAIN_MS;
    world.storeFaults?.look();
    world.storeFaults?.putRight();
    if (isSettled(world, asked)) break;
    if (world.clock.now > deadline) throw new Violation('liveness', describe(world));
    for (const { id, process } of world.hosts) {
      if (process === undefined || isDone(world, asked.get(id))) continue;
      const requester = process.requesters[0]!;
      for (const each of process.requesters) each.stop();
      if (requester.writes.openCount > 0) continue;
      const write = requester.writeOne();
      if (write !== undefined) asked.set(id, write.id);
    }
  }
  const machines = world.hosts.map(({ id, process }) => ({
    replica: id,
    machine: process!.machine.at(process!.host.executor.appliedThrough),
  }));
  world.observers.tell('finished', machines);
  return events;
}

function isDone(world: HostWorld, id: number | undefined): boolean {
  return id !== undefined && world.hosts.some(({ process }) => process?.machine.has(id) === true);
}

function isSettled(world: HostWorld, asked: ReadonlyMap<number, number>): boolean {
  if (!world.hosts.every(({ id }) => isDone(world, asked.get(id)))) return false;
  if (world.hosts.some(({ isStale, refused }) => isStale || refused.size > 0)) return false;
  if (world.hosts.some(({ process }) => process?.host.halt !== undefined)) return false;
  const states = world.hosts.map(({ process }) => ({
    through: process?.host.executor.appliedThrough,
    digest: process?.host.stateDigest,
    owed: process?.requesters.reduce((sum, { writes, reads }) => sum + writes.openCount + reads.openCount, 0),
  }));
  return states.every(
    ({ through, digest, owed }) =>
      through === states[0]!.through && digest === states[0]!.digest && owed === 0,
  );
}

function describe(world: HostWorld): string {
  const owed = world.hosts.map(({ id, process }) => {
    const lines = process?.requesters.flatMap(({ writes, reads }) => [writes, reads]) ?? [];
    return `${id} owes ${lines.map((line) => line.openCount).join(' ')}`;
  });
  return `no settling after faults ended; ${world.infirmary.describe()}; ${owed.join(', ')}`;
}
