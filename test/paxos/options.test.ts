import { expect, test } from 'vitest';
import { WINDOW_SLOTS_MAX } from '../../lib/limits.js';
import { type CoreOptions, checkOptions, TIMING_DEFAULT, WINDOW_SLOTS } from '../../lib/paxos/options.js';
import type { Digest } from '../../lib/types.js';
import { configurationOf } from './cluster.js';

const GOOD: CoreOptions = {
  self: 1,
  configuration: configurationOf(3),
  timing: TIMING_DEFAULT,
  windowSlots: WINDOW_SLOTS,
  windowBytes: 1 << 20,
  checkpointThrough: 0,
  checkpointChain: 0 as Digest,
  random: () => 0,
};

test('the defaults are options a core can work with', () => {
  expect(() => checkOptions(GOOD)).not.toThrow();
});

test.each([
  { windowSlots: 1, windowBytes: 1 },
  { windowSlots: WINDOW_SLOTS_MAX },
  { timing: { heartbeatTicks: 1, electionTicks: 3, fetchTicks: 1 } },
])('%j is at the bounds', (edge) => {
  expect(() => checkOptions({ ...GOOD, ...edge })).not.toThrow();
});

test.each([
  { windowSlots: 0 },
  { windowSlots: WINDOW_SLOTS_MAX + 1 },
  { windowSlots: Number.NaN },
  { windowBytes: 0 },
  { timing: { ...TIMING_DEFAULT, heartbeatTicks: 0 } },
  { timing: { ...TIMING_DEFAULT, fetchTicks: 0 } },
  { timing: { ...TIMING_DEFAULT, electionTicks: 3 * TIMING_DEFAULT.heartbeatTicks - 1 } },
])('%j is refused with a code', (bad) => {
  expect(() => checkOptions({ ...GOOD, ...bad })).toThrow(
    expect.objectContaining({ code: 'ERR_INDELIBLE_ARGUMENT' }),
  );
});
