/**
 * A log that is full of votes which stay, so that only its reserve is left, and then the vote that everything
 * else waits for: at one ballot after the other, each time up to the largest. There is room for it every
 * time: the first ones are what the reserve is for, and behind them what they superseded is reclaimed, by
 * copying forward whatever lies in front of it, as soon as that frees what is missing.
 */
import { Random } from '../simulation/random.js';
import type { HistoryOptions, HistoryResult } from './history.js';
import { LENGTH_MAX } from './log-lengths.js';
import { LogRig } from './log-rig.js';

const LOG_BYTES = 64 << 10;
const WORD_BYTES = 8;
/**
 * Of the votes that stay, in whole words: one that ends within a word may end in the same bytes as what lies
 * there from an earlier lap, and would be whole before all of it is written.
 */
const STAYING_MIN = 2400;
const SMALLEST = 2 * WORD_BYTES;
/** Of those that supersede each other: two take most of the reserve, and are less than a largest together. */
const SMALLER_MIN = 2000;
const SMALLER_MAX = 2500;
const LARGEST = LENGTH_MAX - (LENGTH_MAX % WORD_BYTES);
const ROUNDS = 2;

export function reserveWorkload(options: HistoryOptions): HistoryResult {
  const rig = new LogRig('reserve', options);
  const random = new Random(options.seed);
  rig.begin(LOG_BYTES, random.pick(['two-fence', 'fused']));
  const between = (min: number, max: number): number =>
    min + WORD_BYTES * random.below(1 + Math.floor((max - min) / WORD_BYTES));
  let last = 1;
  /** Votes of slots that nobody has voted for yet, until there is no room for one of so many bytes. */
  const fill = (min: number, max: number): void => {
    for (let isTaken = true; isTaken && rig.violation === undefined; ) {
      const votes = [{ slot: last + 1, ballot: 1, lengthBytes: between(min, max) }];
      rig.step('append', () => {
        isTaken = rig.append({ promise: 0, votes }, 0);
      });
      if (isTaken) last++;
    }
  };
  let ballot = 0;
  /** For the first slot. */
  const write = (lengthBytes: number): void => {
    const votes = [{ slot: 1, ballot: ++ballot, lengthBytes }];
    rig.step('append', () => {
      if (!rig.append({ promise: 0, votes, mayUseReserve: true }, 0))
        throw new Error('the reserve is refused');
    });
  };
  rig.quietly(() => {
    write(SMALLEST);
    fill(STAYING_MIN, LARGEST);
    fill(SMALLEST, SMALLEST);
  });
  for (let round = 0; round < ROUNDS; round++) {
    write(between(SMALLER_MIN, SMALLER_MAX));
    write(between(SMALLER_MIN, SMALLER_MAX));
    write(LARGEST);
  }
  return rig.result();
}
