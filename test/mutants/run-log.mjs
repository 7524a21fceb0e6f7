/**
 * Plants each bug of test/mutants/log/ into a copy of native/, builds it, and runs the log crash check on it.
 *
 *   node test/mutants/run-log.mjs [--only name-part,name-part] [--histories 24]
 *
 * 1. The unmutated sources must pass the same check first.
 * 2. A mutant is killed by a violated property only: one that does not compile, that hangs or that crashes
 *    the process counts as failed, and so does one that survives.
 * Prints a table and ends with `N passed, N failed`.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const patches = join(here, 'log');
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    histories: { type: 'string', default: '24' },
  },
});
const chosen = values.only.split(',');
/** A mutant that survives, and the unmutated log, run all histories; on a loaded machine that is minutes. */
const CHECK_TIMEOUT_MS = 480_000;
const work = mkdtempSync(join(tmpdir(), 'indelible-mutants-'));

function headers() {
  const candidates = [join(dirname(process.execPath), '..', 'include', 'node'), '/usr/include/node'];
  const found = candidates.find((path) => existsSync(join(path, 'node_api.h')));
  if (found === undefined) throw new Error(`no node_api.h in ${candidates.join(' or ')}`);
  return found;
}

const cppHeaders = dirname(createRequire(import.meta.url).resolve('node-addon-api'));

/** Sources of the addon: everything directly in native/. */
function sources(directory) {
  return readdirSync(join(directory, 'native')).filter((name) => name.endsWith('.cc'));
}

/** Compiles what is older than the files it was made from, and links. */
function build(directory) {
  const defines = ['-DNAPI_VERSION=9', '-DNAPI_DISABLE_CPP_EXCEPTIONS'];
  const flags = [
    '-std=c++20',
    '-O1',
    '-fPIC',
    '-fno-exceptions',
    '-fno-rtti',
    '-fvisibility=hidden',
    ...defines,
  ];
  const objects = [];
  for (const name of sources(directory)) {
    const object = join(directory, `${name}.o`);
    objects.push(object);
    if (fresh(directory, object)) continue;
    const source = join('native', name);
    const includes = [`-I${headers()}`, `-I${cppHeaders}`, '-MMD', '-MF', `${object}.d`];
    execFileSync('g++', [...flags, ...includes, '-c', source, '-o', object], {
      cwd: directory,
      stdio: 'pipe',
    });
  }
  const addon = join(directory, 'indelible.node');
  execFileSync('g++', ['-shared', '-o', addon, ...objects, '-ldl'], { stdio: 'pipe' });
  return addon;
}

function fresh(directory, object) {
  if (!existsSync(object)) return false;
  const made = statSync(object).mtimeMs;
  const listed = readFileSync(`${object}.d`, 'utf8').replaceAll('\\\n', ' ').split(/\s+/).slice(1);
  return listed
    .filter((path) => path.startsWith('native/'))
    .every((path) => statSync(join(directory, path)).mtimeMs <= made);
}

/** `killed` with the violated property, or what happened instead. */
function check(addon) {
  const script = join(root, 'lib', 'cli', 'main.ts');
  const run = ['torture', '--backend', 'emulated', '--histories', values.histories, '--threads', '1'];
  const ran = spawnSync(process.execPath, ['--import', 'tsx', script, ...run, '--exhaustive', '7'], {
    cwd: root,
    env: { ...process.env, INDELIBLE_ADDON: addon },
    encoding: 'utf8',
    timeout: CHECK_TIMEOUT_MS,
  });
  const violation = /^violated: .*$/m.exec(ran.stderr)?.[0];
  if (ran.status === 1 && violation !== undefined) return { verdict: 'killed', why: violation };
  if (ran.status === 0) return { verdict: 'survived', why: '' };
  return {
    verdict: ran.signal === null ? 'crashed' : 'stopped',
    why: ran.stderr.trim().split('\n').at(-1) ?? '',
  };
}

function mutate(patch, base) {
  const directory = join(work, patch);
  cpSync(base, directory, { recursive: true, preserveTimestamps: true });
  try {
    execFileSync('git', ['apply', join(patches, patch)], { cwd: directory, stdio: 'pipe' });
    return check(build(directory));
  } catch (error) {
    return {
      verdict: 'not built',
      why: String(error.stderr ?? error)
        .trim()
        .split('\n')[0],
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

let passed = 0;
let failed = 0;
function report(name, good, verdict, why) {
  if (good) passed++;
  else failed++;
  console.log(`${good ? 'ok  ' : 'FAIL'} ${name.padEnd(34)} ${verdict.padEnd(10)} ${why.slice(0, 150)}`);
}

try {
  const base = join(work, 'unmutated');
  cpSync(join(root, 'native'), join(base, 'native'), { recursive: true, preserveTimestamps: true });
  const unmutated = check(build(base));
  report('(unmutated)', unmutated.verdict === 'survived', unmutated.verdict, unmutated.why);
  if (failed === 0) {
    for (const patch of readdirSync(patches).sort()) {
      if (!patch.endsWith('.patch') || !chosen.some((part) => patch.includes(part))) continue;
      const { verdict, why } = mutate(patch, base);
      report(patch.slice(0, -'.patch'.length), verdict === 'killed', verdict, why);
    }
  }
} finally {
  rmSync(work, { recursive: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
