/**
 * Which branches of the log, its region and its recovery, and of lib/storage, no test takes.
 *
 *   node test/native/coverage.mjs [--keep]
 *
 * 1. C++: Clang counts the branches of the sources below in the unit tests, in the corpora of the fuzz
 *    targets, and in the suites below through an addon that counts.
 * 2. TypeScript: V8 counts those of lib/storage in the same suites.
 * 3. A branch that is never taken is in coverage-gaps.json with its reason, or it fails this; so does an
 *    entry that names one that is taken now. One taken by chance, or on some machines, says `sometimes`.
 * Prints a table and what is wrong; ends with `N passed, N failed`. --keep leaves what was counted.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setUp, toolArguments } from '../tool-arguments.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, '..', '..');
const OUT = join(ROOT, 'build-native', 'coverage-out');
const ADDON = join(ROOT, 'build-native', 'coverage', 'indelible.node');
const GAPS = join(HERE, 'coverage-gaps.json');
const FUZZ_TARGETS = ['parse', 'region', 'inspect'];
const SOURCES = `file_probe log log_scrub log_state mapped_medium probe_window record_reader recovery
  region_file region_view root scrub static_header`;
const HEADERS = 'layout log_state record_builder record_reader record_table vote_index';
const NATIVE = [
  ...SOURCES.split(/\s+/).map((name) => `native/${name}.cc`),
  ...HEADERS.split(/\s+/).map((name) => `native/${name}.h`),
];
const SUITES = ['test/storage', 'test/native'];
const REPORT = join(OUT, 'v8');

const { values } = toolArguments({
  command: 'npm run coverage --',
  about: 'Names every branch of the log and its stores that no test takes. Needs clang and llvm.',
  options: { keep: { type: 'boolean', help: 'leaves what was counted, in build-native/coverage-out' } },
});
setUp('coverage');

function run(command, args, env = {}) {
  const { good, text } = attempt(command, args, env);
  if (!good) throw new Error(`${command} ${args.join(' ')}\n${text.slice(-6000)}`);
  return text;
}

function attempt(command, args, env = {}) {
  const options = { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 29, env: { ...process.env, ...env } };
  const { status, stdout, stderr } = spawnSync(command, args, options);
  return { good: status === 0, text: status === 0 ? stdout : `${stdout}${stderr}` };
}

/** Debian's have the version in their names. */
function tool(name) {
  return [`${name}-14`, name].find((candidate) => spawnSync('which', [candidate]).status === 0) ?? name;
}

function build(folder, ...options) {
  const directory = join(ROOT, 'build-native', folder);
  const compiler = `-DCMAKE_CXX_COMPILER=${tool('clang++')}`;
  run('cmake', ['-S', ROOT, '-B', directory, compiler, '-DINDELIBLE_COVERAGE=ON', ...options]);
  run('cmake', ['--build', directory, '--parallel', '2']);
  return directory;
}

/** The profile is kept up to date while a program runs: tests kill some. */
const profile = (name) => ({ LLVM_PROFILE_FILE: join(OUT, `${name}-%p%c.profraw`) });

function replayCorpus(directory, target) {
  const corpus = join(OUT, `corpus-${target}`);
  mkdirSync(corpus);
  const lines = readFileSync(join(HERE, 'corpus', `${target}.txt`), 'utf8')
    .trim()
    .split('\n');
  for (const [index, line] of lines.entries())
    writeFileSync(join(corpus, String(index)), Buffer.from(line, 'hex'));
  run(join(directory, `fuzz_${target}`), ['-runs=0', corpus], profile(`fuzz-${target}`));
}

/** Both kinds of coverage from one run of the suites. A test that fails there fails this. */
function runSuites() {
  const coverage = ['--coverage.enabled', '--coverage.provider=v8', '--coverage.include=lib/storage/**'];
  const always = '--coverage.reportOnFailure';
  const reporter = ['--coverage.reporter=json', `--coverage.reportsDirectory=${REPORT}`];
  // Everything that counts is slower than usual.
  const patience = ['--testTimeout=300000', '--hookTimeout=300000'];
  const args = ['--no-install', 'vitest', 'run', ...coverage, always, ...reporter, ...patience, ...SUITES];
  return attempt('npx', args, { ...profile('addon'), INDELIBLE_ADDON: ADDON });
}

