/**
 * The unit tests, and the integration tests that the addon's life and the library depend on, under every
 * line of Node.js that is supported beside the one this runs on.
 *
 *   node --import tsx test/rigs/nodes/run.ts [VERSION …] [-- VITEST ARGUMENTS]
 *
 * 1. The binaries are those of npm's package `node`, at the versions below, through npx.
 * 2. One addon serves all of them: nothing is built again.
 * 3. A test that was not run has not passed. The last line is the sum.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PROJECT_ROOT } from '../../packaging/sources.js';

const VERSIONS = ['22.23.3', '24.9.0', '26.9.0'];
const INTEGRATION = [
  'test/examples',
  'test/native/addon-life',
  'test/native/append-table',
  'test/native/flusher',
  'test/packaging/package',
  'test/storage/pmem-without-libpmem',
];

interface Report {
  readonly numTotalTests: number;
  readonly numPassedTests: number;
  readonly numFailedTestSuites: number;
}

/** Under one version, vitest's own arguments behind it. @returns how many tests passed and failed */
function tested(version: string, args: readonly string[], file: string): readonly [number, number] {
  fs.rmSync(file, { force: true });
  const vitest = path.join(PROJECT_ROOT, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const command = [
    '--yes',
    '--package',
    `node@${version}`,
    '--',
    'node',
    vitest,
    'run',
    ...reporters,
    ...args,
  ];
  const { status, stdout, stderr } = spawnSync('npx', command, {
    cwd: PROJECT_ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) console.log(`${stdout}${stderr}`);
  if (!fs.existsSync(file)) return [0, 1];
  const report = JSON.parse(fs.readFileSync(file, 'utf8')) as Report;
  const failed = report.numTotalTests - report.numPassedTests;
  const least = status !== 0 || report.numFailedTestSuites > 0 ? 1 : 0;
  return [report.numPassedTests, Math.max(failed, least)];
}

/** Each version says itself that it is the one that runs. */
function isVersion(version: string): boolean {
  const args = ['--yes', '--package', `node@${version}`, '--', 'node', '--version'];
  const { stdout, stderr } = spawnSync('npx', args, { encoding: 'utf8' });
  if (stdout.trim() !== `v${version}`) console.log(`node@${version} says ${stdout}${stderr}`);
  return stdout.trim() === `v${version}`;
}

const args = process.argv.slice(2);
const end = args.includes('--') ? args.indexOf('--') : args.length;
const versions = end === 0 ? VERSIONS : args.slice(0, end);
const own = args.slice(end + 1);
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'indelible-nodes-'));
const runs =
  own.length > 0
    ? [own]
    : [
        ['--project', 'unit'],
        ['--project', 'integration', ...INTEGRATION],
      ];
let [passed, failed] = [0, 0];
for (const version of versions) {
  let [good, bad] = isVersion(version) ? [1, 0] : [0, 1];
  for (const run of bad > 0 ? [] : runs) {
    const [more, worse] = tested(version, run, path.join(directory, 'report.json'));
    good += more;
    bad += worse;
  }
  console.log(`Node.js ${version}: ${good} passed, ${bad} failed`);
  passed += good;
  failed += bad;
}
fs.rmSync(directory, { recursive: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
