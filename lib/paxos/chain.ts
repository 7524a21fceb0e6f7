/**
 * The digest chain: one number that stands for every batch through a slot. Two replicas that have learned the
 * same batches in the same slots have the same chain; the first slot at which it differs is the divergence
 * (contract 15).
 */
import type { Digest, Slot } from '../types.js';

const TWO_32 = 2 ** 32;
const HIGH_BITS_MASK = 2 ** 20 - 1;

export const CHAIN_START: Digest = 0 as Digest;

/** The chain after `slot`, given the chain before it and the slot's digest. 52 bits; not cryptographic. */
export function extendChain(chain: Digest, slot: Slot, digest: Digest): Digest {
  let low = (chain >>> 0) ^ Math.imul((digest >>> 0) ^ (slot >>> 0), 0x9e3779b1);
  let high = Math.floor(chain / TWO_32) ^ Math.imul(Math.floor(digest / TWO_32) + 0x2545f, 0x85ebca6b);
  low = Math.imul(low ^ (low >>> 15), 0x2c1b3c6d) + high;
  high = Math.imul(high ^ (low >>> 12), 0x297a2d39) ^ (low >>> 7);
  low = Math.imul(low ^ (high >>> 13), 0x85ebca77);
  return (((high >>> 0) & HIGH_BITS_MASK) * TWO_32 + (low >>> 0)) as Digest;
}
