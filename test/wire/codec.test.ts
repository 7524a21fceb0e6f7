import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../lib/errors.js';
import { BATCH_BYTES_MAX, FRAME_BYTES_MAX } from '../../lib/limits.js';
import type { Accept, Message, Promised } from '../../lib/paxos/messages.js';
import type { Ballot, Digest } from '../../lib/types.js';
import { decodeMessage, encodeMessage } from '../../lib/wire/codec.js';
import { FRAME_HEADER_BYTES } from '../../lib/wire/frame.js';
import { FrameDecoder } from '../../lib/wire/frame-decoder.js';
import { FrameKind } from '../../lib/wire/protocol.js';
import { Writer } from '../../lib/wire/writer.js';
import { message } from './arbitraries.js';
import { decodesOrRefuses, frameOf } from './frames.js';

function decode(frame: Buffer): Message {
  const decoder = new FrameDecoder();
  decoder.push(frame);
  expect(decoder.next()).toBe(true);
  return decodeMessage(decoder.kind, decoder.bytes, decoder.start, decoder.end);
}

function accept(bytes: Uint8Array): Accept {
  return {
    type: 'accept',
    ballot: 65_537 as Ballot,
    slot: 7,
    kind: 1,
    digest: 9 as Digest,
    bytes,
    learnedThrough: 6,
  };
}

const MESSAGE_KINDS = Object.values(FrameKind).filter((kind) => kind >= 16 && kind < 64);

