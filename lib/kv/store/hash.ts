/**
 * Murmur3's 32-bit function, which places keys in states that have a seed instead of a key (hash-key.ts), and
 * the lanes that summarise content for the digest, word by word, so that what is appended to a value costs
 * its own length only. Neither withstands an adversary; both are deterministic.
 */

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

export function mix32(value: number): number {
  let h = value;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h;
}

function scramble(word: number): number {
  return Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
}

export function hashSeeded(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let h = seed;
  let at = start;
  const words = start + ((end - start) & ~3);
  while (at < words) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    h = (Math.imul(rotate(h ^ scramble(word), 13), 5) + 0xe6546b64) | 0;
    at += 4;
  }
  if (at < end) {
    let tail = bytes[at]!;
    if (at + 1 < end) tail |= bytes[at + 1]! << 8;
    if (at + 2 < end) tail |= bytes[at + 2]! << 16;
    h ^= scramble(tail);
  }
  return mix32(h ^ (end - start)) >>> 0;
}

export const LANE_A = 0x2f0b4c47;
export const LANE_B = 0x6e1c93d5;

export function laneA(lane: number, word: number): number {
  return Math.imul(rotate(lane ^ word, 11), 0x9e3779b1);
}

export function laneB(lane: number, word: number): number {
  const sum = Math.imul((lane + word) | 0, 0x85ebca77);
  return sum ^ (sum >>> 15);
}
