/**
 * The argument checks of the addon under AddressSanitizer and UndefinedBehaviorSanitizer: builds an addon
 * with both and calls every function of it with what no caller should pass.
 *
 *   node test/native/fuzz-addon.mjs [--calls 1000000] [--seed 1]
 *   node test/native/fuzz-addon.mjs --seed 17 --calls 1 [--path 12:0:1]       replays what a failure printed
 *
 * Ends with `N passed, N failed`: the compilation, and one test a process of at most 100,000 calls.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, '..', '..');
const BUILD = 'build-native/sanitized-addon';
const ADDON = join(ROOT, BUILD, 'Release', 'indelible.node');
const CALLS_PER_PROCESS = 100_000;
const ASAN = 'detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=64';

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    path: { type: 'string' },
  },
});

let passed = 0;
let failed = 0;

function report(name, good, detail) {
  good ? passed++ : failed++;
  console.log(`${good ? 'ok  ' : 'FAIL'} ${name}${detail === '' ? '' : `: ${detail}`}`);
}

function run(command, args, env = {}) {
  const options = { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 28, env: { ...process.env, ...env } };
  const { status, signal, stdout, stderr } = spawnSync(command, args, options);
  return {
    good: status === 0 && signal === null,
    text: `${stdout}${stderr}`,
    ending: signal ?? `exit ${status}`,
  };
}

function build() {
  const options = ['--CDINDELIBLE_SANITIZE=ON', '--CDINDELIBLE_ADDON=ON', '--target', 'indelible_addon'];
  return run('npx', ['--no-install', 'cmake-js', 'compile', '--out', BUILD, ...options]);
}

/** The compiler's own, which has to be there before anything of Node.js is. */
function sanitizerLibrary() {
  return run('c++', ['-print-file-name=libasan.so']).text.trim();
}

function attempt(seed, calls) {
  const directory = mkdtempSync(join(tmpdir(), 'indelible-addon-'));
  const progress = join(directory, 'seed');
  writeFileSync(progress, String(seed));
  const child = join(HERE, 'fuzz-addon-child.mjs');
  const args = ['--expose-gc', child, ADDON, progress, String(seed), String(calls)];
  if (values.path !== undefined) args.push(values.path);
  const env = {
    LD_PRELOAD: sanitizerLibrary(),
    ASAN_OPTIONS: ASAN,
    UBSAN_OPTIONS: 'print_stacktrace=1',
    TMPDIR: directory,
  };
  const result = run(process.execPath, args, env);
  const reached = Number(readFileSync(progress, 'utf8'));
  rmSync(directory, { recursive: true });
  const called = Number(/^called (\d+)$/m.exec(result.text)?.[1] ?? 0);
  report(
    `arguments-${seed}`,
    result.good,
    result.good ? `${called} calls, seeds ${seed} … ${reached - 1}` : '',
  );
  if (!result.good) {
    console.log(`${result.ending}\n${result.text.slice(0, 6000)}`);
    console.log(`replay: node test/native/fuzz-addon.mjs --seed ${reached} --calls 1`);
  }
  return { ...result, called, next: reached };
}

const built = build();
report('compilation', built.good, built.good ? '' : built.text.slice(-4000));
if (built.good) {
  let left = Number(values.calls);
  let seed = Number(values.seed);
  while (left > 0 && failed === 0) {
    const { called, next } = attempt(seed, Math.min(left, CALLS_PER_PROCESS));
    left -= called;
    seed = next;
  }
  console.log(`${Number(values.calls) - Math.max(left, 0)} calls`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
