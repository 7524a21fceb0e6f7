/**
 * Runs the fuzz targets of native/fuzz: first every input of the corpus, then new ones.
 *
 *   node test/native/fuzz.mjs [--targets region,parse,inspect] [--seconds 30 | --runs 10000000] [--seed 1]
 *                             [--merge]          writes what was new and useful back into test/native/corpus
 *   node test/native/fuzz.mjs --targets region --input FILE                              replays one finding
 *
 * 1. The corpus is one text file a target, one input a line in hex: test/native/corpus/<target>.txt.
 * 2. A finding is kept in build-native/fuzz/findings and printed with the command that replays it.
 * Ends with `N passed, N failed`: the compilation, and two tests a target.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setUp, toolArguments } from '../tool-arguments.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const BUILD = join(ROOT, 'build-native', 'fuzz');
const FINDINGS = join(BUILD, 'findings');
const CORPUS = join(ROOT, 'test', 'native', 'corpus');
const TARGETS = ['parse', 'region', 'inspect'];
/** No input needs more; an allocation above the limit was sized by something read from the region. */
const INPUT_BYTES_MAX = 256;
const ALLOCATION_MIB_MAX = 16;

const { values } = toolArguments({
  command: 'npm run fuzz --',
  about:
    'Fuzzes what reads a region: the inputs of the corpus, then new ones. Needs clang (npm run fuzz installs it).',
  options: {
    targets: { type: 'string', default: TARGETS.join(','), value: 'NAMES', help: 'which' },
    seconds: { type: 'number', default: 30, help: 'of new inputs, for each target' },
    runs: { type: 'number', help: 'new inputs, instead of a time' },
    seed: { type: 'number', default: 1, help: 'of the new inputs' },
    merge: { type: 'boolean', help: 'writes what was new and useful back into the corpus' },
    input: { type: 'string', value: 'FILE', help: 'replays one finding of the one target that is named' },
  },
});
setUp('fuzz');
let passed = 0;
let failed = 0;

function report(name, good, detail) {
  good ? passed++ : failed++;
  console.log(`${good ? 'ok  ' : 'FAIL'} ${name}${detail === '' ? '' : `: ${detail}`}`);
}

function run(command, args, options = {}) {
  const { status, signal, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    ...options,
  });
  return { good: status === 0 && signal === null, text: `${stdout}${stderr}` };
}

/** Clang brings libFuzzer; g++ does not. */
function compiler() {
  return ['clang++-14', 'clang++'].find((name) => run('which', [name]).good);
}

function build() {
  mkdirSync(FINDINGS, { recursive: true });
  const found = compiler();
  if (found === undefined) return { good: false, text: 'clang++ is missing: node setup.mjs --for=fuzz' };
  const options = [`-DCMAKE_CXX_COMPILER=${found}`, '-DINDELIBLE_FUZZ=ON'];
  const configured = run('cmake', ['-S', ROOT, '-B', BUILD, ...options]);
  return configured.good ? run('cmake', ['--build', BUILD, '--parallel', '2']) : configured;
}

function unpack(target, directory) {
  const file = join(CORPUS, `${target}.txt`);
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const inputs = lines
    .filter((line) => /^([0-9a-f]{2})+$/.test(line))
    .map((line) => Buffer.from(line, 'hex'));
  for (const input of inputs) {
    writeFileSync(join(directory, createHash('sha1').update(input).digest('hex')), input);
  }
  return inputs.length;
}

function pack(target, directory) {
  const lines = readdirSync(directory).map((name) => readFileSync(join(directory, name)).toString('hex'));
  const short = (a, b) => a.length - b.length || (a < b ? -1 : 1);
  mkdirSync(CORPUS, { recursive: true });
  const text = [...new Set(lines)]
    .filter((line) => line !== '')
    .sort(short)
    .join('\n');
  writeFileSync(join(CORPUS, `${target}.txt`), `${text}\n`);
}

const fuzzer = (target) => join(BUILD, `fuzz_${target}`);
const LIMITS = [`-max_len=${INPUT_BYTES_MAX}`, `-malloc_limit_mb=${ALLOCATION_MIB_MAX}`, '-entropic=0'];

/** What libFuzzer says in many lines, in one; or what was violated, and how to see it again. */
function summary(target, { good, text }) {
  const last = text.match(/^#\d+\s+(DONE|INITED).*$/gm)?.at(-1) ?? '';
  if (good) return last.replace(/\s+/g, ' ');
  const why = text.match(/does not hold: .*|runtime error: .*|ERROR: .*/)?.[0] ?? text.slice(-2000);
  const file = text.match(/Test unit written to (\S+)/)?.[1];
  const replay = `node test/native/fuzz.mjs --targets ${target} --input ${relative(ROOT, file ?? 'FILE')}`;
  return `${why}\nreplay: ${replay}\n${text.match(/^ +#\d+ .*native.*$/gm)?.join('\n') ?? ''}`;
}

function fuzz(target) {
  const corpus = mkdtempSync(join(tmpdir(), `indelible-fuzz-${target}-`));
  try {
    const inputs = unpack(target, corpus);
    const artifacts = [`-artifact_prefix=${FINDINGS}/`, `-seed=${values.seed}`];
    const replayed = run(fuzzer(target), [...LIMITS, ...artifacts, '-runs=0', corpus]);
    report(`${target}-corpus`, replayed.good, `${inputs} inputs, ${summary(target, replayed)}`);
    const budget = values.runs === undefined ? `-max_total_time=${values.seconds}` : `-runs=${values.runs}`;
    const begun = Date.now();
    const result = run(fuzzer(target), [...LIMITS, ...artifacts, budget, corpus]);
    const seconds = Math.round((Date.now() - begun) / 1000);
    report(`${target}-new`, result.good, `seed ${values.seed}, ${seconds} s, ${summary(target, result)}`);
    if (values.merge && result.good) merge(target, corpus);
  } finally {
    rmSync(corpus, { recursive: true });
  }
}

function merge(target, corpus) {
  const minimal = mkdtempSync(join(tmpdir(), `indelible-corpus-${target}-`));
  const result = run(fuzzer(target), ['-merge=1', ...LIMITS, minimal, corpus]);
  if (result.good) pack(target, minimal);
  rmSync(minimal, { recursive: true });
  report(
    `${target}-merge`,
    result.good,
    result.text.match(/MERGE-OUTER: \d+ new files.*/)?.[0] ?? result.text,
  );
}

const built = build();
report('compilation', built.good, built.good ? '' : built.text.slice(-4000));
if (built.good && values.input !== undefined) {
  const { good, text } = run(fuzzer(values.targets), [values.input]);
  console.log(text);
  report(values.input, good, '');
} else if (built.good) {
  for (const target of values.targets.split(',')) fuzz(target);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
