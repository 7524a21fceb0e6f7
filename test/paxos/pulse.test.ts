import { expect, test } from 'vitest';
import { ballotOf } from '../../lib/paxos/ballot.js';
import { Configurations } from '../../lib/paxos/configurations.js';
import { Progress } from '../../lib/paxos/progress.js';
import { Pulse } from '../../lib/paxos/pulse.js';
import { ReadIndex } from '../../lib/paxos/read.js';
import type { Digest } from '../../lib/types.js';
import { configurationOf, TIMING } from './cluster.js';
import { RecordedEffects } from './recorded-effects.js';

const CHAIN = 0 as Digest;
const BALLOT = ballotOf(3, 1);

function leading(): { pulse: Pulse; reads: ReadIndex } {
  const configurations = new Configurations(1, configurationOf(3));
  const reads = new ReadIndex(configurations, 1, new RecordedEffects());
  const pulse = new Pulse(TIMING, configurations, reads, new Progress());
  pulse.begin();
  return { pulse, reads };
}

test('a heartbeat is due on its timer, and as soon as there is something learned to tell', () => {
  const { pulse } = leading();
  pulse.beat(BALLOT, 5, CHAIN, 7);
  expect(pulse.isDue(5)).toBe(false);
  expect(pulse.isDue(6)).toBe(true);
  for (let tick = 0; tick < TIMING.heartbeatTicks; tick++) pulse.tick();
  expect(pulse.isDue(5)).toBe(true);
  expect(pulse.beat(BALLOT, 5, CHAIN, 7)).toMatchObject({
    ballot: BALLOT,
    round: 2,
    learnedThrough: 5,
    lastSlot: 7,
  });
});

test('who hears no quorum for an election timeout leads no longer', () => {
  const { pulse } = leading();
  pulse.beat(BALLOT, 0, CHAIN, 0);
  const heard = Array.from({ length: TIMING.electionTicks }, () => pulse.tick());
  expect(heard.lastIndexOf(true)).toBe(TIMING.electionTicks - 2);
});

test('who hears one goes on, and has to hear another', () => {
  const { pulse } = leading();
  pulse.beat(BALLOT, 0, CHAIN, 0);
  pulse.heard(2);
  for (let tick = 0; tick < TIMING.electionTicks; tick++) expect(pulse.tick()).toBe(true);
  const later = Array.from({ length: TIMING.electionTicks }, () => pulse.tick());
  expect(later.at(-1)).toBe(false);
});

test('whoever was heard of when, an election timeout after the last of a quorum it is over', () => {
  const { electionTicks } = TIMING;
  for (let heardAt = 0; heardAt < 3 * electionTicks; heardAt++) {
    const { pulse } = leading();
    for (let tick = 0; tick < heardAt; tick++) {
      pulse.heard(4);
      expect(pulse.tick()).toBe(true);
    }
    pulse.heard(2);
    for (let tick = 0; tick < electionTicks; tick++) expect(pulse.tick()).toBe(true);
    expect(pulse.tick()).toBe(false);
  }
});

test('a new ballot is led as if nobody had said anything yet, with a mark on its first heartbeat', () => {
  const configurations = new Configurations(1, configurationOf(3));
  const progress = new Progress();
  const pulse = new Pulse(
    TIMING,
    configurations,
    new ReadIndex(configurations, 1, new RecordedEffects()),
    progress,
  );
  pulse.begin();
  pulse.beat(BALLOT, 0, CHAIN, 0);
  for (let tick = 0; tick < TIMING.electionTicks + 2; tick++) pulse.tick();
  pulse.heard(configurations.quorum.bitOf(2));
  pulse.begin();
  expect(progress.isMarked(pulse.beat(BALLOT, 0, CHAIN, 0).round)).toBe(true);
  const isLed = Array.from({ length: TIMING.electionTicks }, () => pulse.tick());
  expect(isLed).toEqual(isLed.map((_, at) => at < TIMING.electionTicks - 1));
});
