import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { crc32 } from '../../lib/wire/crc32.js';

it('is that of zlib, for short bytes and long ones, at once or in parts', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.uint8Array({ minLength: 185, maxLength: 200 }),
  );
  fc.assert(
    fc.property(bytes, fc.nat(400), (given, cut) => {
      const whole = zlibCrc32(given);
      expect(crc32(given, 0, given.length)).toBe(whole);
      const at = Math.min(cut, given.length);
      expect(crc32(given, at, given.length, crc32(given, 0, at))).toBe(whole);
      const padded = Buffer.concat([Buffer.from('before'), given, Buffer.from('behind')]);
      expect(crc32(padded, 6, 6 + given.length)).toBe(whole);
    }),
  );
});
