/**
 * Liveness: once faults have ended, the cluster has one leader, executes a fresh command, and every replica
 * catches up with it, within a bounded time.
 */
import { TICK_UNITS } from '../clock.js';
import { Violation } from '../violation.js';
import type { World } from '../world.js';

/** Ticks that settling may take: elections, state transfer and catching up, with room to spare. */
const SETTLING_TICKS_MAX = 400;

/** Ends faults and clients and lets `world` settle. @returns the number of events by then. */
export async function mustConverge(world: World, eventsBefore: number): Promise<number> {
  let events = eventsBefore;
  world.clients.stop();
  world.faults.end();
  await world.settle();
  const deadline = world.clock.now + SETTLING_TICKS_MAX * TICK_UNITS;
  let fresh = 0;
  let next = 0;
  while (!(fresh > 0 && haveAll(world, fresh))) {
    if (world.clock.now > deadline) throw new Violation('liveness', describe(world, fresh));
    await world.step();
    events++;
    if (world.clock.now < next) continue;
    next = world.clock.now + 10 * TICK_UNITS;
    // A command that was lost with its leader is not an answer: another one is asked for until one is
    // executed.
    if (fresh === 0 || !isExecuted(world, fresh)) fresh = ask(world) || fresh;
  }
  world.observers.tell(
    'finished',
    world.replicas.map(({ id, process }) => ({ replica: id, machine: process!.machine })),
  );
  return events;
}

function ask(world: World): number {
  const { leader } = world;
  if (leader === undefined) return 0;
  const id = world.clients.writeAt(leader);
  leader.process!.endTurnSoon();
  return id;
}

function isExecuted(world: World, id: number): boolean {
  return world.replicas.some(({ process }) => process?.machine.executed.includes(id));
}

function haveAll(world: World, id: number): boolean {
  const { leader } = world;
  if (leader === undefined) return false;
  const through = leader.process!.machine.appliedThrough;
  return world.replicas.every(
    ({ process }) => process?.machine.appliedThrough === through && process.machine.executed.at(-1) === id,
  );
}

function describe(world: World, fresh: number): string {
  const states = world.replicas.map(({ id, process }) => {
    if (process === undefined) return `${id}: not open yet`;
    const { core, machine } = process;
    return (
      `${id}: ${core.role} at ${core.ballot}, learned ${core.learner.learnedThrough}, ` +
      `applied ${machine.appliedThrough}, trimmed ${core.acceptor.trimThrough}`
    );
  });
  return `no convergence ${fresh === 0 ? '(no fresh command taken) ' : ''}after faults ended; ${states.join('; ')}`;
}
