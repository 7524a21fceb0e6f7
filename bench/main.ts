/**
 * `npm run bench`: compares the backends honestly, side by side in one run, and writes what it found to
 * bench/results/<name>.json, .html and .md. docs/performance.md says what is measured, and how.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CLUSTER_STEPS_A_ROUND, measureClusterLevel } from './cluster/cluster-level.js';
import { COSTS_STEPS_A_ROUND, measureCostsLevel } from './costs/costs-level.js';
import { failoverGoals } from './failover/distribution.js';
import { failoverSteps, measureFailoverLevel } from './failover/failover-level.js';
import { fingerprint } from './fingerprint.js';
import { clusterGoals, costsGoals, storageGoals } from './goals.js';
import { parseOptions, recordedOptions, USAGE } from './options.js';
import { progressOf } from './progress.js';
import { writeReport } from './report/files.js';
import { REPORT_FORMAT, type Report } from './report/report.js';
import { type Table, tablesOf } from './report/tables.js';
import { goalLine } from './report/text.js';
import { removeScratchAtExit } from './scratch.js';
import { measureStorageLevel, STORAGE_STEPS_A_ROUND } from './storage/storage-level.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const RESULTS = join(ROOT, 'bench', 'results');

function print({ title, head, rows }: Table): void {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const text = lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  console.log(`\n${title}\n\n${text.join('\n')}`);
}

function optionsOrEnd(): ReturnType<typeof parseOptions> {
  try {
    return parseOptions(process.argv.slice(2), RESULTS);
  } catch (error) {
    console.error(`error: ${(error as Error).message}\n  npm run bench -- --help shows what it takes`);
    process.exit(2);
  }
}

const options = optionsOrEnd();
if (options === 'help') {
  console.log(USAGE);
} else {
  removeScratchAtExit();
  mkdirSync(RESULTS, { recursive: true });
  const startedAt = new Date();
  const machine = fingerprint(ROOT, options.regionDirectory, options.diskDirectory);
  const wanted = (level: string): boolean => options.levels.some((one) => one === level);
  const steps =
    (wanted('storage') ? STORAGE_STEPS_A_ROUND : 0) +
    (wanted('cluster') ? CLUSTER_STEPS_A_ROUND : 0) +
    (wanted('costs') ? COSTS_STEPS_A_ROUND : 0);
  const progress = progressOf(steps * options.rounds + (wanted('failover') ? failoverSteps(options) : 0));
  const storage = wanted('storage') ? await measureStorageLevel(options, progress) : undefined;
  const cluster = wanted('cluster') ? await measureClusterLevel(options, progress) : undefined;
  const costs = wanted('costs') ? await measureCostsLevel(options, progress) : undefined;
  const failover = wanted('failover') ? await measureFailoverLevel(options, progress) : undefined;
  progress.end();
  const report: Report = {
    format: REPORT_FORMAT,
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    machine,
    options: recordedOptions(options, ROOT),
    goals: [
      ...(storage === undefined ? [] : storageGoals(storage)),
      ...(cluster === undefined ? [] : clusterGoals(cluster)),
      ...(costs === undefined ? [] : costsGoals(costs)),
      ...(failover === undefined || typeof failover === 'string' ? [] : failoverGoals(failover)),
    ],
    ...(storage === undefined ? {} : { storage }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(costs === undefined ? {} : { costs }),
    ...(failover === undefined ? {} : { failover }),
  };
  const path = join(RESULTS, options.name);
  writeFileSync(`${path}.json`, `${JSON.stringify(report, null, 1)}\n`);
  writeReport(path, report);
  for (const table of tablesOf(report)) print(table);
  console.log(`\n${report.goals.map(goalLine).join('\n')}\n\n${path}.json, .html, .md`);
}
