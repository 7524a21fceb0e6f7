import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplicatedClock, SLEW } from '../../lib/replica/replicated-clock.js';
import { BEGIN_MS, ClockWorld } from './clock-world.js';

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;
const JUMPS = [HOUR, -HOUR, DAY, -DAY, YEAR, -YEAR] as const;

/** A cluster of three in which 1 leads and all clocks are right. */
function settled(size = 3): ClockWorld {
  const world = new ClockWorld(size);
  world.lead(1);
  world.pass(2 * SECOND);
  return world;
}

/** Passes `ms` and checks that the pace stays within a tenth of real time's throughout. */
function passInPace(world: ClockWorld, ms: number): void {
  let lastMs = world.stamp();
  let lastRealMs = world.realMs;
  world.pass(ms, () => {
    const stampMs = world.stamp();
    const elapsedMs = world.realMs - lastRealMs;
    expect(stampMs - lastMs).toBeGreaterThanOrEqual(elapsedMs * (1 - SLEW) - 1);
    expect(stampMs - lastMs).toBeLessThanOrEqual(elapsedMs * (1 + SLEW) + 1);
    lastMs = stampMs;
    lastRealMs = world.realMs;
  });
}

describe('replicated time', () => {
  it('is real time where all clocks are right', () => {
    const world = settled();
    passInPace(world, 10 * SECOND);
    expect(Math.abs(world.aheadMs)).toBeLessThanOrEqual(2);
    expect(world.leading.status.guide).toBe('own');
    expect(world.leading.isOff).toBe(false);
  });

  it.each(JUMPS)('follows no jump of %d ms of the leader’s clock, for a moment or for good', (jumpMs) => {
    const world = settled();
    world.of(1).wallAheadMs = jumpMs;
    passInPace(world, 100);
    expect(Math.abs(world.aheadMs)).toBeLessThanOrEqual(12);
    expect(world.leading.isOff).toBe(true);
    passInPace(world, 20 * SECOND);
    expect(world.leading.status.guide).toBe('others');
    expect(Math.abs(world.aheadMs)).toBeLessThanOrEqual(12);
    world.of(1).wallAheadMs = 0;
    passInPace(world, 5 * SECOND);
    expect(world.leading.isOff).toBe(false);
    expect(world.leading.status.guide).toBe('own');
  });

  it.each(JUMPS)('follows no jump of %d ms of a follower’s clock', (jumpMs) => {
    const world = settled();
    world.of(2).wallAheadMs = jumpMs;
    passInPace(world, 10 * SECOND);
    expect(Math.abs(world.aheadMs)).toBeLessThanOrEqual(2);
    expect(world.leading.status.guide).toBe('own');
    expect(world.leading.status.peers.find(({ id }) => id === 2)!.aheadMs).toBeCloseTo(jumpMs, -2);
  });

  it.each(JUMPS)('does not step when every clock jumps by %d ms: it draws nearer by a tenth', (jumpMs) => {
    const world = settled();
    for (const member of world.members) member.wallAheadMs = jumpMs;
    passInPace(world, 100);
    for (const member of world.members) member.wallAheadMs = 0;
    expect(Math.abs(world.aheadMs)).toBeLessThanOrEqual(12);
    for (const member of world.members) member.wallAheadMs = jumpMs;
    passInPace(world, 100 * SECOND);
    expect(world.aheadMs / Math.sign(jumpMs)).toBeGreaterThan(9 * SECOND);
    expect(world.aheadMs / Math.sign(jumpMs)).toBeLessThan(10.1 * SECOND);
  });

  it.each(JUMPS)('goes on where it was under a new leader whose clock is off by %d ms', (jumpMs) => {
    const world = settled();
    world.of(2).wallAheadMs = jumpMs;
    world.pass(SECOND);
    world.lead(2);
    passInPace(world, 10 * SECOND);
    expect(Math.abs(world.aheadMs)).toBeLessThanOrEqual(20);
    expect(world.leading.status.guide).toBe('others');
    world.lead(3);
    passInPace(world, 10 * SECOND);
    expect(Math.abs(world.aheadMs)).toBeLessThanOrEqual(20);
  });

  it.each(JUMPS)('goes on under a leader that was started with a clock that is off by %d ms', (jumpMs) => {
    const world = settled();
    const beforeMs = world.stamp();
    world.of(2).isUp = false;
    world.pass(30 * SECOND);
    world.of(2).restart();
    world.of(2).wallAheadMs = jumpMs;
    world.lead(2);
    expect(world.leading.isKnown).toBe(false);
    world.pass(100);
    expect(world.leading.isKnown).toBe(true);
    expect(world.stamp() - beforeMs).toBeGreaterThan(29 * SECOND);
    passInPace(world, 10 * SECOND);
    expect(Math.abs(world.aheadMs)).toBeLessThanOrEqual(20);
  });

  it('is drawn to nothing where a leader and its only follower do not agree', () => {
    const world = settled();
    world.of(3).isUp = false;
    world.of(1).wallAheadMs = HOUR;
    world.pass(5 * SECOND);
    expect(world.leading.status.guide).toBe('none');
    const aheadMs = world.aheadMs;
    passInPace(world, 60 * SECOND);
    expect(Math.abs(world.aheadMs - aheadMs)).toBeLessThanOrEqual(1);
  });

  it('follows clocks that drift, together', () => {
    const world = settled();
    for (const member of world.members) member.wallDrift = 200e-6;
    world.members.forEach((member, index) => {
      member.monotonicDrift = (index - 1) * 100e-6;
    });
    passInPace(world, 600 * SECOND);
    expect(world.aheadMs).toBeGreaterThan(100);
    expect(world.leading.status.guide).toBe('own');
  });

  it('comes back to real time from a stamp that was far ahead, and never falls', () => {
    const world = settled();
    world.stampMs = world.realMs + 10 * SECOND;
    passInPace(world, 110 * SECOND);
    expect(Math.abs(world.aheadMs)).toBeLessThanOrEqual(2);
  });
});

