/**
 * Planted protocol bugs: every patch in protocol/ breaks one rule of the core, and must be caught.
 *
 * Each patch is applied to a copy of the sources, which then runs the simulator over seeds 1 … SEEDS (with
 * the fault rates given, if any), or the directed schedules, as its "Killed by" line says. Only a broken
 * checker or contract counts as caught: not an exception of another kind, not a time-out, and a lack of
 * progress only where the patch says that it takes progress away. The sources as they are must pass the same
 * runs.
 *
 *   node test/mutants/run-protocol.mjs [part of a patch's name]
 */
import { execFileSync } from 'node:child_process';
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
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

const SEEDS = 300;
const EVENTS = 5000;
const BACKENDS = ['memory', 'delayed'];
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PATCHES = join(ROOT, 'test/mutants/protocol');
/** What a run needs: the library, and the schedules with what they stand on. */
const SOURCES = ['lib', 'test/paxos/cluster.ts', 'test/simulation/schedules'];
const wanted = process.argv[2] ?? '';

const scratch = mkdtempSync(join(tmpdir(), 'indelible-mutants-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

function sourcesUnder(directory) {
  return readdirSync(directory, { recursive: true })
    .map((name) => join(directory, name))
    .filter((name) => name.endsWith('.ts'));
}

/** Strips the types of every source under `from` into `to`. @throws for one that does not parse. */
function compile(from, to) {
  for (const path of sourcesUnder(from)) {
    const { outputText, diagnostics } = ts.transpileModule(readFileSync(path, 'utf8'), {
      fileName: path,
      reportDiagnostics: true,
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
      },
    });
    if (diagnostics.length > 0) throw new Error(ts.formatDiagnostics(diagnostics, formatHost));
    const target = join(to, relative(from, path)).replace(/\.ts$/, '.js');
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
  }
}

const formatHost = {
  getCanonicalFileName: (name) => name,
  getCurrentDirectory: () => ROOT,
  getNewLine: () => '\n',
};

/** A compiled copy of the sources, patched if `patch` is given. @returns its directory. */
function prepare(name, patch) {
  const source = join(scratch, name, 'source');
  for (const path of SOURCES) cpSync(join(ROOT, path), join(source, path), { recursive: true });
  if (patch !== undefined) execFileSync('git', ['apply', '-p1', patch], { cwd: source, stdio: 'pipe' });
  const built = join(scratch, name, 'built');
  compile(source, built);
  writeFileSync(join(built, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(ROOT, 'node_modules'), join(built, 'node_modules'));
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

/** Runs every schedule until one breaks something. */
async function runSchedules(directory) {
  const { schedules } = await load(directory, 'test/simulation/schedules/all.js');
  for (const { name, run } of schedules) {
    try {
      run();
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

async function tryPatch(file) {
  const text = readFileSync(join(PATCHES, file), 'utf8');
  const killer = /^Killed by: (.*)$/m.exec(text)?.[1] ?? '';
  const directory = prepare(file, join(PATCHES, file));
  const found = killer.startsWith('schedule')
    ? await runSchedules(directory)
    : await simulateSeeds(directory, SEEDS, JSON.parse(/\{.*\}/.exec(killer)?.[0] ?? '{}'));
  return { killed: isKill(found, killer), found };
}

let passed = 0;
let failed = 0;

function report(ok, name, text, startedMs) {
  if (ok) passed++;
  else failed++;
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(40)} ${seconds.padStart(5)} s  ${text}`);
}

for (const file of readdirSync(PATCHES).sort()) {
  if (!file.endsWith('.patch') || !file.includes(wanted)) continue;
  const startedMs = Date.now();
  try {
    const { killed, found } = await tryPatch(file);
    const text = found === undefined ? 'survived' : `${found.where}: ${found.error.message}`;
    report(killed, file.replace('.patch', ''), text.slice(0, 150), startedMs);
  } catch (error) {
    report(false, file, `cannot be tried: ${error.stderr ?? error.stack}`, startedMs);
  }
}
if (wanted === '') {
  const startedMs = Date.now();
  const directory = prepare('unmutated', undefined);
  const found = (await runSchedules(directory)) ?? (await simulateSeeds(directory, SEEDS, {}));
  report(
    found === undefined,
    'the core as it is',
    found ? `${found.where}: ${found.error.stack}` : 'passes',
    startedMs,
  );
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
