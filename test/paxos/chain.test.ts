import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CHAIN_START, extendChain } from '../../lib/paxos/chain.js';
import type { Digest } from '../../lib/types.js';

const digest = fc.integer({ min: 0, max: 2 ** 52 - 1 }).map((n) => n as Digest);

function chainOf(digests: readonly Digest[]): Digest {
  return digests.reduce((chain, one, at) => extendChain(chain, at + 1, one), CHAIN_START);
}

test('equal histories have equal chains of 52 bits; a changed slot changes every chain behind it', () => {
  fc.assert(
    fc.property(fc.array(digest, { minLength: 1, maxLength: 20 }), fc.nat(), digest, (digests, at, other) => {
      const chain = chainOf(digests);
      expect(Number.isSafeInteger(chain) && chain >= 0 && chain < 2 ** 52).toBe(true);
      expect(chainOf([...digests])).toBe(chain);
      const changed = digests.with(at % digests.length, other);
      if (digests[at % digests.length] !== other) expect(chainOf(changed)).not.toBe(chain);
    }),
  );
});

test('the order of two batches matters', () => {
  const [a, b] = [5 as Digest, 6 as Digest];
  expect(chainOf([a, b])).not.toBe(chainOf([b, a]));
});

test('empty batches move the chain too', () => {
  const none = 0 as Digest;
  expect(chainOf([none])).not.toBe(chainOf([none, none]));
});

test('chains stay what they are: checkpoints carry them, and other versions compare them', () => {
  const digests = [0xd_eadb_eef0_1234, 7, 0xf_ffff_ffff_ffff] as Digest[];
  expect(digests.map((_, at) => chainOf(digests.slice(0, at + 1)))).toEqual([
    0x3cb4ba83a86b0, 0xa6ec7a5b4f725, 0x512613983c11f,
  ]);
});