describe('a leader that was never told the time', () => {
  it('takes that of a new cluster from the clocks of a quorum', () => {
    const world = new ClockWorld();
    world.of(1).wallAheadMs = YEAR;
    world.lead(1);
    expect(world.leading.isKnown).toBe(false);
    world.pass(100);
    expect(world.leading.isKnown).toBe(true);
    expect(Math.abs(world.aheadMs)).toBeLessThanOrEqual(12);
  });

  it('steps over the time for which all were down', () => {
    const world = settled();
    world.stamp();
    // What is on its way arrives before all go down.
    world.pass(40);
    world.elapsedMs += 2 * DAY;
    for (const member of world.members) member.restart();
    world.lead(1);
    world.pass(100);
    expect(Math.abs(world.aheadMs)).toBeLessThanOrEqual(12);
  });

  it('does not step back to clocks that are behind the last stamp', () => {
    const world = settled();
    const stampMs = world.stamp();
    for (const member of world.members) {
      member.wallAheadMs = -DAY;
      member.restart();
    }
    world.lead(1);
    passInPace(world, SECOND);
    expect(world.stamp()).toBeGreaterThan(stampMs + 800);
  });

  it('waits for a third opinion where two differ, and then takes the earlier one', () => {
    const world = new ClockWorld();
    world.of(1).wallAheadMs = HOUR;
    world.of(3).isUp = false;
    world.lead(1);
    world.pass(500);
    expect(world.leading.isKnown).toBe(false);
    world.pass(SECOND);
    expect(world.leading.isKnown).toBe(true);
    expect(Math.abs(world.aheadMs)).toBeLessThanOrEqual(20);
  });

  it('knows it at once where it is alone', () => {
    const world = new ClockWorld(1);
    world.lead(1);
    expect(world.leading.isKnown).toBe(true);
    expect(world.aheadMs).toBe(0);
    world.of(1).wallAheadMs = YEAR;
    passInPace(world, SECOND);
  });

  it('stamps nothing while no quorum answers', () => {
    const world = new ClockWorld();
    world.of(2).isUp = false;
    world.of(3).isUp = false;
    world.lead(1);
    world.pass(60 * SECOND);
    expect(world.leading.isKnown).toBe(false);
  });
});

