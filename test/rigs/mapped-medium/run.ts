/**
 * Whether the mapped medium asks of libpmem and the kernel just what the recording medium stands for: all
 * that the crash images prove rests on it.
 *
 *   node --import tsx test/rigs/mapped-medium/run.ts [first seed] [seeds]
 *
 * Runs itself under the recording libpmem; the same log, the same operations, once over a mapped file and
 * once over the recording medium, in each mode. A violation goes to stderr as `violated: …`, and the exit
 * code is
 * 1. INDELIBLE_ADDON names another addon than the built one.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { nativeAddon } from '../../../lib/native/binding.js';
import { type DigestFunction, useDigestFunction } from '../../../lib/storage/crc64.js';
import { nativeFormat } from '../../../lib/storage/pmem-format.js';
import { formatImage } from '../../../lib/storage/pmem-recording.js';
import { PROJECT_ROOT } from '../../packaging/sources.js';
import { durableImage, expectedSteps, type MappedMode, recordedSteps, type Steps } from './expected-calls.js';
import { RecordedCalls } from './recorded-calls.js';
import { MappedTwin, RecordedTwin } from './twins.js';
import { live } from './workload.js';

const LOG_OFFSET = 0x4000;
const IDENTITY = { clusterId: 'c1'.repeat(16), replicaId: 2, storeUuid: '5e'.repeat(16) };
const SHAPE = { identity: IDENTITY, logBytes: 128 << 10, recordBytesMax: 8192 };
const ALIGNMENTS: Readonly<Record<MappedMode, number>> = { pmem: 256, emulated: 64, msync: 4096 };
const MODES: readonly MappedMode[] = ['pmem', 'emulated', 'msync'];

class Violated extends Error {}

/** Under the recorder, with a directory that goes. @returns the exit code */
function runRecorded(): number {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'indelible-mapped-'));
  try {
    const library = path.join(directory, 'recording_libpmem.so');
    const source = path.join(PROJECT_ROOT, 'native', 'rigs', 'recording_libpmem.cc');
    const flags = ['-std=c++20', '-O2', '-Wall', '-Wextra', '-fPIC', '-shared', '-Wl,-soname,libpmem.so.1'];
    const compiled = spawnSync('c++', [...flags, '-o', library, source, '-ldl'], { encoding: 'utf8' });
    if (compiled.status !== 0) throw new Error(`the recorder does not compile:\n${compiled.stderr}`);
    const env = { ...process.env, LD_PRELOAD: library, RECORDED_CALLS: path.join(directory, 'calls') };
    const here = fileURLToPath(import.meta.url);
    const child = spawnSync(process.execPath, ['--import', 'tsx', here, ...process.argv.slice(2)], {
      env,
      stdio: 'inherit',
    });
    return child.status ?? 2;
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

function difference(expected: Steps, found: Steps): string | undefined {
  for (let at = 0; at < Math.max(expected.length, found.length); at++) {
    if (expected[at] === found[at]) continue;
    return `step ${at + 1} is "${found[at] ?? 'missing'}", not "${expected[at] ?? 'the end'}"`;
  }
  return undefined;
}

function setMode(mode: MappedMode): void {
  for (const name of ['RECORDED_IS_PMEM', 'RECORDED_TOUCHES']) delete process.env[name];
  if (mode === 'pmem') process.env['RECORDED_IS_PMEM'] = '1';
  if (mode === 'msync') process.env['RECORDED_TOUCHES'] = '1';
}

/** The same log in one mode, over both media. */
class Comparison {
  readonly #mode: MappedMode;
  readonly #recorded: RecordedTwin;
  readonly #mapped: MappedTwin;
  /** By life. */
  readonly #expected: Steps[] = [];
  readonly #words: number[][] = [];
  /** What the calls so far have made durable. */
  #durable: Uint8Array;

  constructor(mode: MappedMode, seed: number, directory: string) {
    this.#mode = mode;
    const image = formatImage({ ...SHAPE, alignment: ALIGNMENTS[mode], incarnation: seed + 1 });
    this.#recorded = new RecordedTwin(mode, image);
    this.#mapped = new MappedTwin(path.join(directory, `${mode}-${seed}.region`), mode, image);
    this.#durable = Uint8Array.from(image);
  }

  /** @returns how many calls were compared */
  async run(seed: number, calls: RecordedCalls): Promise<number> {
    await live(this.#recorded, seed, () => this.#noteLife());
    calls.take();
    let [life, compared] = [0, 0];
    const spoiled = (offset: number, bits: number): void => {
      this.#durable[offset]! ^= bits;
      calls.take();
    };
    this.#mapped.onFlip = spoiled;
    await live(this.#mapped, seed, () => {
      const made = calls.take();
      const what = difference(this.#expected[life]!, recordedSteps(this.#mode, made));
      if (what !== undefined) throw new Violated(`in life ${life + 1}, ${what}`);
      this.#durable = durableImage(this.#durable, made);
      compared += made.length;
      return this.#words[life++]!;
    });
    const region = this.#mapped.bytes();
    this.#same(region, this.#recorded.bytes(), LOG_OFFSET, 'is not what the recording medium has');
    this.#same(region, this.#durable, 0, 'was never made durable');
    return compared;
  }

  #noteLife(): readonly number[] {
    const trace = this.#recorded.takeTrace();
    this.#expected.push(expectedSteps(this.#mode, trace));
    const commits = trace.filter(({ kind, site }) => kind === 'store' && site === 'append.commit');
    this.#words.push(commits.map(({ offset }) => offset));
    return this.#words.at(-1)!;
  }

  #same(region: Uint8Array, other: Uint8Array, from: number, what: string): void {
    const at = region.findIndex((byte, index) => index >= from && byte !== other[index]);
    if (at >= 0) throw new Violated(`after an orderly close the byte at ${at} ${what}`);
  }
}

