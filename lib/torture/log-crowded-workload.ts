/**
 * A log full of votes that stay in front of votes that were superseded: the next group's room has to be made
 * by copying the former forward, all of them in one go, past the end of the area, while the durable head
 * stays where the log began.
 */
import { Random } from '../simulation/random.js';
import type { HistoryOptions, HistoryResult } from './history.js';
import { LogRig, RECORD_BYTES_MAX } from './log-rig.js';

const LOG_BYTES = 64 << 10;
/** Their records take more than what is kept free of a full log. */
const STAYING = 14;
const LENGTH_MIN = 700;
const LENGTH_MAX = 1400;
/** Enough to meet the end of the room. */
const GROUPS_JUDGED = 4;

export function crowdedWorkload(options: HistoryOptions): HistoryResult {
  const rig = new LogRig('crowded', options);
  const random = new Random(options.seed);
  rig.begin(LOG_BYTES, random.pick(['two-fence', 'fused']));
  let ballot = 0;
  const write = (slot: number): void => {
    ballot++;
    const lengthBytes = LENGTH_MIN + random.below(LENGTH_MAX - LENGTH_MIN);
    rig.step('append', () => {
      if (!rig.append({ promise: 0, votes: [{ slot, ballot, lengthBytes }] }, 0)) throw new Error('no room');
    });
  };
  rig.quietly(() => {
    for (let slot = 1; slot <= STAYING; slot++) write(slot);
    const { storage } = rig;
    const isFull = (): boolean => storage.capacityBytes - storage.usedBytes <= RECORD_BYTES_MAX;
    // Behind a violation nothing is written any more.
    while (!isFull() && rig.violation === undefined) write(STAYING + 1);
  });
  for (let group = 0; group < GROUPS_JUDGED; group++) write(STAYING + 1);
  return rig.result();
}
