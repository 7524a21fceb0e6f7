/**
 * Media faults of a region: a history of the production log, and at its end every fault that a medium could
 * have put into the image, each opened by the production recovery and held against docs/format.md's table.
 *
 * 1. All faults of an image are tried (region-faults.ts), or a random choice of as many as are left to try.
 * 2. A fault is found out, or changes nothing that was recovered, or leaves an image that was legal earlier:
 *    those last ones are counted, and none may hold a readable newer record.
 * 3. Under open logs bits are flipped, too: a scrub then tells of them, and what it tells heals the log.
 */
import { Random } from '../simulation/random.js';
import { formatImage, openRecording } from '../storage/pmem-recording.js';
import type { DamageTally } from './damage-tally.js';
import { checkLiveDamage } from './live-damage.js';
import { Contents, type Group, stageGroup } from './log-contents.js';
import { type Held, judgeDamage } from './log-damage.js';
import { RegionFaults } from './region-faults.js';

const LOG_BYTES = 64 << 10;
const RECORD_BYTES_MAX = 4 << 10;
const LENGTHS = [0, 1, 8, 63, 64, 65, 256, 500, 1100] as const;
const GROUPS_MAX = 90;
const MOMENTS = 6;

/**
 * Judges one history's faults, at most `imagesMax` of them. Needs the addon.
 * @returns what was violated, or undefined
 */
export function damageRegion(seed: number, imagesMax: number, tally: DamageTally): string | undefined {
  const random = new Random(seed);
  const taken = takeHistory(random.fork(), seed);
  const now = taken.at(-1)!;
  const violation = judgeAll(taken, random, imagesMax, tally);
  if (violation !== undefined) return violation;
  const earlier = taken.slice(0, -1).map(({ image }) => image);
  const live = checkLiveDamage(now.image, earlier, now.contents, random.fork());
  tally.live += live.strikes;
  return live.violation;
}

function judgeAll(
  taken: readonly Held[],
  random: Random,
  imagesMax: number,
  tally: DamageTally,
): string | undefined {
  const now = taken.at(-1)!;
  const earlier = taken.slice(0, -1);
  const images = earlier.map(({ image }) => image);
  const all = new RegionFaults(now.image, images, random.fork()).all();
  const chosen = random.fork();
  for (const fault of all.length <= imagesMax ? all : chosen.sample(all, imagesMax)) {
    const { verdict, why } = judgeDamage(fault.apply(now.image.slice()), now.contents, earlier);
    if (why !== undefined) return `${fault.what}: ${why}`;
    if (!fault.allowed.has(verdict)) {
      return `${fault.what}: ${verdict}, where ${[...fault.allowed].join(' or ')} was due`;
    }
    tally.count(fault.kind, verdict);
  }
  return undefined;
}

/** Images of one log at several moments, the last one its end; in use, with nothing outstanding. */
function takeHistory(random: Random, incarnation: number): Held[] {
  const identity = { clusterId: '0'.repeat(32), replicaId: 1, storeUuid: '1'.repeat(32) };
  const shape = { identity, logBytes: LOG_BYTES, recordBytesMax: RECORD_BYTES_MAX };
  const image = formatImage({ ...shape, incarnation: incarnation + 1 });
  const { storage, recording } = openRecording({ image });
  const contents = new Contents();
  const taken: Held[] = [];
  const groups = random.below(GROUPS_MAX);
  let slot = 0;
  let trim = 0;
  for (let index = 0; index < groups; index++) {
    const votes: Group['votes'][number][] = [];
    const ballot = contents.promised + random.below(2) + 1;
    for (let count = 1 + random.below(4); count > 0; count--) {
      if (slot === trim || random.chance(0.7)) slot++;
      const lengthBytes = random.pick(LENGTHS);
      votes.push({ slot: slot - random.below(Math.min(slot - trim, 3)), ballot, lengthBytes });
    }
    const group = { promise: random.chance(0.2) ? ballot : 0, votes };
    if (stageGroup(storage, group)) {
      storage.commit(Math.max(0, slot - 2));
      contents.apply(group);
    } else {
      // Half a group may have been staged: nothing of it was committed, and closing is not awaited.
      break;
    }
    if (random.chance(0.15) || storage.usedBytes > storage.capacityBytes / 2) {
      trim = slot - random.below(Math.min(slot - trim, 6));
      storage.trim(trim, trim);
    }
    taken.push({ image: recording.durableImage(), contents: contents.copy() });
    if (taken.length > MOMENTS) taken.shift();
  }
  if (taken.length === 0) taken.push({ image: recording.durableImage(), contents: contents.copy() });
  recording.release();
  return taken;
}
