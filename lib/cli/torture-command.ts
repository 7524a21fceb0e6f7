/** `indelible torture`: the crash images of the log, or the faults of media, judged on this machine. */
import fs from 'node:fs';
import os from 'node:os';
import { Command, Option } from 'commander';
import { argumentError } from '../errors.js';
import { appendTimeline } from '../torture/append-timeline.js';
import { COVERED_FROM_IMAGES, coverageOf } from '../torture/coverage.js';
import { THOROUGHNESS, type Thoroughness } from '../torture/history.js';
import { timelinePage } from '../torture/timeline-page.js';
import { type TortureBackend, type TortureTotals, torture } from '../torture/torture.js';
import { ExitCode } from './exit-code.js';
import { helpWith } from './help.js';
import { integerOption } from './option-parsers.js';
import type { Output } from './output.js';
import { type ImageCosts, type LimitFlags, limitsOf, progressTo } from './torture-limits.js';
import { refuseCrashOptions, runMedia } from './torture-media.js';
import { progressLine, summaryLines, violationLines } from './torture-report.js';

interface TortureFlags extends LimitFlags {
  readonly backend: TortureBackend | 'both';
  readonly moment?: number;
  readonly image?: number;
  readonly exhaustive: number;
  readonly random: number;
  readonly threads?: number;
  readonly picture?: string;
  readonly media?: boolean;
}

const HELP = `
Runs workloads on the production log over a medium that records every store, flush and fence (of files: every
write and sync), and at every fence and between operations judges what a power cut or kill -9 could leave:
what was answered must be found, byte for byte, and nothing that was not submitted; nothing called damaged;
recovery, crashed again or not, must come to the same; and the log must take more. Ends at the first
violation, and prints the command that shows it again. Touches no disk.

With --media it damages what logs hold instead, at their ends and while they are open: whatever is not as it
was written must be found out and called what it is, and nothing be silently wrong. Faults that leave an
image that was legal earlier are counted: those no log can see alone. Cuts off small files in the temporary
directory.

  indelible torture                              until 100,000 distinct images, of each backend in proportion
  indelible torture --budget 10m                 as many as ten minutes allow
  indelible torture --backend file --seed 7      the file backend, from seed 7 on
  indelible torture --media                      bits that flip, blocks zeroed, stale, misplaced or unreadable
  indelible torture --picture append.html        one append, and what a crash leaves of it, as a page

Exit code 0: no violation, and of ${COVERED_FROM_IMAGES} images or more a share at every site; 1: else.`;

const COSTS: ImageCosts = { imagesDefault: 100_000, fileImageCost: 10 };
const UNITS_MAX = 16;

export function tortureCommand(output: Output): Command {
  const command = new Command('torture')
    .description('cut the power of the log, everywhere, and judge what is left')
    .addOption(
      new Option('--backend <name>', 'which log').choices(['emulated', 'file', 'both']).default('both'),
    )
    .option('--budget <time>', 'how long: 30s, 10m, 1h', parseBudget)
    .option('--images <number>', 'until so many distinct images were judged', integerOption(1, 1e12))
    .option('--histories <number>', 'so many histories', integerOption(1, 1e9))
    .option('--seed <number>', 'the first history', integerOption(0, 1e9), 1)
    .option('--moment <number>', 'of each history this moment alone', integerOption(0, 1e6))
    .option('--image <number>', 'of that moment this image alone', integerOption(0, 1e9))
    .option(
      '--exhaustive <units>',
      'judge every choice where at most so many units are outstanding',
      integerOption(1, UNITS_MAX),
      Math.log2(THOROUGHNESS.exhaustiveMax),
    )
    .option(
      '--random <number>',
      'random images of a moment with more units',
      integerOption(0, 1e6),
      THOROUGHNESS.randomImages,
    )
    .option('--threads <number>', 'threads; as many as there are processors', integerOption(1, 256))
    .option('--picture <file>', "write a page with one append's timeline and the states a crash leaves")
    .option('--media', 'faults of media instead of power cuts')
    .option('--json', 'print the summary as JSON')
    .action((flags: TortureFlags) => run(flags, output));
  return helpWith(command, HELP);
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

function parseBudget(text: string): number {
  const match = /^(\d{1,6})([smh])$/.exec(text);
  if (match === null) throw argumentError(`a budget is a number and s, m or h, not ${JSON.stringify(text)}`);
  return Number(match[1]) * UNITS_MS[match[2]!]!;
}

async function run(flags: TortureFlags, output: Output): Promise<void> {
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
