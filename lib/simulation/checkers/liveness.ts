/**
 * Liveness: from every state that faults may leave, a majority that can talk gets on, whoever is cut off from
 * it, and whatever is in their logs (contract 31). Once all faults have ended, the cluster has one leader,
 * executes a fresh command, every replica catches up with it, and what has rotted of learned slots is mended,
 * within a bounded time. Where more has rotted than can be mended it may stop instead, if some replica names
 * a slot that no majority can tell.
 */
import { TICK_UNITS } from '../clock.js';
import { Violation } from '../violation.js';
import type { World } from '../world.js';

/** Ticks that settling may take: elections, state transfer and catching up, with room to spare. */
const SETTLING_TICKS_MAX = 400;

/** Ends faults and clients and lets `world` settle. @returns the number of events by then. */
export async function mustConverge(world: World, eventsBefore: number): Promise<number> {
  world.clients.stop();
  world.faults.end();
  world.membership?.end();
  await world.settle();
  let events = eventsBefore;
  if (world.cutsOffAMinority) {
    events = await majorityMustGetOn(world, events);
    world.faults.end();
  }
  const deadline = world.clock.now + SETTLING_TICKS_MAX * TICK_UNITS;
  let fresh = 0;
  let next = 0;
  while (!(fresh > 0 && haveAll(world, fresh) && isMended(world))) {
    if (world.clock.now > deadline) {
      if (!world.mayStop || !namesLostSlots(world)) throw new Violation('liveness', describe(world, fresh));
      world.counters.namedStops++;
      return events;
    }
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
    world.members.map(({ id, process }) => ({ replica: id, machine: process!.machine })),
  );
  return events;
}

/** Some majority, alone, executes a fresh command. Who has lost something may have to hear of the others. */
async function majorityMustGetOn(world: World, eventsBefore: number): Promise<number> {
  const whole = world.replicas.filter(({ isLost, damagedSlots }) => !isLost && damagedSlots.length === 0);
  const majority = world.faults.leaveMajority(whole);
  if (majority.length === 0) return eventsBefore;
  const deadline = world.clock.now + SETTLING_TICKS_MAX * TICK_UNITS;
  let events = eventsBefore;
  let fresh = 0;
  let next = 0;
  while (!majority.some(({ process }) => process?.machine.executed.includes(fresh))) {
    if (world.clock.now > deadline) {
      const ids = majority.map(({ id }) => id).join(' and ');
      throw new Violation('liveness', `${ids}, a majority, do not get on alone: ${describe(world, fresh)}`);
    }
    await world.step();
    events++;
    if (world.clock.now < next) continue;
    next = world.clock.now + 10 * TICK_UNITS;
    fresh = ask(world) || fresh;
  }
  world.counters.majoritiesAlone++;
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
  return world.members.every(
    // It is last, or was overtaken by what an earlier leader had proposed in later slots.
    ({ process }) =>
      process?.machine.appliedThrough === through && process.machine.executed.lastIndexOf(id) >= 0,
  );
}

/** Nothing of a learned slot is damaged any more, as far as replicas know, and as far as their disks do. */
function isMended(world: World): boolean {
  return world.replicas.every(({ process, isLost, damagedBytes }) => {
    if (process === undefined || isLost) return isLost;
    const { acceptor, learner } = process.core;
    if (acceptor.damage.through(learner.learnedThrough, 1).length > 0) return false;
    return damagedBytes.every((slot) => slot > learner.learnedThrough || slot <= acceptor.trimThrough);
  });
}

/** Some replica names slots, and of one of them so many have lost something that the rest is no quorum. */
function namesLostSlots({ replicas }: World): boolean {
  const minority = Math.floor((replicas.length - 1) / 2);
  const named = replicas.flatMap(({ process }) => process?.core.undecided ?? []);
  return named.some(({ from }) => {
    const without = replicas.filter(
      ({ process, isLost }) => isLost || process?.core.acceptor.damage.touches(from) === true,
    );
    return without.length > minority;
  });
}

function describe(world: World, fresh: number): string {
  const states = world.replicas.map(({ id, process }) => {
    if (process === undefined) return `${id}: not open yet`;
    const { core, machine } = process;
    return (
      `${id}: ${core.role} at ${core.ballot}, learned ${core.learner.learnedThrough}, ` +
      `configuration ${core.configurations.number}, applied ${machine.appliedThrough}, trimmed ${core.acceptor.trimThrough}` +
      `${core.acceptor.voting ? '' : ', lost'}, damaged ${core.acceptor.damage.through(Infinity, 9).join(' ')}` +
      `, undecided ${JSON.stringify(core.undecided)}`
    );
  });
  return `no convergence ${fresh === 0 ? '(no fresh command taken) ' : ''}after faults ended; ${states.join('; ')}`;
}
