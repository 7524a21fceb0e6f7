/** What `indelible torture` does: judges crash images of the log, or faults of media, on this machine. */
import fs from 'node:fs';
import os from 'node:os';
import { argumentError } from '../errors.js';
import { appendTimeline } from '../torture/append-timeline.js';
import { COVERED_FROM_IMAGES, coverageOf } from '../torture/coverage.js';
import { THOROUGHNESS, type Thoroughness } from '../torture/history.js';
import { timelinePage } from '../torture/timeline-page.js';
import { type TortureBackend, type TortureTotals, torture } from '../torture/torture.js';
import { ExitCode } from './exit-code.js';
import type { Output } from './output.js';
import { type ImageCosts, type LimitFlags, limitsOf, progressTo } from './torture-limits.js';
import { refuseCrashOptions, runMedia } from './torture-media.js';
import { progressLine, summaryLines, violationLines } from './torture-report.js';

export interface TortureFlags extends LimitFlags {
  readonly backend: TortureBackend | 'both';
  readonly moment?: number;
  readonly image?: number;
  readonly exhaustive: number;
  readonly random: number;
  readonly threads?: number;
  readonly picture?: string;
  readonly media?: boolean;
}

const COSTS: ImageCosts = { imagesDefault: 100_000, fileImageCost: 10 };

export async function runTorture(flags: TortureFlags, output: Output): Promise<void> {
  if (flags.image !== undefined && flags.moment === undefined) throw argumentError('--image needs --moment');
  const backends: TortureBackend[] = flags.backend === 'both' ? ['emulated', 'file'] : [flags.backend];
  if (flags.media === true) {
    refuseCrashOptions({ ...flags });
    return runMedia({ ...flags, backends }, output);
  }
  if (flags.picture !== undefined) return drawPicture(flags.picture, flags.seed, output);
  const summaries: object[] = [];
  let passed = 0;
  let failed = 0;
  for (const backend of backends) {
    const totals = await runBackend(backend, flags, backends.length, output);
    const coverage = coverageOf(backend, totals);
    const imagesWanted = COVERED_FROM_IMAGES / (backend === 'file' ? COSTS.fileImageCost : 1);
    const held = totals.failed === undefined && totals.distinct >= imagesWanted ? coverage : [];
    const missed = held.filter(({ distinct, wanted }) => distinct < wanted);
    passed += totals.histories + held.length - missed.length - (totals.failed === undefined ? 0 : 1);
    failed += missed.length + (totals.failed === undefined ? 0 : 1);
    if (flags.json === true) summaries.push(asJson(backend, totals));
    else for (const line of summaryLines(backend, totals, coverage)) output.line(line);
    if (totals.failed !== undefined) {
      for (const line of violationLines(backend, totals.failed, optionsOf(flags))) output.problem(line);
    }
    for (const { site, distinct, wanted } of missed) {
      output.problem(`${site}: ${distinct} distinct images, at least ${wanted} wanted`);
    }
  }
  if (flags.json === true) output.line(JSON.stringify(summaries));
  else output.line(`${passed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = ExitCode.failed;
}

function drawPicture(file: string, seed: number, output: Output): void {
  const timelines = [appendTimeline('two-fence', seed), appendTimeline('fused', seed)];
  fs.writeFileSync(file, timelinePage(timelines, seed));
  output.line(`${file} shows what a crash leaves of one append`);
}

function runBackend(
  backend: TortureBackend,
  flags: TortureFlags,
  backends: number,
  output: Output,
): Promise<TortureTotals> {
  const { histories, moment, image } = flags;
  return torture({
    ...limitsOf(flags, backend, backends, COSTS),
    backend,
    threads: histories === 1 ? 1 : (flags.threads ?? os.availableParallelism()),
    thoroughness: thoroughnessOf(flags),
    only: moment === undefined ? undefined : { moment, image },
    onProgress: progressTo(output, flags, (totals, ms) => progressLine(backend, totals, ms)),
  });
}

function thoroughnessOf({ exhaustive, random }: TortureFlags): Thoroughness {
  return { ...THOROUGHNESS, exhaustiveMax: 2 ** exhaustive, randomImages: random };
}

/** What of the command line changes the images, where it is not the default. */
function optionsOf({ exhaustive, random }: TortureFlags): string {
  const units = 2 ** exhaustive === THOROUGHNESS.exhaustiveMax ? '' : ` --exhaustive ${exhaustive}`;
  return units + (random === THOROUGHNESS.randomImages ? '' : ` --random ${random}`);
}

function asJson(backend: TortureBackend, totals: TortureTotals): object {
  const { histories, operations, images, distinct, kills, x86Images, exhaustive, sites, failed } = totals;
  const { seed, violation } = failed ?? {};
  const workloads = Object.fromEntries(totals.workloads);
  const counts = { histories, operations, images, distinct, kills, x86Images, exhaustive };
  return { backend, ...counts, workloads, sites: sites.bySite, seed, violation };
}
