/**
 * The damage campaign: histories of the production log, and at their ends every fault that a medium could have
 * put into the image, each opened by the production recovery and held against docs/format.md's table.
 *
 * 1. All faults of an image are tried (region-faults.ts), or a random choice of as many as the budget leaves.
 * 2. A fault is found out, or changes nothing that was recovered, or leaves an image that was legal earlier:
 *    those last ones are counted, and none may hold a readable newer record.
 * 3. Under open logs bits are flipped, too: a scrub then tells of them, and what it tells heals the log.
 */
import { Random } from '../simulation/random.js';
import { formatImage, openRecording } from '../storage/pmem-recording.js';
import { checkLiveDamage } from './live-damage.js';
import { Contents, type Group, stageGroup } from './log-contents.js';
import { type Held, judgeDamage } from './log-damage.js';
import { RegionFaults, type Verdict } from './region-faults.js';

export interface DamageOptions {
  readonly seed: number;
  /** Damaged images to judge. */
  readonly images: number;
  /** Called now and then. */
  readonly onProgress?: (progress: DamageTally) => void;
}

export interface DamageTally {
  readonly images: number;
  readonly histories: number;
  /** Bits flipped under open logs, each found by a scrub or without meaning. */
  readonly live: number;
  /** How often each kind of fault was taken for what. */
  readonly verdicts: Readonly<Record<string, Readonly<Partial<Record<Verdict, number>>>>>;
  /** What was violated, with what replays it; undefined if nothing was. */
  readonly violation: string | undefined;
}

const LOG_BYTES = 64 << 10;
const RECORD_BYTES_MAX = 4 << 10;
const LENGTHS = [0, 1, 8, 63, 64, 65, 256, 500, 1100] as const;
const GROUPS_MAX = 90;
const MOMENTS = 6;
const PROGRESS_IMAGES = 1000;

export class DamageCampaign {
  readonly #options: DamageOptions;
  readonly #verdicts: Record<string, Partial<Record<Verdict, number>>> = {};
  #images = 0;
  #histories = 0;
  #live = 0;
  #violation: string | undefined;

  constructor(options: DamageOptions) {
    this.#options = options;
  }

  /** Needs the addon. */
  run(): DamageTally {
    const { images, seed } = this.#options;
    while (this.#images < images && this.#violation === undefined) {
      const history = seed + this.#histories++;
      const random = new Random(history);
      const taken = takeHistory(random, history);
      this.#judgeAll(taken, random);
      if (this.#violation === undefined) {
        const { flips, violation } = checkLiveDamage(taken.at(-1)!.image, taken.at(-1)!.contents, random);
        this.#live += flips;
        this.#violation = violation;
      }
      if (this.#violation !== undefined) this.#violation = `seed ${history}: ${this.#violation}`;
    }
    return this.tally();
  }

  tally(): DamageTally {
    return {
      images: this.#images,
      histories: this.#histories,
      live: this.#live,
      verdicts: this.#verdicts,
      violation: this.#violation,
    };
  }

  #judgeAll(taken: readonly Held[], random: Random): void {
    const now = taken.at(-1)!;
    const earlier = taken.slice(0, -1);
    const all = new RegionFaults(
      now.image,
      earlier.map(({ image }) => image),
      random,
    ).all();
    const left = this.#options.images - this.#images;
    const faults = all.length <= left ? all : random.sample(all, left);
    for (const fault of faults) {
      const image = fault.apply(now.image.slice());
      const { verdict, why } = judgeDamage(image, now.contents, earlier);
      this.#images++;
      if (why !== undefined) this.#violation = `${fault.what}: ${why}`;
      else if (!fault.allowed.has(verdict)) {
        this.#violation = `${fault.what}: ${verdict}, where ${[...fault.allowed].join(' or ')} was due`;
      }
      if (this.#violation !== undefined) return;
      const verdicts = this.#verdicts[fault.kind] ?? {};
      this.#verdicts[fault.kind] = { ...verdicts, [verdict]: (verdicts[verdict] ?? 0) + 1 };
      if (this.#images % PROGRESS_IMAGES === 0) this.#options.onProgress?.(this.tally());
    }
  }
}

/** Judges at least `images` damaged images of logs. @throws ERR_INDELIBLE_NATIVE_MISSING */
export function damageCampaign(options: DamageOptions): DamageTally {
  return new DamageCampaign(options).run();
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
