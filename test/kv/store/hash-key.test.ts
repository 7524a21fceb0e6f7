import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashSeeded } from '../../../lib/kv/store/hash.js';
import { HashKey } from '../../../lib/kv/store/hash-key.js';
import { sipHash13 } from '../../../lib/kv/store/sip-hash.js';
import { seeded } from '../random.js';
import { murmurCollisions } from './murmur-collisions.js';

const FILE = 'test/kv/store/hash-key.test.ts';

/**
 * Lower halves of SipHash-1-3 of the bytes 0, 1, 2 … n − 1 under the key 0, 1 … 15, by n, as another
 * implementation has them (npm's siphash 1.2.0; the first three are those of Rust's tests too).
 */
// biome-ignore format: a table
const VECTORS = [
  0x050fc4dc, 0x7d57ca93, 0x4dc7d44d, 0xe7ddf7fb, 0x88d38328, 0x49533b67, 0xc59f22a7, 0x9bb11140,
  0x8d299a8e, 0x6c063de4, 0x92ff097f, 0xf94dc352, 0x57b4d9a2, 0x1229ffa7, 0xc0f95d34, 0x2a519956,
  0x7d908b66, 0x63dbd80c, 0xb473e63e, 0x8d297d1c, 0xa6cce040, 0x2b45f844, 0xa320872e, 0xdae6c123,
  0x67349c8c, 0x705b0979, 0xca9913a5, 0x4ade3b35, 0xef6cd00d, 0x4ab1e1f4, 0x43c5e663, 0x8c21d1bc,
  0x16a7b60d, 0x7a8ff9bf, 0x1f2a753e, 0xbf186b91, 0xada26206, 0xa3c33057, 0xae3a36a1, 0x7b108392,
  0x99e41531, 0x3f1ad944, 0xc8138825, 0xc28949a6, 0xfaf8876b, 0x9f042196, 0x68b1d623, 0x8b5114fd,
  0xdf074c46, 0x12cc86b3, 0x0a52098f, 0x9d292f9a, 0xa2f41f12, 0x43a71ed0, 0x73f0bce6, 0x70a7e980,
  0x243c6d75, 0xfdb71513, 0xa67d8a08, 0xb7e8f148, 0xf7a644ee, 0x0f1837f2, 0x4b6694e0, 0xb7bbb3a8,
];

describe('SipHash-1-3', () => {
  const key = Int32Array.from([0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c]);

  it('gives the numbers of others', () => {
    const bytes = Buffer.from(VECTORS.map((_, i) => i));
    expect(VECTORS.map((_, length) => sipHash13(bytes, 0, length, key))).toEqual(VECTORS);
  });

  it('looks at the bytes between start and end only', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.uint8Array(),
        fc.uint8Array(),
        (text, before, behind) => {
          const bytes = Buffer.concat([before, text, behind]);
          const hash = sipHash13(bytes, before.length, before.length + text.length, key);
          expect(hash).toBe(sipHash13(text, 0, text.length, key));
        },
      ),
      seeded(FILE, 200),
    );
  });
});

describe('the key of the hashes', () => {
  it('tells apart what a hash without a secret does not', () => {
    const texts = murmurCollisions(12);
    for (const seed of [1, 77, 0xfffffff1]) {
      expect(new Set(texts.map((text) => hashSeeded(text, 0, text.length, seed))).size).toBe(1);
    }
    const key = HashKey.read(Buffer.from('a key of 16 byte'), 0);
    const hashes = new Set(texts.map((text) => key.hash(text, 0, text.length)));
    expect(hashes.size).toBeGreaterThan(texts.length - 4);
  });

  it('is none if it is all zero', () => {
    expect(HashKey.read(Buffer.alloc(20), 3)).toBe(HashKey.none);
    expect(HashKey.ofSeed(0)).toBe(HashKey.none);
  });
});
