/**
 * What calling the addon with anything at all has found: each once ended the process, or did something else.
 */
import { closeSync, existsSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nativeAddon } from '../../lib/native/binding.js';

const FORMAT = {
  clusterId: new Uint8Array(16).fill(1),
  storeUuid: new Uint8Array(16).fill(2),
  replicaId: 1,
  alignment: 64,
  logBytes: 32 << 10,
  recordBytesMax: 4096,
  recordItemsMax: 64,
  incarnation: 7,
};
const ARGUMENT = expect.objectContaining({ code: 'ERR_INDELIBLE_ARGUMENT' });

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'indelible-findings-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

it('a file larger than memory is described, not read as a whole', () => {
  const path = join(directory, 'sparse');
  const file = openSync(path, 'w');
  ftruncateSync(file, 2 ** 42);
  closeSync(file);
  const { regionBytes, verdict } = JSON.parse(nativeAddon().inspect(path));
  expect({ regionBytes, verdict }).toEqual({ regionBytes: 2 ** 42, verdict: 'not an Indelible region' });
});

it('an image larger than memory is refused', () => {
  expect(() => nativeAddon().formatImage({ ...FORMAT, logBytes: 2 ** 44 })).toThrow(ARGUMENT);
});

it('a path with a NUL in it is no other path', () => {
  const path = join(directory, 'region');
  expect(() => nativeAddon().formatFile(`${path}\0.region`, FORMAT)).toThrow(ARGUMENT);
  expect(existsSync(path)).toBe(false);
  nativeAddon().formatFile(path, FORMAT);
  expect(() => nativeAddon().openFile(`${path}\0`, 1, 0, 0)).toThrow(ARGUMENT);
  expect(() => nativeAddon().inspect(`${path}\0`)).toThrow(ARGUMENT);
});

it('tables that were transferred away are still memory, and no longer heard', () => {
  const image = nativeAddon().formatImage(FORMAT);
  const log = nativeAddon().openRecording(image, image, 0, 0);
  for (const { buffer } of [log.table, log.gauges]) {
    structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
  }
  expect(() => log.append()).toThrow(ARGUMENT);
  expect(log.makeRoom(64, 0)).toBe(1);
  log.close(0);
});
