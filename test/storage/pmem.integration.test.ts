/**
 * The storage contract on emulated persistent memory, in every way of making it durable; and what is only
 * pmem's.
 */
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../lib/storage/crc64.js';
import { formatPmem, inspectPmem, type OpenPmemOptions, openPmem } from '../../lib/storage/pmem.js';
import { ballotOf, IDENTITY, SHAPE, stage, storageContract } from '../contract/storage.js';

const directories: string[] = [];

function freshPath(): string {
  const directory = mkdtempSync(join(tmpdir(), 'indelible-pmem-'));
  directories.push(directory);
  return join(directory, 'region');
}

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

const withCode = (code: string): unknown => expect.objectContaining({ code });

/** From the record's number, in its header, to the bytes of its only vote. */
const HEADER_BEFORE_BYTES = 160;

function contract(name: string, options: Omit<OpenPmemOptions, 'path' | 'mode'>, alignment: number): void {
  storageContract<string>(name, {
    async format(shape) {
      const path = freshPath();
      formatPmem({ ...shape, alignment, path });
      return path;
    },
    async formatAgain(path, shape) {
      formatPmem({ ...shape, alignment, path });
    },
    async open(path) {
      return openPmem({ path, mode: 'emulated', ...options });
    },
    async nowhere() {
      return freshPath();
    },
    // What kill -9 leaves is what every mapping of the file sees.
    async crash(storage, path) {
      const survivor = freshPath();
      copyFileSync(path, survivor);
      await storage.close();
      return survivor;
    },
    // The mapping sees what is written to the file.
    async rot(path, bytes, where) {
      const at = readFileSync(path).indexOf(bytes);
      const file = openSync(path, 'r+');
      const spoilt = where === 'bytes' ? at + 700 : at - HEADER_BEFORE_BYTES;
      const byte = new Uint8Array(1);
      readSync(file, byte, 0, 1, spoilt);
      writeSync(
        file,
        byte.map((value) => value ^ 0x10),
        0,
        1,
        spoilt,
      );
      closeSync(file);
    },
    async dispose(path) {
      rmSync(path, { force: true });
    },
  });
}

contract('emulated, two fences', {}, 64);
contract('emulated, fused', { pipeline: 'fused' }, 256);
contract('emulated, msync', { sync: 'msync' }, 4096);

describe('a region', () => {
  it('says what it survives', async () => {
    const path = freshPath();
    formatPmem({ ...SHAPE, path });
    const storage = openPmem({ path, mode: 'emulated' });
    expect(storage).toMatchObject({ mode: 'emulated', durability: 'process', identity: IDENTITY });
    await storage.close();
  });

  it('is not called persistent memory unless it is', () => {
    const path = freshPath();
    formatPmem({ ...SHAPE, path });
    expect(() => openPmem({ path, mode: 'pmem' })).toThrow(withCode('ERR_INDELIBLE_NOT_PERSISTENT_MEMORY'));
    process.env['PMEM_IS_PMEM_FORCE'] = '1';
    try {
      expect(() => openPmem({ path, mode: 'pmem' })).toThrow(/PMEM_IS_PMEM_FORCE/);
    } finally {
      delete process.env['PMEM_IS_PMEM_FORCE'];
    }
  });

  it('is refused where it belongs to another replica, and left alone', async () => {
    const path = freshPath();
    formatPmem({ ...SHAPE, path });
    const expectOther = { replicaId: IDENTITY.replicaId + 1 };
    expect(() => openPmem({ path, mode: 'emulated', expect: expectOther })).toThrow(
      withCode('ERR_INDELIBLE_STORE_FOREIGN'),
    );
    await openPmem({ path, mode: 'emulated', expect: IDENTITY }).close();
  });

  it.each([
    ['an empty file', (path: string) => writeFileSync(path, ''), 'ERR_INDELIBLE_STORE_FOREIGN'],
    [
      'another file',
      (path: string) => writeFileSync(path, Buffer.alloc(1 << 20, 7)),
      'ERR_INDELIBLE_STORE_FOREIGN',
    ],
    ['a truncated region', (path: string) => truncateSync(path, 100_000), 'ERR_INDELIBLE_STORE_CORRUPT'],
    [
      'a directory',
      (path: string) => {
        rmSync(path);
        mkdirSync(path);
      },
      'ERR_INDELIBLE_STORE_IO',
    ],
  ])('refuses %s', (_what, spoil, code) => {
    const path = freshPath();
    formatPmem({ ...SHAPE, path });
    spoil(path);
    expect(() => openPmem({ path, mode: 'emulated' })).toThrow(withCode(code));
  });

  it('refuses options that mean nothing or do not go together', () => {
    const path = freshPath();
    const wrong = [
      { path, mode: 'file' },
      { path, mode: 'pmem', sync: 'msync' },
      { path, mode: 'emulated', pipeline: 'quick' },
      { path, mode: 'emulated', pipelin: 'fused' },
    ] as unknown as OpenPmemOptions[];
    for (const options of wrong) {
      expect(() => openPmem(options)).toThrow(withCode('ERR_INDELIBLE_ARGUMENT'));
    }
    formatPmem({ ...SHAPE, path });
    expect(() => openPmem({ path, mode: 'emulated', sync: 'msync' })).toThrow(/alignment/);
  });

  it('can be looked at while it is open, and when it is damaged', async () => {
    const path = freshPath();
    formatPmem({ ...SHAPE, path });
    const storage = openPmem({ path, mode: 'emulated' });
    stage(storage, 1, ballotOf(3), 100);
    storage.commit(0);
    const found = { records: [{ number: 1, word: 'committed', items: [{ slot: 1, ballot: ballotOf(3) }] }] };
    expect(inspectPmem(path)).toMatchObject({ verdict: '', ...found });
    await storage.close();
    truncateSync(path, 100_000);
    expect(inspectPmem(path)).toMatchObject({ verdict: expect.stringContaining('shorter') });
  });

  it('writes nothing when the bytes of a group were taken away, and is poisoned', async () => {
    const path = freshPath();
    formatPmem({ ...SHAPE, path });
    const storage = openPmem({ path, mode: 'emulated' });
    const view = new Uint8Array(64);
    const stageFrom = (slot: number): boolean =>
      storage.stageVote(slot, ballotOf(3), 1, digestOf(view, 0, 8), view, 0, 8);
    stageFrom(1);
    storage.commit(0);
    stageFrom(2);
    structuredClone(view.buffer, { transfer: [view.buffer] });
    stageFrom(3);
    expect(() => storage.commit(0)).toThrow(withCode('ERR_INDELIBLE_ARGUMENT'));
    expect(storage.durableThrough).toBe(1);
    expect(() => stageFrom(4)).toThrow(withCode('ERR_INDELIBLE_STORE_POISONED'));
    await storage.close();
    const again = openPmem({ path, mode: 'emulated' });
    expect(again.recovered.votes.map(({ slot }) => slot)).toEqual([1]);
    await again.close();
  });
});
