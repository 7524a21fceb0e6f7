import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../lib/errors.js';
import { Reader } from '../../lib/wire/reader.js';
import { Writer } from '../../lib/wire/writer.js';

type Field = { type: 'u8' | 'u16' | 'u32' | 'u64'; value: number };

const field: fc.Arbitrary<Field> = fc.oneof(
  fc.record({ type: fc.constant('u8' as const), value: fc.nat(0xff) }),
  fc.record({ type: fc.constant('u16' as const), value: fc.nat(0xffff) }),
  fc.record({ type: fc.constant('u32' as const), value: fc.nat(0xffff_ffff) }),
  fc.record({ type: fc.constant('u64' as const), value: fc.maxSafeNat() }),
);

const FRAME = expect.objectContaining({ code: ErrorCode.frame });

describe('bytes written', () => {
  it('are read back as the same fields, from anywhere in a buffer', () => {
    fc.assert(
      fc.property(fc.array(field), fc.nat(5), (fields, before) => {
        const writer = new Writer(1);
        writer.append(new Uint8Array(before));
        for (const { type, value } of fields) writer[type](value);
        const reader = new Reader(writer.bytes, before, writer.length);
        for (const { type, value } of fields) expect(reader[type]()).toBe(value);
        reader.finish();
      }),
    );
  });

  it('are little-endian', () => {
    const writer = new Writer();
    writer.u16(0x0102);
    writer.u32(0x03040506);
    writer.u64(0x0708090a0b0c0);
    writer.uuid('0f'.repeat(16));
    expect(writer.bytes.toString('hex', 0, writer.length)).toBe(
      `0201${'06050403'}${'c0b0a09080700000'}${'0f'.repeat(16)}`,
    );
  });

  it('never shorten a number', () => {
    const writer = new Writer();
    for (const value of [-1, 0.5, Number.NaN, 256]) expect(() => writer.u8(value)).toThrow(RangeError);
    for (const value of [-1, 0.5, Number.NaN, 65_536]) expect(() => writer.u16(value)).toThrow(RangeError);
    expect(() => writer.u32(2 ** 32)).toThrow(RangeError);
    expect(() => writer.u64(2 ** 53)).toThrow(RangeError);
    for (const id of ['', 'F'.repeat(32), '0'.repeat(31), '0'.repeat(33), `x${'0'.repeat(32)}`])
      expect(() => writer.uuid(id)).toThrow(RangeError);
    expect(writer.length).toBe(0);
  });

  it('give back a large buffer once it is no longer needed', () => {
    const writer = new Writer(16);
    writer.append(new Uint8Array(4 << 20));
    writer.clear();
    expect(writer.bytes.length).toBe(16);
  });

  it('stay in the buffer that there is while they fit, also when they are forgotten', () => {
    const writer = new Writer(1 << 20);
    const { bytes } = writer;
    writer.append(new Uint8Array(1 << 20));
    writer.clear();
    writer.u8(1);
    expect(writer.bytes).toBe(bytes);
    const small = new Writer(16);
    small.append(new Uint8Array(32));
    expect(small.bytes.length).toBe(32);
  });

  it('may be a part of others', () => {
    const writer = new Writer();
    writer.append(Uint8Array.of(1, 2, 3, 4, 5), 1, 3);
    writer.append(Uint8Array.of(6, 7), 1, 1);
    writer.append(Uint8Array.of(8, 9), 1);
    expect([...writer.bytes.subarray(0, writer.length)]).toEqual([2, 3, 9]);
  });
});

describe('bytes read', () => {
  it('end where their window ends', () => {
    const bytes = new Uint8Array(100);
    for (const read of ['u8', 'u16', 'u32', 'u64', 'uuid'] as const) {
      expect(() => new Reader(bytes, 10, 10)[read]()).toThrow(FRAME);
    }
    expect(() => new Reader(bytes, 10, 20).view(11)).toThrow(FRAME);
    expect(() => new Reader(bytes, 10, 20).rest(9, 'it')).toThrow(FRAME);
    expect(() => new Reader(bytes, 10, 20).finish()).toThrow(FRAME);
  });

  it('hold no number above the safe integers', () => {
    expect(() => new Reader(Buffer.from('0000000000002000', 'hex'), 0, 8).u64()).toThrow(FRAME);
    expect(new Reader(Buffer.from('ffffffffffff1f00', 'hex'), 0, 8).u64()).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('hold no more things than they have bytes for', () => {
    const bytes = Buffer.from('03000000aabb', 'hex');
    expect(() => new Reader(bytes, 0, 6).count(1, 10, 'a count')).toThrow(FRAME);
    expect(() => new Reader(bytes, 0, 6).count(0, 2, 'a count')).toThrow(FRAME);
    const five = Buffer.from('030000000102030405', 'hex');
    expect(() => new Reader(five, 0, 9).count(2, 10, 'a count')).toThrow(FRAME);
    expect(new Reader(five, 0, 9).count(1, 3, 'a count')).toBe(3);
  });
});
