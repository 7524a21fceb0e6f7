import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Flow } from '../../lib/paxos/flow.js';

const FLOOR = 8;
const CEILING = 50;
const KNOWN = 4 * CEILING;
/** What was longer ago than this is forgotten: eight periods of thirty ceilings. */
const KEPT = 8 * 30 * CEILING;

/** Word comes every `every` ticks, for so many ticks. */
function steady(flow: Flow, every: number, ticks: number): Flow {
  for (let tick = 1; tick <= ticks; tick++) {
    flow.tick();
    if (tick % every === 0) flow.ended(every);
  }
  return flow;
}

test('until enough is known only the ceiling counts', () => {
  const flow = steady(new Flow(FLOOR, CEILING), 1, KNOWN - 1);
  expect(flow.suspectTicks).toBe(CEILING);
  expect(steady(flow, 1, 1).suspectTicks).toBe(FLOOR);
});

test('twice the longest silence is suspect, between the floor and the ceiling', () => {
  for (const [every, suspect] of [
    [2, FLOOR],
    [4, FLOOR],
    [6, 12],
    [20, 40],
    [30, CEILING],
  ] as const) {
    expect(steady(new Flow(FLOOR, CEILING), every, 2 * KNOWN).suspectTicks, `every ${every}`).toBe(suspect);
  }
});

test('one long silence makes the next one that is suspect twice as long, and several lead to the ceiling', () => {
  const flow = steady(new Flow(FLOOR, CEILING), 1, KNOWN);
  const suspects = [1, 2, 3, 4].map(() => {
    flow.ended(CEILING - 1);
    return flow.suspectTicks;
  });
  expect(suspects).toEqual([16, 32, CEILING, CEILING]);
});

test('a silence that reaches the ceiling is an absence, and teaches nothing', () => {
  const flow = steady(new Flow(FLOOR, CEILING), 1, KNOWN);
  flow.ended(CEILING);
  flow.ended(100 * CEILING);
  expect(flow.suspectTicks).toBe(FLOOR);
});

test('what was usual long ago is forgotten', () => {
  const flow = steady(new Flow(FLOOR, CEILING), 20, KNOWN);
  expect(steady(flow, 1, KEPT - 30 * CEILING).suspectTicks).toBe(40);
  expect(steady(flow, 1, 30 * CEILING).suspectTicks).toBe(FLOOR);
});

test('whatever is told, the bound lies between the floor and the ceiling', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3 * CEILING)), fc.nat(100), fc.nat(100), (silences, floor, more) => {
      const [low, high] = [floor + 1, floor + 1 + more];
      const flow = new Flow(low, high);
      for (const silence of silences) {
        for (let tick = 0; tick < silence; tick++) flow.tick();
        flow.ended(silence);
        expect(flow.suspectTicks).toBeGreaterThanOrEqual(low);
        expect(flow.suspectTicks).toBeLessThanOrEqual(high);
      }
    }),
  );
});
