/**
 * CRC-64/XZ (reflected polynomial 0xC96C5795D7870F42, all ones in and out) and the digest made from it.
 *
 * 1. `digestOf` gives the same number on every replica, whichever implementation computes it: the low 52
 *    bits of the CRC, which is what fits in a number beside nothing else. The digest of no bytes is 0.
 * 2. Plain TypeScript is the reference; the addon's vectorised one may stand in for it and must agree.
 *
 * A number has 53 bits, so the CRC is kept as two 32-bit halves and eight bytes are folded per step through
 * eight tables.
 */
import { ContractViolation } from '../contract.js';
import type { Digest } from '../types.js';

/** Digest of bytes[start, end). */
export type DigestFunction = (bytes: Uint8Array, start: number, end: number) => Digest;

const POLYNOMIAL_HIGH = 0xc96c5795;
const POLYNOMIAL_LOW = 0xd7870f42;
const TABLES = 8;

/**
 * tableLow[256·t + b] and tableHigh[…]: what byte b does to the CRC when t more bytes follow it in the step.
 */
const tableLow = new Uint32Array(256 * TABLES);
const tableHigh = new Uint32Array(256 * TABLES);

function fillTables(): void {
  for (let byte = 0; byte < 256; byte++) {
    let low = byte;
    let high = 0;
    for (let bit = 0; bit < 8; bit++) {
      const carry = low & 1;
      low = (low >>> 1) | ((high & 1) << 31);
      high >>>= 1;
      if (carry === 1) {
        low ^= POLYNOMIAL_LOW;
        high ^= POLYNOMIAL_HIGH;
      }
    }
    tableLow[byte] = low;
    tableHigh[byte] = high;
  }
  for (let at = 256; at < tableLow.length; at++) {
    const low = tableLow[at - 256]!;
    const high = tableHigh[at - 256]!;
    const byte = low & 255;
    tableLow[at] = ((low >>> 8) | (high << 24)) ^ tableLow[byte]!;
    tableHigh[at] = (high >>> 8) ^ tableHigh[byte]!;
  }
}
fillTables();

/** The two halves of the CRC-64/XZ of bytes[start, end), written to `halves` as [low, high]. */
export function crc64(bytes: Uint8Array, start: number, end: number, halves: Uint32Array): void {
  let low = -1;
  let high = -1;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    const a = low ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    const b =
      high ^ (bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24));
    const i0 = 1792 + (a & 255);
    const i1 = 1536 + ((a >>> 8) & 255);
    const i2 = 1280 + ((a >>> 16) & 255);
    const i3 = 1024 + (a >>> 24);
    const i4 = 768 + (b & 255);
    const i5 = 512 + ((b >>> 8) & 255);
    const i6 = 256 + ((b >>> 16) & 255);
    const i7 = b >>> 24;
    low =
      tableLow[i0]! ^
      tableLow[i1]! ^
      tableLow[i2]! ^
      tableLow[i3]! ^
      tableLow[i4]! ^
      tableLow[i5]! ^
      tableLow[i6]! ^
      tableLow[i7]!;
    high =
      tableHigh[i0]! ^
      tableHigh[i1]! ^
      tableHigh[i2]! ^
      tableHigh[i3]! ^
      tableHigh[i4]! ^
      tableHigh[i5]! ^
      tableHigh[i6]! ^
      tableHigh[i7]!;
  }
  for (; at < end; at++) {
    const byte = (low ^ bytes[at]!) & 255;
    low = ((low >>> 8) | (high << 24)) ^ tableLow[byte]!;
    high = (high >>> 8) ^ tableHigh[byte]!;
  }
  halves[0] = ~low;
  halves[1] = ~high;
}

const scratch = new Uint32Array(2);

/** The reference implementation, in TypeScript. */
export function portableDigestOf(bytes: Uint8Array, start: number, end: number): Digest {
  crc64(bytes, start, end, scratch);
  return ((scratch[1]! & 0xfffff) * 2 ** 32 + scratch[0]!) as Digest;
}

let chosen: DigestFunction = portableDigestOf;

/** Bytes below which a call into the addon costs more than it saves. */
const SHORT_BYTES = 64;

/** Digest of bytes[start, end): the low 52 bits of its CRC-64/XZ; 0 for an empty range. */
export function digestOf(bytes: Uint8Array, start: number, end: number): Digest {
  return end - start < SHORT_BYTES ? portableDigestOf(bytes, start, end) : chosen(bytes, start, end);
}

/**
 * Lets `faster` compute digests from now on, in this thread.
 * @throws ContractViolation when it disagrees with the reference on a probe: replicas would diverge (contract
 * 15).
 */
export function useDigestFunction(faster: DigestFunction): void {
  const probe = Uint8Array.from({ length: 1027 }, (_, at) => (at * 167 + (at >> 3)) & 255);
  for (const [start, end] of [
    [0, 0],
    [0, 9],
    [3, 260],
    [1, 1027],
  ] as const) {
    if (faster(probe, start, end) !== portableDigestOf(probe, start, end)) {
      throw new ContractViolation('requires', 15, 'a digest function agrees with the reference');
    }
  }
  chosen = faster;
}
