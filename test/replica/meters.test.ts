import { describe, expect, it } from 'vitest';
import { Meters } from '../../lib/replica/meters.js';

interface Clock {
  readonly meters: Meters;
  now: number;
}

function metersAt(): Clock {
  const clock: Clock = { now: 0, meters: new Meters(() => clock.now) };
  return clock;
}

describe('meters', () => {
  it('time a group from its commit to the report that it is durable', () => {
    const clock = metersAt();
    clock.meters.groupBegins(3);
    clock.now = 2;
    clock.meters.groupBegins(5);
    clock.meters.durable(2);
    expect(clock.meters.persist.values().count).toBe(0);
    clock.now = 10;
    clock.meters.durable(3);
    expect(clock.meters.persist.values()).toMatchObject({ count: 1 });
    expect(clock.meters.persist.values().sum).toBeCloseTo(0.01);
    clock.now = 12;
    clock.meters.durable(9);
    expect(clock.meters.persist.values().count).toBe(2);
    expect(clock.meters.persist.values().sum).toBeCloseTo(0.02);
  });

  it('go on timing when a store that was far behind has come on', () => {
    const clock = metersAt();
    for (let item = 1; item <= 1000; item++) clock.meters.groupBegins(item);
    clock.meters.durable(1000);
    const timed = clock.meters.persist.values().count;
    expect(timed).toBeLessThan(1000);
    clock.meters.groupBegins(1001);
    clock.meters.durable(1001);
    expect(clock.meters.persist.values().count).toBe(timed + 1);
  });

  it('count a batch once for each of its commands', () => {
    const clock = metersAt();
    clock.now = 5;
    clock.meters.answered(1, 7);
    expect(clock.meters.commit.values().count).toBe(7);
    expect(clock.meters.commit.values().sum).toBeCloseTo(7 * 0.004);
  });

  it('count elections, leads, and leaders that changed', () => {
    const { meters } = metersAt();
    meters.roleIs('follower', 2);
    meters.roleIs('candidate', 0);
    meters.roleIs('candidate', 0);
    meters.roleIs('leader', 1);
    meters.roleIs('follower', 0);
    meters.roleIs('follower', 1);
    expect(meters).toMatchObject({ elections: 1, leads: 1, leaderChanges: 2 });
  });

  it('tell how late ticks come', () => {
    const { meters } = metersAt();
    for (const nowMs of [0, 10, 20, 130]) meters.ticked(nowMs, 10);
    expect(meters.loopDelay.values()).toMatchObject({ count: 3 });
    expect(meters.loopDelay.values().sum).toBeCloseTo(0.1);
  });

  it('count checkpoints by where they come from', () => {
    const clock = metersAt();
    clock.now = 70;
    clock.meters.checkpointDurable(0, 25);
    clock.meters.checkpointDurable(3, 25);
    expect(clock.meters).toMatchObject({ checkpointsWritten: 1, checkpointsTaken: 1, checkpointAtMs: 70 });
    expect(clock.meters.checkpointWrite.values()).toMatchObject({ count: 1 });
  });
});
