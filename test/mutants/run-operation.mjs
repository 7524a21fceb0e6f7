/**
 * Bugs planted in what operators rely on: metrics, the HTTP port, the reserve of the disk, members.
 * Each patch in operation/ names the tests that kill it: "Killed by: FILE". All mutants, and the sources as
 * they are, are tried in one run of Vitest, each in a folder of its own.
 *
 *   run-operation.mjs [part of a name] [--table]     --table writes the table in docs/testing.md anew
 */
import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { patchedFiles, ROOT } from './mutant-builds.mjs';
import { staleness, writeTable } from './mutant-table.mjs';

const PATCHES = join(ROOT, 'test/mutants/operation');
const TABLE = 'planted operation bugs';
/** What the tests read besides what they import. */
const COPIED = [
  'lib',
  'examples',
  'page',
  'test/cluster',
  'test/contract',
  'test/http',
  'test/observe',
  'test/replica',
  'test/transport',
  'test/wire',
  'package.json',
];
const AS_THEY_ARE = 'as-they-are';
const OUTPUT_BYTES_MAX = 1 << 26;
const { values, positionals } = parseArgs({
  options: { table: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const wanted = positionals[0] ?? '';
const patches = readdirSync(PATCHES).filter((file) => file.endsWith('.patch') && file.includes(wanted));

const scratch = mkdtempSync(join(tmpdir(), 'indelible-mutants-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
symlinkSync(join(ROOT, 'node_modules'), join(scratch, 'node_modules'));
writeFileSync(join(scratch, 'package.json'), '{ "type": "module" }');
writeFileSync(
  join(scratch, 'vitest.config.mjs'),
  'export default { test: { testTimeout: 0, pool: "threads" } };\n',
);

/** The sources in a folder of their own. */
function prepare(name) {
  for (const path of COPIED) {
    mkdirSync(join(scratch, name, path, '..'), { recursive: true });
    cpSync(join(ROOT, path), join(scratch, name, path), { recursive: true });
  }
}

const mutants = new Map();
prepare(AS_THEY_ARE);
for (const file of patches) {
  const name = file.replace('.patch', '');
  prepare(name);
  const changed = patchedFiles(join(PATCHES, file), join(scratch, `${name}.sources`));
  for (const [path, text] of Object.entries(changed)) writeFileSync(join(scratch, name, path), text);
  const killer = /^Killed by: (.*)$/m.exec(readFileSync(join(PATCHES, file), 'utf8'))?.[1];
  if (killer === undefined) throw new Error(`${file} does not say what kills it`);
  mutants.set(name, killer);
}

/** Runs the tests. @returns by folder and file, what failed of how many */
async function runTests() {
  const files = [...mutants].map(([name, killer]) => join(name, killer));
  for (const killer of new Set(mutants.values())) files.push(join(AS_THEY_ARE, killer));
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const report = join(scratch, 'report.json');
  const flags = ['run', '--root', scratch, '--reporter=json', `--outputFile=${report}`];
  const bounds = { cwd: scratch, maxBuffer: OUTPUT_BYTES_MAX };
  const said = await promisify(execFile)(process.execPath, [vitest, ...flags, ...files], bounds).catch(
    (error) => error,
  );
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  if (testResults.length !== files.length) throw new Error(`not all were run: ${said.stderr}`);
  return new Map(
    testResults.map(({ name, assertionResults, message }) => [
      relative(scratch, name),
      { assertionResults, message },
    ]),
  );
}

let passed = 0;
let failed = 0;

function report(ok, name, text) {
  if (ok) passed++;
  else failed++;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(40)} ${text}`);
}

const results = await runTests();
const rows = [];
for (const [name, killer] of mutants) {
  const { assertionResults, message } = results.get(join(name, killer));
  const failure = assertionResults.find(({ status }) => status === 'failed');
  report(failure !== undefined, name, failure?.fullName ?? (message || 'survived'));
  if (failure !== undefined) rows.push({ name, why: failure.fullName });
}
for (const killer of new Set(mutants.values())) {
  const { assertionResults, message } = results.get(join(AS_THEY_ARE, killer));
  const isGood = assertionResults.length > 0 && assertionResults.every(({ status }) => status === 'passed');
  report(isGood, killer, isGood ? 'passes as the sources are' : message || 'fails as the sources are');
}
if (wanted === '') {
  if (values.table && failed === 0) writeTable(TABLE, rows);
  const stale = staleness(TABLE, [...mutants.keys()]);
  report(stale === '', 'the table in docs/testing.md', stale || 'current');
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