describe('messages between replicas on the wire', () => {
  it('are read back as they were written', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(decode(frameOf(encodeMessage, sent))).toEqual(sent);
      }),
      { numRuns: 2000 },
    );
  });

  it('are refused with a time that is none, and sent with the latest there is instead', () => {
    const frame = frameOf(encodeMessage, { type: 'clock', sentMs: 1, timeMs: Number.MAX_SAFE_INTEGER });
    const at = frame.length - 8;
    expect(frame.readBigUInt64LE(at)).toBe(2n ** 43n);
    expect(decode(frame)).toEqual({ type: 'clock', sentMs: 1, timeMs: 2 ** 43 });
    frame.writeBigUInt64LE(2n ** 43n + 1n, at);
    const read = () => decodeMessage(FrameKind.clock, frame, FRAME_HEADER_BYTES, frame.length);
    expect(read).toThrow(/a time is/);
  });

  it('have the bytes that docs/wire.md gives', () => {
    const frame = frameOf(encodeMessage, accept(Uint8Array.of(0xaa, 0xbb)));
    expect(frame.subarray(4).toString('hex')).toBe(
      [
        '2f000000', // length 47
        '0900', // version
        '1500', // kind
        '0100010000000000', // ballot 1.1
        '0700000000000000', // slot
        '0900000000000000', // digest
        '0600000000000000', // learned through
        '01', // commands
        'aabb',
      ].join(''),
    );
  });

  it('give the batch of an accept as a view of what arrived, and send it from where it lies', () => {
    const batch = Uint8Array.of(1, 2, 3);
    expect(encodeMessage(new Writer(), accept(batch))).toBe(batch);
    const frame = frameOf(encodeMessage, accept(batch));
    const received = decodeMessage(FrameKind.accept, frame, FRAME_HEADER_BYTES, frame.length) as Accept;
    expect(received.bytes.buffer).toBe(frame.buffer);
  });

  it('carry the largest batch there is, and refuse a larger one on both sides', () => {
    expect(decode(frameOf(encodeMessage, accept(new Uint8Array(BATCH_BYTES_MAX))))).toMatchObject({
      slot: 7,
    });
    const larger = frameOf(encodeMessage, accept(new Uint8Array(BATCH_BYTES_MAX + 1)));
    expect(() => decode(larger)).toThrow(expect.objectContaining({ code: ErrorCode.frame }));
    const writer = new Writer();
    expect(() => encodeMessage(writer, accept(new Uint8Array(FRAME_BYTES_MAX)))).toThrow(RangeError);
    expect(writer.length).toBe(0);
  });

  it('lie one behind the other in a writer, with what is sent from elsewhere behind the last', () => {
    fc.assert(
      fc.property(message, message, (first, second) => {
        const writer = new Writer(16);
        const tail = encodeMessage(writer, first);
        writer.append(tail);
        const start = writer.length;
        writer.append(encodeMessage(writer, second));
        const decoder = new FrameDecoder();
        decoder.push(Buffer.from(writer.bytes.subarray(start, writer.length)));
        expect(decoder.next()).toBe(true);
        expect(decodeMessage(decoder.kind, decoder.bytes, decoder.start, decoder.end)).toEqual(second);
        expect(tail).toBeInstanceOf(Uint8Array);
      }),
    );
  });

  it('are of a kind that is known', () => {
    expect(() => decodeMessage(FrameKind.hello, new Uint8Array(0), 0, 0)).toThrow(/kind 1$/);
  });

  it('refuse bytes of a vote that says it has none', () => {
    const votes = [
      { slot: 1, ballot: 65537 as Ballot, kind: 0, digest: 0 as Digest, bytes: Uint8Array.of(1) },
    ] as const;
    const sent: Message = { type: 'chosen', fromSlot: 1, votes, learnedThrough: 1 };
    const frame = frameOf(encodeMessage, sent);
    const hasBytes = frame.length - 1 - 4 - 1;
    expect(frame[hasBytes]).toBe(1);
    expect(decodeMessage(FrameKind.chosen, frame, FRAME_HEADER_BYTES, frame.length)).toEqual(sent);
    frame[hasBytes] = 0;
    expect(() => decodeMessage(FrameKind.chosen, frame, FRAME_HEADER_BYTES, frame.length)).toThrow(
      /has some/,
    );
  });

  it('refuse a number that does not fit its field instead of shortening it', () => {
    for (const slot of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(() => frameOf(encodeMessage, { ...accept(new Uint8Array(0)), slot })).toThrow(RangeError);
    }
  });

  it('refuse a part of an answer that speaks of other slots than its own', () => {
    const vote = {
      slot: 5,
      ballot: 65537 as Ballot,
      kind: 0,
      digest: 0 as Digest,
      bytes: undefined,
    } as const;
    const slots = { fromSlot: 5, throughSlot: 7, isLast: false, trimThrough: 0, learnedThrough: 0 };
    const head = {
      type: 'promised',
      configuration: 1,
      ballot: 65537 as Ballot,
      attempt: 1,
      ...slots,
    } as const;
    const part: Promised = { ...head, votes: [vote], uncertain: [{ from: 6, through: 7 }] };
    expect(decode(frameOf(encodeMessage, part))).toEqual(part);
    const wrong: Partial<Promised>[] = [
      { throughSlot: 4, votes: [], uncertain: [] },
      { votes: [{ ...vote, slot: 8 }] },
      { votes: [{ ...vote, slot: 4 }] },
      { uncertain: [{ from: 4, through: 6 }] },
      { uncertain: [{ from: 7, through: 6 }] },
      { uncertain: [{ from: 7, through: 2 ** 53 - 1 }] },
    ];
    for (const fields of wrong) {
      const frame = frameOf(encodeMessage, { ...part, ...fields });
      expect(() => decode(frame)).toThrow(expect.objectContaining({ code: ErrorCode.frame }));
    }
  });

  it('refuse any random bytes with ERR_INDELIBLE_FRAME or not at all', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...MESSAGE_KINDS, 0, 999),
        fc.uint8Array({ maxLength: 200 }),
        (kind, body) => {
          decodesOrRefuses(() => decodeMessage(kind, body, 0, body.length));
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('refuse mutated, shortened and lengthened messages with ERR_INDELIBLE_FRAME or not at all', () => {
    fc.assert(
      fc.property(
        message,
        fc.nat(),
        fc.nat(255),
        fc.integer({ min: -8, max: 8 }),
        (sent, at, value, change) => {
          const whole = frameOf(encodeMessage, sent);
          const kind = whole.readUInt16LE(10);
          const body = Buffer.alloc(Math.max(0, whole.length - FRAME_HEADER_BYTES + change));
          whole.copy(body, 0, FRAME_HEADER_BYTES);
          if (body.length > 0) body[at % body.length] = value;
          decodesOrRefuses(() => decodeMessage(kind, body, 0, body.length));
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('refuse a count of votes that the bytes cannot hold, before making room for them', () => {
    const body = Buffer.alloc(20);
    body.writeUInt32LE(0xffff_ffff, 16);
    expect(() => decodeMessage(FrameKind.chosen, body, 0, body.length)).toThrow(/number of votes/);
  });

  it('refuse bytes behind the last field', () => {
    const body = Buffer.alloc(9);
    expect(() => decodeMessage(FrameKind.canvassed, body, 0, 9)).toThrow(/1 bytes too many/);
  });
});
