import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../lib/errors.js';
import { FRAME_BYTES_MAX } from '../../lib/limits.js';
import { encodeMessage } from '../../lib/wire/codec.js';
import { beginFrame, FRAME_HEADER_BYTES, sealFrame } from '../../lib/wire/frame.js';
import { FrameDecoder } from '../../lib/wire/frame-decoder.js';
import { FrameKind, PROTOCOL_VERSION } from '../../lib/wire/protocol.js';
import { Writer } from '../../lib/wire/writer.js';
import { message } from './arbitraries.js';
import { decodesOrRefuses, frameOf, framesIn } from './frames.js';

function frame(body: Uint8Array, kind: FrameKind = FrameKind.accept): Buffer {
  const writer = new Writer(16);
  const start = beginFrame(writer, kind);
  writer.append(body);
  sealFrame(writer, start);
  return Buffer.from(writer.bytes.subarray(0, writer.length));
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const cuts = [0, ...[...at].map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, i) => Buffer.from(bytes.subarray(cuts[i], end)));
}

/** These bytes in a buffer that shares its memory with no other. */
function unpooled(...parts: Buffer[]): Buffer {
  const whole = Buffer.concat(parts);
  const own = Buffer.allocUnsafeSlow(whole.length);
  whole.copy(own);
  return own;
}

const FRAME_CODE = expect.objectContaining({ code: ErrorCode.frame });

