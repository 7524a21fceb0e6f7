/**
 * Workloads that go through a range one by one, where chance would leave gaps. A seed takes one part of its
 * range; as many seeds as `parts` take all of it.
 */
import type { HistoryOptions, HistoryResult } from './history.js';
import type { Group, TortureVote } from './log-contents.js';
import { LENGTH_MAX, SWEEP } from './log-lengths.js';
import { LogRig, RECORD_BYTES_MAX, recordBytesOf } from './log-rig.js';

const LOG_BYTES = 64 << 10;
const LINE_BYTES = 64;
/** The largest number of votes that fit in one record. */
const VOTES_MAX = Math.floor((RECORD_BYTES_MAX - 192) / 40);
const VOTE_COUNTS: readonly number[] = [1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 32, 33, 64, VOTES_MAX - 1, VOTES_MAX];

/**
 * Sixteen payloads that are written as one piece before their CRCs are found; two by which it grows, one that
 * ends within a word, and so another piece.
 */
const TWO_PIECES: readonly number[] = [...Array(18).fill(72), 69, 1104];

/** The `part`-th of `parts` of `all`, spread evenly. */
function share<T>(all: readonly T[], part: number, parts: number): T[] {
  return all.filter((_, index) => index % parts === part);
}

/** Appends with the slots and ballots that follow, trimmed where room runs short. */
class Appender {
  readonly rig: LogRig;
  slot = 0;
  ballot = 1;

  constructor(rig: LogRig) {
    this.rig = rig;
  }

  append(lengths: readonly number[], promise: boolean): void {
    const { rig } = this;
    const { usedBytes, capacityBytes } = rig.storage;
    if (capacityBytes - usedBytes < 2 * RECORD_BYTES_MAX) rig.step('trim', () => rig.trim(this.slot));
    if (promise) this.ballot++;
    const votes = lengths.map((lengthBytes): TortureVote => {
      this.slot++;
      return { slot: this.slot, ballot: this.ballot, lengthBytes };
    });
    const group: Group = { promise: promise ? this.ballot : 0, votes };
    rig.step('append', () => {
      if (!rig.append(group, Math.max(0, this.slot - votes.length))) throw new Error('no room');
    });
  }
}

/** Every payload length around 8, 64, 256 and 1024 bytes and up to the largest, alone and in company. */
export function lengthsWorkload(options: HistoryOptions, part: number, parts: number): HistoryResult {
  const rig = new LogRig('lengths', options);
  rig.begin(LOG_BYTES, part % 2 === 0 ? 'two-fence' : 'fused');
  const appender = new Appender(rig);
  for (const lengthBytes of share(SWEEP, part, parts)) {
    const inCompany = lengthBytes < 1500 && lengthBytes % 3 === 0;
    appender.append(inCompany ? [lengthBytes, 13, lengthBytes] : [lengthBytes], lengthBytes % 5 === 0);
  }
  return rig.result();
}

/** Groups of no vote at all (a promise) up to as many as one record takes, small votes and the largest. */
export function groupsWorkload(options: HistoryOptions, part: number, parts: number): HistoryResult {
  const rig = new LogRig('groups', options);
  rig.begin(LOG_BYTES, part % 2 === 0 ? 'fused' : 'two-fence');
  const appender = new Appender(rig);
  for (const count of [0, ...share(VOTE_COUNTS, part, parts), 0]) {
    const room = Math.floor((RECORD_BYTES_MAX - 192 - 40) / Math.max(1, count)) - 40;
    const largest = Math.max(0, Math.floor(room / 8) * 8);
    appender.append(Array(count).fill(Math.min(largest, 24)), count === 0);
    if (largest > 24 && count > 0) appender.append(Array(count).fill(largest), false);
  }
  appender.append(TWO_PIECES, false);
  return rig.result();
}

/** A record that ends so many cache lines before the area does, then the wrap, and on. */
export function wrapWorkload(options: HistoryOptions, part: number, parts: number): HistoryResult {
  const rig = new LogRig('wrap', options);
  const pipeline = part % 2 === 0 ? 'two-fence' : 'fused';
  rig.begin(LOG_BYTES, pipeline);
  const appender = new Appender(rig);
  const everyLine = Array.from({ length: RECORD_BYTES_MAX / LINE_BYTES }, (_, line) => line * LINE_BYTES);
  let position = 0;
  for (const remaining of share(everyLine, part, parts)) {
    // A record of `last` bytes that begins where a largest one just fits.
    const start = Math.max(RECORD_BYTES_MAX, remaining + 256);
    const last = start - remaining;
    rig.quietly(() => {
      while (position % LOG_BYTES !== LOG_BYTES - start && rig.violation === undefined) {
        const rest = LOG_BYTES - start - (position % LOG_BYTES);
        const step = rest >= 2 * 1024 ? 1024 : rest >= 512 + 256 ? 512 : rest;
        const bytes = rest < 0 ? 1024 : step;
        position = placed(position, appendOf(appender, bytes));
      }
    });
    position = placed(position, appendOf(appender, last));
    appender.append([40], true);
    position = placed(position, recordBytesOf({ promise: 1, votes: [vote(40)] }));
    rig.step('trim', () => rig.trim(appender.slot));
  }
  return rig.result();
}

const vote = (lengthBytes: number): TortureVote => ({ slot: 1, ballot: 1, lengthBytes });

/** Appends one vote in a record of exactly `bytes`, a multiple of 64 from 256 on. */
function appendOf(appender: Appender, bytes: number): number {
  appender.append([Math.min(LENGTH_MAX, bytes - 192 - 40)], false);
  return bytes;
}

/** The position behind a record, by the rule of docs/format.md: none straddles the end. */
function placed(position: number, bytes: number): number {
  const end = position + bytes;
  const remaining = LOG_BYTES - (end % LOG_BYTES);
  return remaining < RECORD_BYTES_MAX ? end + remaining : end;
}
