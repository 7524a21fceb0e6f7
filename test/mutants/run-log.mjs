/**
 * Bugs planted in the log, its recovery, its formatting, its scrub and the file backend, and the torture rig
 * run on each.
 *
 *   node test/mutants/run-log.mjs [--only name-part,name-part] [--lanes 2] [--table]
 *
 * Drop mutants leave out one store, flush, fence, write, sync or rename each; they are made from the sources
 * (persistence-sites.mjs). The others are the patches in test/mutants/log/; those named media-… are for the
 * faults of media (`--media`), all others for the crash images. Those of the mapped medium and of a region's
 * file are for the comparison with the recording medium (test/rigs/mapped-medium).
 *
 * 1. The unmutated sources must pass the same runs.
 * 2. A mutant is killed by a violated property only: one that does not compile, that hangs or that crashes
 *    the process counts as failed, and so does one that survives: an instruction that nothing needs, or a
 *    place the rig does not see.
 * 3. The table in docs/testing.md has just these mutants; `--table` writes it anew, and with it
 *    log-seeds.json: the history that killed each. That one is tried first; a mutant that it does not kill
 *    has the whole run.
 * Ends with `N passed, N failed`.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildMutant, buildUnmutated, patchedFiles, ROOT } from './mutant-builds.mjs';
import { staleness, writeTable } from './mutant-table.mjs';
import { persistenceSites, withoutSite } from './persistence-sites.mjs';

const PATCHES = join(ROOT, 'test', 'mutants', 'log');
const SEEDS = join(ROOT, 'test', 'mutants', 'log-seeds.json');
const TABLE = 'planted log bugs';
/** Ends what hangs, on a machine with much other work too. */
const CHECK_TIMEOUT_MS = 1_800_000;
/** Enough for every mutant; one that is killed ends at its first violation. */
const RUNS = {
  emulated: ['--backend', 'emulated', '--threads', '1', '--histories', '24', '--exhaustive', '7'],
  file: ['--backend', 'file', '--threads', '1', '--histories', '8', '--exhaustive', '5'],
  'media emulated': ['--backend', 'emulated', '--media', '--images', '9000'],
  'media file': ['--backend', 'file', '--media', '--images', '3000'],
};
/** What a mapped region asks of libpmem and the kernel is held against the recording medium, not tortured. */
const MAPPED = 'mapped';
const MAPPED_PROGRAM = ['--import', 'tsx', join(ROOT, 'test', 'rigs', 'mapped-medium', 'run.ts'), '1', '2'];
const MAPPED_FILES = new Set(['native/mapped_medium.cc', 'native/region_file.cc']);
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    lanes: { type: 'string', default: '2' },
    table: { type: 'boolean', default: false },
  },
});
const chosen = values.only.split(',');
const seeds = JSON.parse(readFileSync(SEEDS, 'utf8'));
const scratch = mkdtempSync(join(tmpdir(), 'indelible-mutants-'));
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

function mutants() {
  const drops = persistenceSites().map((site) => ({
    name: site.name,
    files: () => ({ [site.file]: withoutSite(readFileSync(join(ROOT, site.file), 'utf8'), site) }),
  }));
  const patches = readdirSync(PATCHES)
    .filter((file) => file.endsWith('.patch'))
    .sort()
    .map((file) => ({
      name: file.slice(0, -'.patch'.length),
      files: (directory) => patchedFiles(join(PATCHES, file), directory),
    }));
  return [...drops, ...patches].filter(({ name }) => chosen.some((part) => name.includes(part)));
}

/** The run's history `seed` alone. */
const onlySeed = (seed) => ['--seed', String(seed), '--histories', '1'];

/**
 * @param more what is added to the run's options, or takes their place
 * @returns `killed` with the violated property, or what happened instead
 */
