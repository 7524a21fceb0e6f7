import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { patchedFiles, ROOT, strip } from './mutant-builds.mjs';
import { staleness, writeTable } from './mutant-table.mjs';

const SEEDS = 300;
const EVENTS = 5000;
const BACKENDS = ['memory', 'delayed'];
/** Of the simulator of hosts: every seed takes a second or two. */
const HOST_SEEDS = 12;
const HOST_SECONDS = 5;
const PATCHES = join(ROOT, 'test/mutants/protocol');
/** What a run needs: the library, and the schedules with what they stand on. */
const SOURCES = [
  'lib',
  'test/paxos/cluster.ts',
  'test/paxos/membership.ts',
  'test/backup/sample.ts',
  'test/simulation/schedules',
];
const TABLE = 'planted protocol bugs';
const { values, positionals } = parseArgs({
  options: { table: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const wanted = positionals[0] ?? '';

const scratch = mkdtempSync(join(tmpdir(), 'indelible-mutants-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/** Every source at or under a path of the repository. */
function sourcesUnder(path) {
  if (path.endsWith('.ts')) return [path];
  const names = readdirSync(join(ROOT, path), { recursive: true });
  return names.filter((name) => name.endsWith('.ts')).map((name) => join(path, name));
}

/** The sources as they are, compiled. @returns their directory. */
function prepareUnmutated() {
  const built = join(scratch, 'unmutated');
  for (const file of SOURCES.flatMap(sourcesUnder))
    strip(file, readFileSync(join(ROOT, file), 'utf8'), built);
  writeFileSync(join(built, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(ROOT, 'node_modules'), join(built, 'node_modules'));
  return built;
}

/** The same with a patch. */
function prepare(name, unmutated) {
  const built = join(scratch, name);
  cpSync(unmutated, built, { recursive: true, verbatimSymlinks: true });
  const changed = patchedFiles(join(PATCHES, name), join(scratch, `${name}.sources`));
  for (const [file, text] of Object.entries(changed)) strip(file, text, built);
  return built;
}

const load = (directory, path) => import(pathToFileURL(join(directory, path)).href);

/** Runs seeds until one breaks something. @returns what broke, or undefined. */
async function simulateSeeds(directory, seeds, faults) {
  const { simulate } = await load(directory, 'lib/simulation/simulation.js');
  for (let seed = 1; seed <= seeds; seed++) {
    const backend = BACKENDS[seed % BACKENDS.length];
    const { violation } = await simulate({ seed, events: EVENTS, backend, faults });
    if (violation !== undefined)
      return { checker: violation.checker, where: `seed ${seed}`, error: violation.error };
  }
  return undefined;
}

/** Runs seeds in which members change until one breaks something. */
async function simulateMembers(directory) {
  const { simulate } = await load(directory, 'lib/simulation/simulation.js');
  const { membershipOptions } = await load(directory, 'lib/simulation/membership.js');
  for (let seed = 1; seed <= SEEDS; seed++) {
    const backend = BACKENDS[seed % BACKENDS.length];
    const { violation } = await simulate({ seed, events: EVENTS, backend, ...membershipOptions(seed) });
    if (violation !== undefined)
      return { checker: violation.checker, where: `seed ${seed}`, error: violation.error };
  }
  return undefined;
}

/** Runs seeds of the simulator of hosts until one breaks something. */
async function simulateHostsOf(directory, options, first = 1, seeds = HOST_SEEDS) {
  const { simulateHosts } = await load(directory, 'lib/simulation/hosts/host-simulation.js');
  for (let seed = first; seed < first + seeds; seed++) {
    const backend = BACKENDS[seed % BACKENDS.length];
    const { violation } = await simulateHosts({ seed, seconds: HOST_SECONDS, backend, ...options });
    if (violation === undefined) continue;
    return { checker: violation.checker, where: `seed ${seed}`, error: violation.error, hosts: true, seed };
  }
  return undefined;
}

/** What breaks on the hosts of a mutant, and does not on those of the sources as they are. */
async function killHosts(directory, unmutated, options) {
  const found = await simulateHostsOf(directory, options);
  if (found === undefined) return undefined;
  return (await simulateHostsOf(unmutated, options, found.seed, 1)) === undefined ? found : undefined;
}

/** Runs every schedule until one breaks something. */
async function runSchedules(directory) {
  const { schedules } = await load(directory, 'test/simulation/schedules/all.js');
  for (const { name, run } of schedules) {
    try {
      await run();
    } catch (error) {
      const checker =
        error.name === 'ContractViolation' ? 'contract' : error.name === 'Violation' ? 'schedule' : 'error';
      return { checker, where: name, error };
    }
  }
  return undefined;
}

/** Whether what broke is what had to break. */
function isKill(found, killer) {
  if (found === undefined || found.checker === 'error') return false;
  return found.checker !== 'liveness' || killer.includes('liveness');
}

async function tryPatch(file, unmutated) {
  const text = readFileSync(join(PATCHES, file), 'utf8');
  const killer = /^Killed by: (.*)$/m.exec(text)?.[1] ?? '';
  const directory = prepare(file, unmutated);
  let found;
  // Where several are named, each has to kill it.
  for (const each of killer.split(' and ')) {
    found = await runKiller(each, directory, unmutated);
    if (!isKill(found, each)) return { killed: false, found };
  }
  return { killed: true, found };
}

async function runKiller(killer, directory, unmutated) {
  const options = JSON.parse(/\{.*\}/.exec(killer)?.[0] ?? '{}');
  if (killer.startsWith('schedule')) return await runSchedules(directory);
  if (killer.startsWith('hosts')) return await killHosts(directory, unmutated, options);
  if (killer.startsWith('members')) return await simulateMembers(directory);
  return await simulateSeeds(directory, SEEDS, options);
}

let passed = 0;
let failed = 0;

function report(ok, name, text, startedMs) {
  if (ok) passed++;
  else failed++;
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(40)} ${seconds.padStart(5)} s  ${text}`);
}

const rows = [];

/** The promise that was broken, or the schedule that went wrong. */
function whatKilled({ where, error, hosts }) {
  if (hosts) return `hosts: ${error.message.split('\n')[0]}`;
  return where.startsWith('seed') ? `simulator: ${error.message}` : `schedule: ${where}`;
}

function checkTable(names) {
  const startedMs = Date.now();
  if (values.table && failed === 0) writeTable(TABLE, rows);
  const stale = staleness(TABLE, names);
  report(stale === '', 'the table in docs/testing.md', stale || 'current', startedMs);
}

const unmutated = prepareUnmutated();
const patches = readdirSync(PATCHES).filter((file) => file.endsWith('.patch') && file.includes(wanted));
for (const file of patches.sort()) {
  const startedMs = Date.now();
  const name = file.replace('.patch', '');
  try {
    const { killed, found } = await tryPatch(file, unmutated);
    const text = found === undefined ? 'survived' : `${found.where}: ${found.error.message}`;
    report(killed, name, text.slice(0, 150), startedMs);
    if (killed) rows.push({ name, why: whatKilled(found) });
  } catch (error) {
    report(false, name, `cannot be tried: ${error.stderr ?? error.stack}`, startedMs);
  }
}
if (wanted === '') {
  const startedMs = Date.now();
  const found =
    (await runSchedules(unmutated)) ??
    (await simulateSeeds(unmutated, SEEDS, {})) ??
    (await simulateMembers(unmutated));
  report(
    found === undefined,
    'the core as it is',
    found ? `${found.where}: ${found.error.stack}` : 'passes',
    startedMs,
  );
  checkTable(patches.map((file) => file.replace('.patch', '')));
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
