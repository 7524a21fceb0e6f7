/** `indelible torture --media`: the faults of media, judged on this machine. */
import { argumentError } from '../errors.js';
import { damageCampaign } from '../torture/damage-campaign.js';
import type { DamageTally } from '../torture/damage-tally.js';
import type { TortureBackend } from '../torture/torture.js';
import { ExitCode } from './exit-code.js';
import { mediaJson, mediaProgressLine, mediaSummaryLines, mediaViolationLines } from './media-report.js';
import type { Output } from './output.js';
import { type ImageCosts, type LimitFlags, limitsOf, progressTo } from './torture-limits.js';

export interface MediaFlags extends LimitFlags {
  readonly backends: readonly TortureBackend[];
}

const COSTS: ImageCosts = { imagesDefault: 30_000, fileImageCost: 5 };
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
  return damageCampaign({
    ...limitsOf(flags, backend, flags.backends.length, COSTS),
    backend,
    onProgress: progressTo(output, flags, (tally, ms) => mediaProgressLine(backend, tally, ms)),
  });
}
