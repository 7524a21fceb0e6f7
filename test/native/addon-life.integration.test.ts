/**
 * The addon at the edges of its life: collected, closed, borrowed, in threads, at exit. What could take a
 * process down runs in a process of its own, from dist/, because a worker and a child load compiled files.
 */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nativeAddon } from '../../lib/native/binding.js';
import {
  HEAD_NUMBERS,
  type NativeLog,
  type NativeRecordingLog,
  ROW_NUMBERS,
  RUN_NUMBERS,
} from '../../lib/native/log.js';
import { openPmem } from '../../lib/storage/pmem.js';
import type { Storage } from '../../lib/storage/storage.js';

const ADDON = fileURLToPath(new URL('../../build/Release/indelible.node', import.meta.url));
const DIST = new URL('../../dist/', import.meta.url).href;
const FORMAT = {
  clusterId: new Uint8Array(16).fill(1),
  storeUuid: new Uint8Array(16).fill(2),
  replicaId: 1,
  alignment: 64,
  logBytes: 1 << 20,
  recordBytesMax: 1 << 16,
  recordItemsMax: 64,
  incarnation: 7,
};
const BALLOT = 2 ** 16 + 1;

/** What every child and worker begins with. */
const PRELUDE = `
  import { createRequire } from 'node:module';
  import { setImmediate as turn } from 'node:timers/promises';
  import { Worker } from 'node:worker_threads';
  import { formatPmem, openPmem } from '${DIST}storage/pmem.js';
  import { nativeAddon } from '${DIST}native/binding.js';
  const require = createRequire('${DIST}');
  const identity = { clusterId: '01'.repeat(16), storeUuid: '02'.repeat(16), replicaId: 1 };
  const open = (path) => openPmem({ path, mode: 'emulated' });
  const create = (path) => {
    formatPmem({ path, identity, logBytes: 1 << 20, recordBytesMax: 1 << 16 });
    return open(path);
  };
  const bytes = new Uint8Array(64).fill(5);
  const digest = nativeAddon().digestOf(bytes, 0, 64);
  const vote = (store, slot) => {
    if (!store.stageVote(slot, ${BALLOT}, 1, digest, bytes, 0, 64)) throw new Error('no room');
    store.commit(0);
  };
`;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'indelible-life-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