function check({ addon, library }, run, more = []) {
  const torture = [join(library, 'lib', 'cli', 'main.js'), 'torture', ...(RUNS[run] ?? []), ...more];
  const env = { ...process.env, INDELIBLE_ADDON: addon };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      run === MAPPED ? MAPPED_PROGRAM : torture,
      { env, timeout: CHECK_TIMEOUT_MS },
      (error, _stdout, stderr) => {
        running.delete(child);
        const what = /^violated: (.*)$/m.exec(stderr)?.[1];
        const site = /^seed .* at ([^,\n]+)/m.exec(stderr)?.[1];
        const seed = /^replay with: .* --seed (\d+)/m.exec(stderr)?.[1];
        if (error === null) resolve({ verdict: 'survived', why: '' });
        else if (error.code === 1 && what !== undefined)
          resolve({ verdict: 'killed', why: site === undefined ? what : `${what} (at ${site})`, seed });
        else
          resolve({ verdict: error.killed ? 'stopped' : 'crashed', why: stderr.trim().split('\n').at(-1) });
      },
    );
    running.add(child);
  });
}

async function tryMutant({ name, files }, unmutated) {
  const directory = mkdtempSync(join(scratch, 'mutant-'));
  try {
    const changed = files(directory);
    const build = await buildMutant(directory, unmutated, changed);
    const [file] = Object.keys(changed);
    if (MAPPED_FILES.has(file)) return await check(build, MAPPED);
    const backend = file.startsWith('lib/') ? 'file' : 'emulated';
    const run = name.startsWith('media-') ? `media ${backend}` : backend;
    const known = name in seeds ? await check(build, run, onlySeed(seeds[name])) : undefined;
    return known?.verdict === 'killed' ? known : await check(build, run);
  } catch (error) {
    const why = String(error.stderr || error.message)
      .trim()
      .split('\n')[0];
    return { verdict: 'not built', why: `${name}: ${why}` };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

let passed = 0;
let failed = 0;
const rows = [];

function report(name, good, { verdict, why, seed }, startedMs) {
  if (good) passed++;
  else failed++;
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  const line = `${good ? 'ok  ' : 'FAIL'} ${name.padEnd(50)} ${seconds.padStart(4)} s  ${verdict.padEnd(9)}`;
  console.log(`${line} ${seed === undefined ? '' : `seed ${seed}: `}${why.slice(0, 150)}`);
  rows.push({ name, verdict, why, seed });
}

/** Does all there is in `queue`, in as many lanes as were asked for. */
async function inLanes(queue, work) {
  const lane = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: Number(values.lanes) }, lane));
}

/** What was violated, without the places that change with every line of the workloads. */
function inGeneral(why) {
  return why
    .replaceAll(/ at (0x[0-9a-f]+|\d+)/g, '')
    .replace(/, then \d+/, ', then the other')
    .replace('(at between', '(between');
}

function writeSeeds(killed) {
  const known = killed.filter(({ seed }) => seed !== undefined).map(({ name, seed }) => [name, Number(seed)]);
  const sorted = known.sort(([a], [b]) => a.localeCompare(b));
  writeFileSync(SEEDS, `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
}

function checkTable(names) {
  const startedMs = performance.now();
  const killed = rows.filter(({ verdict }) => verdict === 'killed');
  const lines = killed.map(({ name, why }) => ({ name, why: inGeneral(why) }));
  if (values.table && failed === 0) {
    writeTable(TABLE, lines);
    writeSeeds(killed);
  }
  const why = staleness(TABLE, names);
  const verdict = why === '' ? 'current' : 'stale';
  report('(the table in docs/testing.md)', why === '', { verdict, why }, startedMs);
}

const wanted = mutants();
const unmutated = await buildUnmutated(scratch);
await inLanes([...Object.keys(RUNS), MAPPED], async (run) => {
  const startedMs = performance.now();
  const result = await check(unmutated, run);
  report(`(unmutated, ${run})`, result.verdict === 'survived', result, startedMs);
});
if (failed === 0) {
  await inLanes([...wanted], async (mutant) => {
    const startedMs = performance.now();
    const result = await tryMutant(mutant, unmutated);
    report(mutant.name, result.verdict === 'killed', result, startedMs);
  });
}
if (values.only === '') checkTable(wanted.map(({ name }) => name));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
