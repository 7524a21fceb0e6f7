import { expect, it } from 'vitest';
import { ErrorCode } from '../../lib/errors.js';
import { checkBody, entriesEnd } from '../../lib/wire/body.js';

const REFUSED = expect.objectContaining({ code: ErrorCode.frame });

/** Entries of these lengths, with bytes of other things around them. */
function bodyOf(...lengths: number[]): { bytes: Uint8Array; start: number; end: number } {
  const parts = lengths.map((length) => {
    const entry = Buffer.alloc(4 + length, 7);
    entry.writeUInt32LE(length);
    return entry;
  });
  const bytes = Buffer.concat([Buffer.alloc(5, 1), ...parts, Buffer.alloc(9)]);
  return { bytes, start: 5, end: bytes.length - 9 };
}

it('a body is exactly its entries, each within the bound, wherever it lies', () => {
  const { bytes, start, end } = bodyOf(3, 0, 8);
  checkBody(bytes, start, end, 3, 8);
  expect(entriesEnd(bytes, start, 3)).toBe(end);
  expect(() => checkBody(bytes, start, end, 3, 7), 'an entry above the bound').toThrow(REFUSED);
  expect(() => checkBody(bytes, start, end, 2, 8), 'bytes behind the last').toThrow(REFUSED);
  expect(() => checkBody(bytes, start, end, 4, 8), 'one that is not there').toThrow(/ends in entry 3/);
  expect(() => checkBody(bytes, start, end - 1, 3, 8), 'one cut off').toThrow(/7 are there/);
  expect(() => checkBody(bytes, start, start + 3, 1, 8), 'a length cut off').toThrow(/ends in entry 0/);
});