interface Ended {
  readonly code: number | string | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a program with `paths` as its arguments. */
function run(program: string, paths: readonly string[]): Promise<Ended> {
  const flags = ['--expose-gc', '--input-type=module', '--eval', PRELUDE + program, '--', ...paths];
  return new Promise((resolve) => {
    execFile(process.execPath, flags, (error, output, errors) => {
      resolve({ code: error?.code ?? 0, signal: error?.signal ?? null, output, errors });
    });
  });
}

const ENDED_WELL = { code: 0, signal: null, errors: '' };

function slotsOf(path: string): number[] {
  const store: Storage = openPmem({ path, mode: 'emulated' });
  const slots = store.recovered.votes.map(({ slot }) => slot);
  void store.close();
  return slots;
}

function openRecording(): NativeRecordingLog {
  const image = nativeAddon().formatImage(FORMAT);
  return nativeAddon().openRecording(image, image, 0, 0);
}

/** Where runs lie in the table of a log of 64 rows. */
const RUNS_AT = HEAD_NUMBERS + 64 * ROW_NUMBERS;

/** Writes one vote through the bare addon. */
function append(log: NativeLog, slot: number, call: (source: ArrayBuffer) => void): void {
  const bytes = new Uint8Array(64).fill(slot);
  const { table } = log;
  table.set([1, 0, 1, 0, nativeAddon().digestOf(bytes, 0, 64), 64]);
  table.set([slot, BALLOT, 1, 0], RUNS_AT);
  call(bytes.buffer);
}

const ARGUMENTS: Record<string, unknown[]> = {
  makeRoom: [64, 0],
  trim: [1, 1],
  readVote: [1],
  crashImage: [1],
};

describe('a log that is closed', () => {
  it('is closed twice without harm', () => {
    const log = openRecording();
    log.close(1);
    log.close(1);
    log.release();
    log.release();
    expect(() => log.close(0)).not.toThrow();
  });

  it('refuses every call with one clear error', () => {
    const log = openRecording();
    log.close(0);
    log.release();
    const entries = Object.entries(log).filter(([name, value]) => {
      return typeof value === 'function' && name !== 'close' && name !== 'release';
    });
    expect(entries.length).toBeGreaterThan(14);
    for (const [name, method] of entries) {
      expect(() => method(...(ARGUMENTS[name] ?? [])), name).toThrow(
        expect.objectContaining({ code: 'ERR_INDELIBLE_STORE_CLOSED', message: 'the store is closed' }),
      );
    }
    expect(log.table.length).toBe(RUNS_AT + 64 * RUN_NUMBERS);
  });
});

describe('a borrowed function', () => {
  it('works on the log it came from, whatever it is called on', () => {
    const [one, other] = [openRecording(), openRecording()];
    append(one, 1, (source) => one.append.call(other, source));
    append(one, 2, (source) => Reflect.apply(one.append, undefined, [source]));
    expect(one.readVote.call({} as NativeLog, 2)).toEqual(new Uint8Array(64).fill(2));
    expect(one.counters()[0]).toBe(2);
    expect(other.counters()[0]).toBe(0);
    other.close(0);
    expect(one.readVote.call(other, 1)).toEqual(new Uint8Array(64).fill(1));
  });

  it.each([
    ['a view', new Uint8Array(64)],
    ['a number', 64],
    ['null', null],
  ])('refuses %s instead of an ArrayBuffer', (_what, source) => {
    const log = openRecording();
    expect(() => append(log, 1, () => log.append(source as unknown as ArrayBuffer))).toThrow(
      expect.objectContaining({ code: 'ERR_INDELIBLE_ARGUMENT' }),
    );
  });

  it('refuses an ArrayBuffer that was transferred away', () => {
    const log = openRecording();
    const transferred = (source: ArrayBuffer): void => {
      structuredClone(source, { transfer: [source] });
      log.append(source);
    };
    expect(() => append(log, 1, transferred)).toThrow(
      expect.objectContaining({ code: 'ERR_INDELIBLE_ARGUMENT' }),
    );
    expect(log.counters()[0]).toBe(0);
  });
});

describe('the collector', () => {
  it('keeps a log as long as one of its functions can be called', async () => {
    const program = `
      const format = ${JSON.stringify({ ...FORMAT, clusterId: 0, storeUuid: 0 })};
      const uuid = new Uint8Array(16);
      const image = nativeAddon().formatImage({ ...format, clusterId: uuid, storeUuid: uuid });
      const partsOf = ({ append, counters, table }) => ({ append, counters, table });
      const parts = partsOf(nativeAddon().openRecording(image, image, 0, 0, 0));
      const { append, counters } = parts;
      parts.table.set([1, 0, 1, 0, digest, 64]);
      parts.table.set([0, ${BALLOT}, 1, 0], ${RUNS_AT});
      for (let slot = 1; slot <= 200; slot++) {
        if (slot % 10 === 0) { gc(); await turn(); }
        parts.table[${RUNS_AT}] = slot;
        append(bytes.buffer);
      }
      console.log(counters()[0]);
    `;
    expect(await run(program, [])).toMatchObject({ ...ENDED_WELL, output: '200\n' });
  });

  it('closes a region nobody can reach any more, and its votes are there', async () => {
    const program = `
      const path = process.argv[1];
      (() => { vote(create(path), 1); })();
      let again;
      for (let attempt = 0; attempt < 1000 && again === undefined; attempt++) {
        gc();
        await turn();
        try { again = open(path); } catch (error) {
          if (error.code !== 'ERR_INDELIBLE_STORE_LOCKED') throw error;
        }
      }
      console.log(again.recovered.votes.length, again.recovered.clean);
    `;
    const path = join(directory, 'forgotten');
    expect(await run(program, [path])).toMatchObject({ ...ENDED_WELL, output: '1 false\n' });
  });
});

describe('the end of a process or a thread', () => {
  it('leaves a region that was open with every vote that was answered', async () => {
    const path = join(directory, 'exit');
    const program = `
      const store = create(process.argv[1]);
      for (let slot = 1; slot <= 50; slot++) vote(store, slot);
      process.exit(0);
    `;
    expect(await run(program, [path])).toMatchObject(ENDED_WELL);
    expect(slotsOf(path)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  });

  it('closes what each worker had open, whether it ended or was terminated', async () => {
    const paths = ['first', 'second', 'third', 'endless'].map((name) => join(directory, name));
    const worker = `${PRELUDE}
      const { parentPort, workerData } = await import('node:worker_threads');
      const store = create(workerData);
      for (let slot = 1; slot <= 100; slot++) vote(store, slot);
      parentPort.postMessage('voted');
      while (workerData.endsWith('endless')) vote(store, 100);
    `;
    const program = `
      const source = new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(worker)}));
      const ended = process.argv.slice(1).map((workerData) => new Promise((resolve, reject) => {
        const worker = new Worker(source, { workerData });
        worker.on('error', reject);
        worker.on('exit', resolve);
        if (workerData.endsWith('endless')) worker.on('message', () => worker.terminate());
      }));
      console.log((await Promise.all(ended)).join());
      for (const path of process.argv.slice(1)) console.log(open(path).recovered.votes.length);
    `;
    const ended = await run(program, paths);
    expect(ended).toMatchObject({ ...ENDED_WELL, output: '0,0,0,1\n100\n100\n100\n100\n' });
  });
});

describe('two copies of the addon in one process', () => {
  it('do not disturb each other, and one region is still opened once', async () => {
    const copy = join(directory, 'copy.node');
    copyFileSync(ADDON, copy);
    const program = `
      const [path, copy] = process.argv.slice(1);
      const store = create(path);
      vote(store, 1);
      const other = require(copy);
      try { other.openFile(path, 1, 0, 0); } catch (error) { console.log(error.code); }
      await store.close();
      const log = other.openFile(path, 1, 0, 0);
      console.log(log.recovered().votes.length, other.digestOf(bytes, 0, 64) === digest);
      vote(create(path + '-next'), 1);
    `;
    const ended = await run(program, [join(directory, 'twice'), copy]);
    expect(ended).toMatchObject({ ...ENDED_WELL, output: 'ERR_INDELIBLE_STORE_LOCKED\n6 true\n' });
  });
});
