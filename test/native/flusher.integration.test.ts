/** The flusher thread: order, failure, memory, and the ends of a flusher and of its environment. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Flusher } from '../../lib/native/flusher.js';

const ADDON =
  process.env['INDELIBLE_ADDON'] ||
  fileURLToPath(new URL('../../build/Release/indelible.node', import.meta.url));

let directory: string;
let path: string;
let fd: number;
let flusher: Flusher;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'indelible-flusher-'));
  path = join(directory, 'file');
  writeFileSync(path, Buffer.alloc(64 << 10));
  fd = openSync(path, 'r+');
  flusher = Flusher.open()!;
});

afterEach(async () => {
  flusher.close();
  closeSync(fd);
  await rm(directory, { recursive: true, force: true });
});

const page = (byte: number): Uint8Array => new Uint8Array(4096).fill(byte);

function write(into: number, bytes: Uint8Array, offset: number): Promise<Error | undefined> {
  return new Promise((resolve) => flusher.write(into, bytes, offset, resolve));
}

describe('the flusher', () => {
  it('executes and reports writes in the order given', async () => {
    const order: number[] = [];
    const writes = Array.from({ length: 50 }, (_, at) =>
      write(fd, page(at + 1), 0).then((error) => {
        expect(error).toBeUndefined();
        order.push(at);
      }),
    );
    await Promise.all(writes);
    expect(order).toEqual(Array.from({ length: 50 }, (_, at) => at));
    expect(readFileSync(path)[0]).toBe(50);
  });

  it('executes nothing after the first failure', async () => {
    const full = openSync('/dev/full', 'w');
    const outcomes = [write(fd, page(1), 0), write(full, page(2), 0), write(fd, page(3), 0)];
    const [first, second, third] = await Promise.all(outcomes);
    expect(first).toBeUndefined();
    expect(second).toMatchObject({ code: 'ENOSPC', syscall: 'pwrite' });
    expect(third).toBe(second);
    expect(await write(fd, page(4), 0)).toBe(second);
    expect(readFileSync(path)[0]).toBe(1);
    closeSync(full);
  });

  it('executes nothing after it was cancelled', async () => {
    expect(await write(fd, page(1), 0)).toBeUndefined();
    flusher.cancel();
    expect(await write(fd, page(2), 0)).toMatchObject({ code: 'ECANCELED' });
    expect(readFileSync(path)[0]).toBe(1);
  });

  it('writes to the file it was given, even when that is closed meanwhile', async () => {
    const own = openSync(path, 'r+');
    const written = [write(own, page(1), 0), write(own, page(2), 4096)];
    closeSync(own);
    const other = openSync(join(directory, 'other'), 'w+');
    expect(other).toBe(own);
    expect(await Promise.all(written)).toEqual([undefined, undefined]);
    expect(readFileSync(path)[4096]).toBe(2);
    expect(readFileSync(join(directory, 'other')).length).toBe(0);
    closeSync(other);
  });

  it('says what is wrong with a descriptor', async () => {
    expect(await write(1_000_000, page(1), 0)).toMatchObject({ code: 'EBADF' });
  });

  it('keeps the memory of a write, whatever the owner lets go', async () => {
    const writes = Array.from({ length: 16 }, (_, at) => write(fd, page(at + 1), at * 4096));
    for (let round = 0; round < 50; round++) new Uint8Array(1 << 20).fill(255);
    await Promise.all(writes);
    const found = readFileSync(path);
    for (let at = 0; at < 16; at++) {
      expect(found.subarray(at * 4096, (at + 1) * 4096).every((byte) => byte === at + 1)).toBe(true);
    }
  });

  it('refuses arguments of other types, and everything once closed', () => {
    const bad = flusher as unknown as { write(...values: unknown[]): void };
    for (const values of [
      [],
      [-1, page(1), 0],
      [fd, 'bytes', 0],
      [fd, page(1), -1],
      [fd, new Float64Array(8), 0],
    ]) {
      expect(() => bad.write(...values)).toThrow(expect.objectContaining({ code: 'ERR_INDELIBLE_ARGUMENT' }));
    }
    flusher.close();
    flusher.close();
    flusher.cancel();
    expect(() => flusher.write(fd, page(1), 0, () => {})).toThrow(
      expect.objectContaining({ code: 'ERR_INDELIBLE_STORE_CLOSED' }),
    );
  });
});

/** Hands over many writes to the file given and reports the first. */
const PROGRAM = `
  const { openSync } = require('node:fs');
  const flusher = require(process.argv[1]).openFlusher((finishedThrough) => {
    if (finishedThrough === 50) console.log('all');
  });
  const fd = openSync(process.argv[2], 'r+');
  const bytes = new Uint8Array(4096).fill(7);
  for (let turn = 0; turn < 50; turn++) flusher.submit(fd, bytes, 0);
`;

describe('the end of an environment', () => {
  const run = (program: string) =>
    spawnSync(process.execPath, ['-e', program, ADDON, path], { encoding: 'utf8' });

  it('waits for writes, and not for the thread', () => {
    expect(run(PROGRAM)).toMatchObject({ status: 0, stdout: 'all\n', stderr: '' });
  });

  it('comes while writes are queued', () => {
    expect(run(`${PROGRAM} process.exit(3);`)).toMatchObject({ status: 3, stderr: '' });
  });

  it('is brought by a callback that throws', () => {
    const program = PROGRAM.replace("console.log('all')", "throw new Error('from the callback')");
    const { status, stderr } = run(program);
    expect(status).not.toBe(0);
    expect(stderr).toContain('from the callback');
  });

  it('comes to a worker while writes are queued', async () => {
    const program = `process.argv[1] = ${JSON.stringify(ADDON)}; process.argv[2] = ${JSON.stringify(path)};
      ${PROGRAM} require('node:worker_threads').parentPort.postMessage('queued');`;
    for (let round = 0; round < 5; round++) {
      const worker = new Worker(program, { eval: true });
      await new Promise((resolve) => worker.once('message', resolve));
      expect(await worker.terminate()).toBe(1);
    }
  });
});