/** A region gets its name once it is durable, and its name is durable on return. */
function compareFormat(calls: RecordedCalls, directory: string): void {
  const regions = path.join(directory, 'all.regions');
  fs.mkdirSync(regions);
  const file = path.join(regions, 'new.region');
  calls.take();
  nativeAddon().formatFile(file, nativeFormat(SHAPE, 0));
  let written = 0;
  const steps = calls.take().flatMap(({ kind, name, offset }) => {
    if (kind === 'pwrite') written += offset;
    const what = name.includes('.region.formatting') ? 'temporary' : path.basename(name);
    return name.includes('.region') ? [`${kind} ${what}`] : [];
  });
  const found = steps.filter((step, at) => step !== steps[at - 1]);
  const expected = ['pwrite temporary', 'fsync temporary', 'rename new.region', 'fsync all.regions'];
  const what = difference(expected, found);
  if (what !== undefined) throw new Violated(`of a format, ${what}`);
  const wanted = LOG_OFFSET + SHAPE.logBytes;
  if (written !== wanted) throw new Violated(`of a format's ${wanted} bytes ${written} were written`);
}

async function main(file: string): Promise<void> {
  useDigestFunction(nativeAddon().digestOf as DigestFunction);
  const [first = '1', count = '4'] = process.argv.slice(2);
  const directory = path.dirname(file);
  fs.writeFileSync(file, '');
  const calls = new RecordedCalls(file);
  compareFormat(calls, directory);
  for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
    for (const mode of MODES) {
      setMode(mode);
      try {
        const compared = await new Comparison(mode, seed, directory).run(seed, calls);
        console.log(`seed ${seed}, ${mode}: ${compared} calls as they should be`);
      } catch (error) {
        if (!(error instanceof Violated)) throw error;
        throw new Violated(`${error.message}\nseed ${seed} (${mode})`);
      }
    }
  }
}

const recording = process.env['RECORDED_CALLS'];
if (recording === undefined) process.exit(runRecorded());
try {
  await main(recording);
} catch (error) {
  if (!(error instanceof Violated)) throw error;
  console.error(`violated: ${error.message}`);
  process.exitCode = 1;
}
