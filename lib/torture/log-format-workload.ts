/**
 * Formatting in place, as a device without files is formatted: over nothing, over garbage, over an older
 * region with votes in it, and over what a crashed formatting left. Then the region is used.
 */
import { Random } from '../simulation/random.js';
import { formatImage } from '../storage/pmem-recording.js';
import type { HistoryOptions, HistoryResult } from './history.js';
import type { Expectation } from './log-contents.js';
import { LogRig } from './log-rig.js';

const LOG_BYTES = 64 << 10;

export function formatWorkload(options: HistoryOptions): HistoryResult {
  const rig = new LogRig('format', options);
  const random = new Random(options.seed);
  const incarnation = 2 ** 40 + options.seed * 8;
  const blank = new Uint8Array(formatImage(rig.formatOptions(LOG_BYTES)).length);
  rig.format(blank, LOG_BYTES, incarnation, undefined);
  const garbage = blank.map(() => random.below(256));
  rig.format(garbage, LOG_BYTES, incarnation + 2, undefined);
  rig.begin(LOG_BYTES, random.pick(['two-fence', 'fused']));
  for (let slot = 1; slot <= 6; slot++) {
    const votes = [{ slot, ballot: slot, lengthBytes: random.below(300) }];
    rig.step('append', () => rig.append({ promise: slot % 2 === 0 ? slot : 0, votes }, slot - 1));
  }
  rig.step('drain', () => rig.storage.drain());
  if (rig.violation === undefined) {
    const old: Expectation = rig.expectation.copy();
    rig.format(rig.recording.durableImage(), LOG_BYTES, incarnation + 4, old);
  }
  return rig.result();
}
