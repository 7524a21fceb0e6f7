/**
 * SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", with one round a word and three at the
 * end), its lower 32 bits: who does not know the key cannot find inputs that collide.
 *
 * 1. 64-bit words are pairs of 32-bit ones, low and high: it makes no garbage and calls nothing.
 */

const TWO_32: number = 2 ** 32;

/** The lower half of the hash of bytes[start, end). `key` is 128 bits, the lowest word first. */
export function sipHash13(bytes: Uint8Array, start: number, end: number, key: Int32Array): number {
  let v0l = key[0]! ^ 0x70736575;
  let v0h = key[1]! ^ 0x736f6d65;
  let v1l = key[2]! ^ 0x6e646f6d;
  let v1h = key[3]! ^ 0x646f7261;
  let v2l = key[0]! ^ 0x6e657261;
  let v2h = key[1]! ^ 0x6c796765;
  let v3l = key[2]! ^ 0x79746573;
  let v3h = key[3]! ^ 0x74656462;
  const last = (end - start) >>> 3;
  let at = start;
  for (let round = 0; round <= last + 3; round++) {
    let low = 0;
    let high = 0;
    if (round < last) {
      low = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      high = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24);
      at += 8;
    } else if (round === last) {
      for (let i = 0; i < end - at; i++) {
        if (i < 4) low |= bytes[at + i]! << (8 * i);
        else high |= bytes[at + i]! << (8 * (i - 4));
      }
      high |= (end - start) << 24;
    } else if (round === last + 1) v2l ^= 0xff;
    v3l ^= low;
    v3h ^= high;
    let sum = (v0l >>> 0) + (v1l >>> 0);
    v0h = (v0h + v1h + (sum >= TWO_32 ? 1 : 0)) | 0;
    v0l = sum | 0;
    let kept = (v1l << 13) | (v1h >>> 19);
    v1h = ((v1h << 13) | (v1l >>> 19)) ^ v0h;
    v1l = kept ^ v0l;
    sum = (v2l >>> 0) + (v3l >>> 0);
    v2h = (v2h + v3h + (sum >= TWO_32 ? 1 : 0)) | 0;
    v2l = sum | 0;
    kept = (v3l << 16) | (v3h >>> 16);
    v3h = ((v3h << 16) | (v3l >>> 16)) ^ v2h;
    v3l = kept ^ v2l;
    // What was v0 has its halves exchanged from here on, and so has v2 below.
    sum = (v0h >>> 0) + (v3l >>> 0);
    v0h = (v0l + v3h + (sum >= TWO_32 ? 1 : 0)) | 0;
    v0l = sum | 0;
    kept = (v3l << 21) | (v3h >>> 11);
    v3h = ((v3h << 21) | (v3l >>> 11)) ^ v0h;
    v3l = kept ^ v0l;
    sum = (v2l >>> 0) + (v1l >>> 0);
    kept = (v2h + v1h + (sum >= TWO_32 ? 1 : 0)) | 0;
    v2h = sum | 0;
    v2l = kept;
    kept = (v1l << 17) | (v1h >>> 15);
    v1h = ((v1h << 17) | (v1l >>> 15)) ^ v2l;
    v1l = kept ^ v2h;
    v0l ^= low;
    v0h ^= high;
  }
  return (v0l ^ v1l ^ v2l ^ v3l) >>> 0;
}
