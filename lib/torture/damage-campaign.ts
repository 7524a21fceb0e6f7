/**
 * The media campaign: histories of the production log, seed after seed, each with the faults that a failing
 * medium could put into what it wrote, until there are enough, the time is over, or one is violated.
 *
 * A seed is one history, whatever ends the run. Given a number of histories all faults of each are tried.
 */
import { DamageTally } from './damage-tally.js';
import { damageFile } from './file-damage.js';
import { cutOffRegion } from './region-cut.js';
import { damageRegion } from './region-damage.js';
import type { TortureBackend } from './torture.js';

export interface DamageOptions {
  readonly backend: TortureBackend;
  readonly firstSeed: number;
  /** Infinity where something else ends the run; the same for the next two. */
  readonly historiesMax: number;
  /** Damaged images to judge. */
  readonly imagesWanted: number;
  readonly budgetMs: number;
  /** Milliseconds since anywhen. */
  readonly now: () => number;
  /** Called after every history. */
  readonly onProgress: (tally: DamageTally) => void;
}

/**
 * Of one history, where there may be any number of them: other histories show more than all faults of one.
 */
const FAULTS_A_HISTORY = 1500;

/** @throws ERR_INDELIBLE_NATIVE_MISSING for the backend `emulated` without the addon */
export async function damageCampaign(options: DamageOptions): Promise<DamageTally> {
  const { backend, firstSeed, historiesMax, imagesWanted, budgetMs, now, onProgress } = options;
  const tally = new DamageTally();
  const startedMs = now();
  while (
    tally.violation === undefined &&
    tally.histories < historiesMax &&
    tally.images < imagesWanted &&
    now() - startedMs < budgetMs
  ) {
    const seed = firstSeed + tally.histories++;
    const left = imagesWanted - tally.images;
    const imagesMax = historiesMax === Number.POSITIVE_INFINITY ? Math.min(left, FAULTS_A_HISTORY) : left;
    const what = await damageHistory(backend, seed, imagesMax, tally);
    if (what !== undefined) tally.violation = { seed, what };
    onProgress(tally);
  }
  return tally;
}

async function damageHistory(
  backend: TortureBackend,
  seed: number,
  imagesMax: number,
  tally: DamageTally,
): Promise<string | undefined> {
  if (backend === 'file') return damageFile(seed, imagesMax, tally);
  return damageRegion(seed, imagesMax, tally) ?? cutOffRegion(seed, tally);
}
