import { expect, it } from 'vitest';
import { type MediumFile, PAGE_BYTES } from '../../../lib/storage/file/medium.js';
import { readPastBad } from '../../../lib/storage/file/scan.js';

/** A file of ones whose second page is refused with `code`. */
function refusing(code: string): MediumFile {
  const read = async (into: Uint8Array, position: number): Promise<number> => {
    const reaches = position <= PAGE_BYTES && position + into.length > PAGE_BYTES;
    if (reaches) throw Object.assign(new Error(code), { code });
    into.fill(1);
    return into.length;
  };
  return { read } as unknown as MediumFile;
}

it('a page that the device cannot read is zeros, and harms no other', async () => {
  const bytes = new Uint8Array(3 * PAGE_BYTES);
  await readPastBad(refusing('EIO'), bytes, 0);
  expect([0, 1, 2].map((page) => bytes[page * PAGE_BYTES])).toEqual([1, 0, 1]);
});

it.each(['ENOMEM', 'EMFILE', 'ENFILE', 'EAGAIN'])('%s is no damage', async (code) => {
  const reading = readPastBad(refusing(code), new Uint8Array(3 * PAGE_BYTES), 0);
  await expect(reading).rejects.toMatchObject({ code });
});
