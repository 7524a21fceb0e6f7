import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc64, digestOf, portableDigestOf, useDigestFunction } from '../../lib/storage/crc64.js';
import type { Digest } from '../../lib/types.js';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Bit by bit over a bigint, as the definition reads. */
function slowCrc64(bytes: Uint8Array): bigint {
  let crc = 0xffff_ffff_ffff_ffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0xc96c5795d7870f42n : crc >> 1n;
  }
  return crc ^ 0xffff_ffff_ffff_ffffn;
}

describe('CRC-64/XZ', () => {
  it('has the check value of the catalogue', () => {
    const halves = new Uint32Array(2);
    crc64(ascii('123456789'), 0, 9, halves);
    expect(halves[1]!.toString(16)).toBe('995dc9bb');
    expect(halves[0]!.toString(16)).toBe('df1939fa');
  });

  it('gives digests of 52 bits, and 0 for no bytes', () => {
    expect(portableDigestOf(ascii('123456789'), 0, 9)).toBe(0xdc9bbdf1939fa);
    expect(digestOf(ascii('anything'), 3, 3)).toBe(0);
  });

  it('equals the definition at every length and offset', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(40), (bytes, skip) => {
        const start = Math.min(skip, bytes.length);
        const expected = slowCrc64(bytes.subarray(start)) & ((1n << 52n) - 1n);
        expect(BigInt(portableDigestOf(bytes, start, bytes.length))).toBe(expected);
      }),
    );
  });

  it('refuses a replacement that disagrees and keeps the one it has', () => {
    expect(() => useDigestFunction(() => 7 as Digest)).toThrow(/contract 15/);
    expect(digestOf(ascii('123456789'), 0, 9)).toBe(0xdc9bbdf1939fa);
    useDigestFunction((bytes, start, end) => portableDigestOf(bytes, start, end));
    expect(digestOf(ascii('123456789'), 0, 9)).toBe(0xdc9bbdf1939fa);
  });
});