describe('what is heard of others', () => {
  it('is nothing from a stranger, from the future, or while it does not lead', () => {
    const clocks = { monotonicMs: () => 1000, wallMs: () => BEGIN_MS };
    const clock = new ReplicatedClock({ self: 1, members: [1, 2], boundMs: 500, clocks });
    const answer = { type: 'clocked', sentMs: 1000, wallMs: BEGIN_MS, timeMs: 0 } as const;
    clock.answered(2, answer);
    clock.lead(true);
    clock.answered(7, answer);
    clock.answered(2, { ...answer, sentMs: 1001 });
    expect(clock.isKnown).toBe(false);
    clock.answered(2, answer);
    expect(clock.isKnown).toBe(true);
  });

  it('may come late without turning the time back', () => {
    let nowMs = 0;
    const clocks = { monotonicMs: () => nowMs, wallMs: () => BEGIN_MS + nowMs };
    const clock = new ReplicatedClock({ self: 1, members: [1, 2, 3], boundMs: 500, clocks });
    clock.told({ type: 'clock', sentMs: 0, timeMs: BEGIN_MS });
    nowMs = 1000;
    clock.told({ type: 'clock', sentMs: 0, timeMs: BEGIN_MS });
    expect(clock.now()).toBe(BEGIN_MS + 900);
  });
});

describe('whatever clocks do', () => {
  it('the pace stays within a tenth of real time’s, through jumps and changes of leader', () => {
    const event = fc.record({
      id: fc.integer({ min: 1, max: 3 }),
      what: fc.constantFrom('jump', 'lead', 'restart', 'down', 'up'),
      jumpMs: fc.constantFrom(...JUMPS, 0, 300, -300, 5000),
      waitMs: fc.integer({ min: 1, max: 300 }).map((tens) => tens * 10),
    });
    const run = (events: readonly { id: number; what: string; jumpMs: number; waitMs: number }[]): void => {
      const world = settled();
      let leader = 1;
      for (const { id, what, jumpMs, waitMs } of events) {
        const member = world.of(id);
        if (what === 'jump') member.wallAheadMs = jumpMs;
        if (what === 'up') member.isUp = true;
        if (what === 'down' && id !== leader) member.isUp = false;
        if (what === 'restart' && id !== leader) member.restart();
        if (what === 'lead' && member.isUp && member.clock.status.timeMs > 0) {
          leader = id;
          world.lead(id);
        }
        passInPace(world, waitMs);
      }
    };
    fc.assert(fc.property(fc.array(event, { maxLength: 12 }), run), { numRuns: 60 });
  });
});

describe('a leader that asks what time it is', () => {
  /** Leader 1 of three, with clocks that tests set. */
  function untold() {
    const own = { elapsedMs: 0, aheadMs: 0 };
    const clocks = {
      monotonicMs: () => own.elapsedMs,
      wallMs: () => BEGIN_MS + own.elapsedMs + own.aheadMs,
    };
    const clock = new ReplicatedClock({ self: 1, members: [1, 2, 3], boundMs: 500, clocks });
    clock.lead(true);
    const answer = (id: number, aheadMs: number, sentMs = own.elapsedMs): void =>
      clock.answered(id, {
        type: 'clocked',
        sentMs,
        wallMs: BEGIN_MS + own.elapsedMs + aheadMs,
        timeMs: 0,
      });
    return { own, clock, answer };
  }

  it('compares its own clock, after a step of it, with new answers only', () => {
    const { own, clock, answer } = untold();
    own.elapsedMs = 50;
    answer(2, HOUR);
    own.elapsedMs = 350;
    // The follower's clock is set right, and the leader's is as wrong as that one was.
    own.aheadMs = HOUR;
    clock.look();
    expect(clock.isKnown).toBe(false);
    own.elapsedMs = 400;
    answer(2, 0);
    answer(3, 0);
    expect(Math.abs(clock.now() - BEGIN_MS - 400)).toBeLessThanOrEqual(1);
  });

  it('takes no answer to what it asked when it led before', () => {
    const { own, clock, answer } = untold();
    clock.lead(false);
    own.elapsedMs = 200;
    clock.lead(true);
    answer(2, 0, 100);
    expect(clock.isKnown).toBe(false);
    answer(2, 0);
    expect(clock.isKnown).toBe(true);
  });
});