/** One of the two ways of each condition: where it is, whether any program it is in took it. */
function nativeBranches(tests, fuzz) {
  const raw = readdirSync(OUT).filter((name) => name.endsWith('.profraw'));
  const merged = join(OUT, 'all.profdata');
  run(tool('llvm-profdata'), ['merge', '-sparse', '-o', merged, ...raw.map((name) => join(OUT, name))]);
  const programs = [ADDON, ...FUZZ_TARGETS.map((target) => join(fuzz, `fuzz_${target}`))];
  const objects = programs.flatMap((program) => ['-object', program]);
  const shown = ['export', join(tests, 'native_tests'), ...objects, `-instr-profile=${merged}`];
  const ways = new Map();
  for (const { filename, branches } of JSON.parse(run(tool('llvm-cov'), shown)).data[0].files) {
    const file = relative(ROOT, filename);
    if (!NATIVE.includes(file)) continue;
    for (const [line, column, , , whenTrue, whenFalse] of branches) {
      for (const [value, count] of Object.entries({ true: whenTrue, false: whenFalse })) {
        const way = `${column} ${value}`;
        const key = `${file}:${line}:${way}`;
        ways.set(key, { file, line, way, taken: count > 0 || ways.get(key)?.taken === true });
      }
    }
  }
  return [...ways.values()];
}

/** The same of TypeScript: `if`, `cond-expr` and the like, where it begins, and which of its ways. */
function typescriptBranches() {
  const files = JSON.parse(readFileSync(join(REPORT, 'coverage-final.json'), 'utf8'));
  return Object.entries(files).flatMap(([path, { branchMap, b }]) =>
    Object.entries(branchMap).flatMap(([id, { type, loc, locations }]) =>
      locations.map((_location, index) => ({
        file: relative(ROOT, path),
        line: loc.start.line,
        way: `${loc.start.column + 1} ${type} ${index + 1}`,
        taken: b[id][index] > 0,
      })),
    ),
  );
}

function table(branches) {
  const files = new Map();
  for (const { file, taken } of branches) {
    const counted = files.get(file) ?? { all: 0, taken: 0 };
    files.set(file, { all: counted.all + 1, taken: counted.taken + (taken ? 1 : 0) });
  }
  console.log(`${'file'.padEnd(40)} branches  taken      %`);
  for (const [file, { all, taken }] of [...files].sort()) {
    const percent = ((100 * taken) / all).toFixed(1).padStart(6);
    console.log(`${file.padEnd(40)} ${String(all).padStart(8)} ${String(taken).padStart(6)} ${percent}`);
  }
}

/** Lines are known by their text and how many like it are above, so that others may come and go. */
const nameOf = (() => {
  const texts = new Map();
  return (file, line) => {
    if (!texts.has(file)) texts.set(file, readFileSync(join(ROOT, file), 'utf8').split('\n'));
    const lines = texts.get(file).map((each) => each.trim());
    const text = lines[line - 1];
    const nth = lines.slice(0, line).filter((each) => each === text).length;
    return nth === 1 ? text : `${text} (${nth})`;
  };
})();

/** Every way that is not taken is named, and every way that is named is not taken. */
function judge(branches, suites) {
  const gaps = JSON.parse(readFileSync(GAPS, 'utf8'));
  const named = new Map();
  for (const { file, line, ways, sometimes = false } of gaps) {
    for (const way of ways) named.set(`${file}: ${line}: ${way}`, { sometimes, there: false });
  }
  let failed = 0;
  let passed = 0;
  const complain = (sentence) => {
    failed++;
    console.log(`FAIL ${sentence}`);
  };
  if (!suites.good) complain(`the suites\n${suites.text.slice(-6000)}`);
  for (const { file, line, way, taken } of branches) {
    const gap = named.get(`${file}: ${nameOf(file, line)}: ${way}`);
    if (gap !== undefined) gap.there = true;
    if (taken === (gap === undefined) || gap?.sometimes) passed++;
    else if (taken)
      complain(`${file}:${line} has a reason not to be taken, and is: ${way}: ${nameOf(file, line)}`);
    else complain(`${file}:${line} is never taken: ${way}: ${nameOf(file, line)}`);
  }
  for (const [name, { there }] of named) if (!there) complain(`named, and no branch any more: ${name}`);
  console.log(`${named.size} branches with a reason in ${relative(ROOT, GAPS)}`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
const tests = build('coverage', '-DINDELIBLE_ADDON=ON');
const fuzz = build('coverage-fuzz', '-DINDELIBLE_FUZZ=ON');
run(join(tests, 'native_tests'), [], profile('tests'));
for (const target of FUZZ_TARGETS) replayCorpus(fuzz, target);
const suites = runSuites();
const branches = [...nativeBranches(tests, fuzz), ...typescriptBranches()];
table(branches);
judge(branches, suites);
if (!values.keep) rmSync(OUT, { recursive: true });
