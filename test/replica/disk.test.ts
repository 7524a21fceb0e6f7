import { beforeEach, describe, expect, it } from 'vitest';
import { type DiskStatus, DiskWatch } from '../../lib/replica/disk.js';
import type { DiskSpace } from '../../lib/storage/file/disk-space.js';

const MIB = 1 << 20;

let space: DiskSpace | undefined;
let needed: number;
let isWriting: boolean;
let foundNoRoom: boolean;
let news: DiskStatus[];
let looks: number;
let watch: DiskWatch;
let nowMs: number;

beforeEach(() => {
  space = undefined;
  needed = 10 * MIB;
  isWriting = false;
  foundNoRoom = false;
  news = [];
  looks = 0;
  nowMs = 0;
  watch = new DiskWatch({
    space: async () => {
      looks++;
      if (space === undefined) throw new Error('nobody knows');
      return space;
    },
    neededBytes: () => needed,
    isWriting: () => isWriting,
    foundNoRoom: () => foundNoRoom,
    news: (status) => news.push(status),
  });
});

/** The disk of 1000 MiB has so many left when it is looked at next. */
async function left(mebibytes: number): Promise<string | undefined> {
  space = { bytes: 1000 * MIB, freeBytes: mebibytes * MIB };
  await look();
  return watch.status?.state;
}

async function look(): Promise<void> {
  nowMs += 1000;
  watch.tick(nowMs);
  await new Promise(setImmediate);
}

describe('a disk', () => {
  it('that nothing is known of counts as one with room', async () => {
    await look();
    expect(watch).toMatchObject({ status: undefined, isShort: false, advice: '' });
  });

  it('is looked at once a second, and not again before the answer has come', async () => {
    await left(500);
    watch.tick(nowMs + 999);
    expect(looks).toBe(1);
    watch.tick(nowMs + 1000);
    watch.tick(nowMs + 3000);
    expect(looks).toBe(2);
  });

  it('warns from 85 % in use on', async () => {
    expect(await left(151)).toBe('ok');
    expect(watch.advice).toBe('');
    expect(await left(150)).toBe('warn');
    expect(watch).toMatchObject({ isShort: false, status: { share: 0.85, freeBytes: 150 * MIB } });
    expect(watch.advice).toMatch(/85 % full, 150 MiB of 1000 MiB are free/);
  });

  it('keeps what the next checkpoint may take, and one MiB', async () => {
    expect(await left(11)).toBe('warn');
    expect(await left(10)).toBe('reserve');
    expect(watch).toMatchObject({ isShort: true, status: { reserveBytes: 11 * MIB } });
    expect(watch.advice).toMatch(/11 MiB are kept for checkpoints and elections/);
  });

  it('is short until an eighth more than the reserve is free', async () => {
    await left(10);
    expect(await left(12)).toBe('reserve');
    expect(await left(13)).toBe('warn');
    expect(watch.isShort).toBe(false);
  });

  it('is full with nothing left, or while a checkpoint found no room although some seems left', async () => {
    expect(await left(0)).toBe('full');
    expect(await left(900)).toBe('ok');
    foundNoRoom = true;
    expect(await left(900)).toBe('full');
    expect(watch.isShort).toBe(true);
    foundNoRoom = false;
    expect(await left(900)).toBe('ok');
  });

  it('is not judged while a checkpoint is moving, which takes its part of it', async () => {
    await left(500);
    isWriting = true;
    expect(await left(5)).toBe('ok');
    isWriting = false;
    expect(await left(5)).toBe('reserve');
  });

  it('is told of when its state changes, and only then', async () => {
    for (const mebibytes of [500, 140, 130, 5, 4, 500, 501]) await left(mebibytes);
    expect(news.map(({ state }) => state)).toEqual(['warn', 'reserve', 'ok']);
  });
});