describe('the frame decoder', () => {
  it('finds the same frames however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (sent, cuts) => {
          const frames = sent.map((each) => frameOf(encodeMessage, each));
          const decoder = new FrameDecoder();
          const found = cut(Buffer.concat(frames), cuts).flatMap((chunk) => {
            decoder.push(chunk);
            return framesIn(decoder);
          });
          expect(found.map((each) => each.body.toString('hex'))).toEqual(
            frames.map((each) => each.subarray(FRAME_HEADER_BYTES).toString('hex')),
          );
          expect(found.map(({ kind }) => kind)).toEqual(sent.map(({ type }) => FrameKind[type]));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('finds a frame at each of its splits in two, and byte by byte', () => {
    const whole = frame(Buffer.from('a command or two'));
    for (let at = 0; at <= whole.length; at++) {
      const decoder = new FrameDecoder();
      decoder.push(whole.subarray(0, at));
      const early = framesIn(decoder);
      expect(early.length).toBe(at === whole.length ? 1 : 0);
      decoder.push(whole.subarray(at));
      expect([...early, ...framesIn(decoder)].map((found) => found.body.toString())).toEqual([
        'a command or two',
      ]);
    }
    const decoder = new FrameDecoder();
    const found = [...whole].flatMap((byte) => {
      decoder.push(Buffer.from([byte]));
      return framesIn(decoder);
    });
    expect(found.length).toBe(1);
  });

  it('does not copy a frame that lies whole in a chunk, also behind one that does not', () => {
    const first = frame(Buffer.alloc(100, 1));
    const second = frame(Buffer.alloc(50, 2));
    const decoder = new FrameDecoder();
    decoder.push(first.subarray(0, 30));
    expect(framesIn(decoder)).toEqual([]);
    const chunk = unpooled(first.subarray(30), second, frame(Buffer.alloc(0)));
    decoder.push(chunk);
    const [gathered, window, empty] = framesIn(decoder);
    expect(gathered!.body).toEqual(Buffer.alloc(100, 1));
    expect(gathered!.body.buffer).not.toBe(chunk.buffer);
    expect(window!.body.buffer).toBe(chunk.buffer);
    expect(empty!.body.buffer).toBe(chunk.buffer);
  });

  it('gathers a long frame into bytes of its own length', () => {
    const long = frame(Buffer.alloc(10_000, 1));
    const decoder = new FrameDecoder();
    for (const chunk of cut(long, [3000])) {
      decoder.push(chunk);
      framesIn(decoder);
    }
    expect(decoder.bytes.length).toBe(long.length);
  });

  it('keeps windows unchanged while later frames arrive', () => {
    const decoder = new FrameDecoder();
    const held = [1, 2, 3].flatMap((value) => {
      const bytes = frame(Buffer.alloc(700, value));
      decoder.push(bytes.subarray(0, 400));
      expect(framesIn(decoder)).toEqual([]);
      decoder.push(bytes.subarray(400));
      return framesIn(decoder);
    });
    expect(held.map((found) => found.body)).toEqual([1, 2, 3].map((value) => Buffer.alloc(700, value)));
  });

  it('holds back the rest of a chunk for who stops in the middle', () => {
    const decoder = new FrameDecoder();
    decoder.push(Buffer.concat([frame(Buffer.from('a')), frame(Buffer.from('b')), Buffer.from([1])]));
    expect(decoder.next()).toBe(true);
    decoder.push(Buffer.from([2]));
    expect(decoder.next()).toBe(true);
    expect(decoder.bytes.subarray(decoder.start, decoder.end).toString()).toBe('b');
    expect(decoder.next()).toBe(false);
  });

  it('sets aside no more than a few times what really came, whatever a header announces', () => {
    const header = frame(Buffer.alloc(0));
    header.writeUInt32LE(FRAME_BYTES_MAX, 4);
    const decoder = new FrameDecoder();
    decoder.push(header);
    expect(decoder.next()).toBe(false);
    expect(decoder.gatherCapacityBytes).toBeLessThanOrEqual(512);
    let sent = header.length;
    for (let i = 0; i < 100; i++) {
      decoder.push(Buffer.alloc(1000));
      sent += 1000;
      expect(decoder.next()).toBe(false);
      expect(decoder.gatherCapacityBytes).toBeLessThanOrEqual(4 * sent + 512);
    }
  });

  it('carries the longest frame and refuses a longer one by its header alone', () => {
    const longest = frame(Buffer.alloc(FRAME_BYTES_MAX - FRAME_HEADER_BYTES, 5));
    const decoder = new FrameDecoder();
    const found = cut(longest, [70_000, 500_000, 1_900_000]).flatMap((chunk) => {
      decoder.push(chunk);
      return framesIn(decoder);
    });
    expect(found.map((each) => each.body.length)).toEqual([FRAME_BYTES_MAX - FRAME_HEADER_BYTES]);
    for (const length of [0, FRAME_HEADER_BYTES - 1, FRAME_BYTES_MAX + 1, 0xffff_ffff]) {
      const header = frame(Buffer.alloc(0));
      header.writeUInt32LE(length, 4);
      const fresh = new FrameDecoder();
      fresh.push(header);
      expect(() => fresh.next()).toThrow(/announces/);
    }
  });

  it('refuses every flipped bit', () => {
    const whole = frame(Buffer.from('body'));
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const damaged = Buffer.from(whole);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      const decoder = new FrameDecoder();
      decoder.push(damaged);
      let found = false;
      try {
        found = decoder.next();
      } catch (error) {
        expect(error).toEqual(FRAME_CODE);
      }
      expect(found, `bit ${bit}`).toBe(false);
    }
  });

  it('refuses a frame of another version, a hello aside', () => {
    const framed = (kind: FrameKind): Buffer => {
      const writer = new Writer();
      sealFrame(writer, beginFrame(writer, kind, PROTOCOL_VERSION + 1));
      return Buffer.from(writer.bytes.subarray(0, writer.length));
    };
    const decoder = new FrameDecoder();
    decoder.push(framed(FrameKind.hello));
    expect(decoder.next()).toBe(true);
    expect(decoder.version).toBe(PROTOCOL_VERSION + 1);
    decoder.push(framed(FrameKind.keepAlive));
    expect(() => decoder.next()).toThrow(FRAME_CODE);
  });

  it('refuses any random bytes with ERR_INDELIBLE_FRAME or not at all', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 10 }), (chunks) => {
        const decoder = new FrameDecoder();
        decodesOrRefuses(() => {
          for (const chunk of chunks) {
            decoder.push(Buffer.from(chunk));
            framesIn(decoder);
          }
        });
      }),
      { numRuns: 3000 },
    );
  });
});
