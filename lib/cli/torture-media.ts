/** `indelible torture --media`: the faults of media, judged on this machine. */
import { argumentError } from '../errors.js';
import { damageCampaign } from '../torture/damage-campaign.js';
import type { DamageTally } from '../torture/damage-tally.js';
import type { TortureBackend } from '../torture/torture.js';
import { ExitCode } from './exit-code.js';
import { mediaJson, mediaProgressLine, mediaSummaryLines, mediaViolationLines } from './media-report.js';
import type { Output } from './output.js';

export interface MediaFlags {
  readonly backends: readonly TortureBackend[];
  /** Milliseconds. */
  readonly budget?: number;
  readonly images?: number;
  readonly histories?: number;
  readonly seed: number;
  readonly json?: boolean;
}

const IMAGES_DEFAULT = 30_000;
/** A fault of the file backend takes as long as so many of the log in memory. */
const FILE_IMAGE_COST = 5;
const PROGRESS_MS = 2000;
/** Options that say which crash images there are. */
const NOT_OF_MEDIA = ['moment', 'image', 'picture', 'threads'] as const;

/** @throws RangeError for options that mean nothing here */
export function refuseCrashOptions(flags: Readonly<Partial<Record<string, unknown>>>): void {
  const other = NOT_OF_MEDIA.find((name) => flags[name] !== undefined);
  if (other !== undefined) throw argumentError(`--media does not take --${other}`);
}

export async function runMedia(flags: MediaFlags, output: Output): Promise<void> {
  const summaries: object[] = [];
  let passed = 0;
  let failed = 0;
  for (const backend of flags.backends) {
    const tally = await runBackend(backend, flags, output);
    passed += tally.images + tally.live + tally.cuts;
    if (flags.json === true) summaries.push(mediaJson(backend, tally));
    else for (const line of mediaSummaryLines(backend, tally)) output.line(line);
    if (tally.violation === undefined) continue;
    failed++;
    for (const line of mediaViolationLines(backend, tally.violation)) output.problem(line);
  }
  if (flags.json === true) output.line(JSON.stringify(summaries));
  else output.line(`${passed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = ExitCode.failed;
}

function runBackend(backend: TortureBackend, flags: MediaFlags, output: Output): Promise<DamageTally> {
  const { backends, budget, histories, images, json, seed } = flags;
  const bounded = budget !== undefined || histories !== undefined;
  const wanted = images ?? (bounded ? Number.POSITIVE_INFINITY : IMAGES_DEFAULT);
  const startedMs = performance.now();
  let saidMs = startedMs;
  return damageCampaign({
    backend,
    firstSeed: seed,
    historiesMax: histories ?? Number.POSITIVE_INFINITY,
    imagesWanted: backend === 'file' && backends.length > 1 ? Math.ceil(wanted / FILE_IMAGE_COST) : wanted,
    budgetMs: (budget ?? Number.POSITIVE_INFINITY) / backends.length,
    now: () => performance.now(),
    onProgress: (tally) => {
      const nowMs = performance.now();
      if (nowMs - saidMs < PROGRESS_MS || json === true) return;
      saidMs = nowMs;
      output.line(mediaProgressLine(backend, tally, nowMs - startedMs));
    },
  });
}
