import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../lib/errors.js';
import { COMMAND_BYTES_MAX } from '../../lib/limits.js';
import { checkRequests, RequestFrames } from '../../lib/transport/request-frames.js';
import { decodeClientMessage } from '../../lib/wire/client-codec.js';
import type { Query, Submit } from '../../lib/wire/client-messages.js';
import { FrameDecoder } from '../../lib/wire/frame-decoder.js';
import { FrameKind } from '../../lib/wire/protocol.js';
import { bodyOf } from '../wire/arbitraries.js';

function given(frames: RequestFrames): (Submit | Query)[] {
  const decoder = new FrameDecoder();
  frames.give((bytes, length) => decoder.push(Buffer.from(bytes.subarray(0, length))));
  const found: (Submit | Query)[] = [];
  while (decoder.next()) {
    const message = decodeClientMessage(decoder.kind, decoder.bytes, decoder.start, decoder.end);
    found.push(message as Submit | Query);
  }
  return found;
}

const entries = fc.array(fc.uint8Array({ maxLength: 30 }), { minLength: 1, maxLength: 8 });

const TERMS = { lead: 65537, deadlineMs: 1000 };

describe('requests gathered for one flush', () => {
  it('say the same as the requests, numbers and bytes and order', () => {
    const added = fc.array(fc.record({ kind: fc.constantFrom('submit', 'query'), entries }), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(added, (list) => {
        const frames = new RequestFrames();
        const next = { submit: 1, query: 2 ** 52 };
        const expected: { type: string; number: number; entry: string }[] = [];
        for (const { kind, entries: bodies } of list) {
          const type = kind as 'submit' | 'query';
          const first = next[type];
          if (bodies.length === 1) {
            frames.addOne(FrameKind[type], first, bodies[0]!, TERMS);
          } else {
            const body = bodyOf(bodies);
            frames.addBody(FrameKind[type], first, bodies.length, body, 0, body.length, TERMS);
          }
          bodies.forEach((entry, i) => {
            expected.push({ type, number: first + i, entry: Buffer.from(entry).toString('hex') });
          });
          next[type] += bodies.length;
        }
        expect(given(frames).flatMap(entriesOf)).toEqual(expected);
        expect(frames.lengthBytes).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('share one frame while they are of one kind', () => {
    const frames = new RequestFrames();
    for (let number = 1; number <= 500; number++)
      frames.addOne(FrameKind.submit, number, Buffer.alloc(16), TERMS);
    expect(given(frames).map((each) => [each.first, each.count])).toEqual([[1, 500]]);
    frames.addOne(FrameKind.submit, 501, Buffer.alloc(16), TERMS);
    expect(given(frames).map((each) => [each.first, each.count])).toEqual([[501, 1]]);
  });

  it('are cut into frames when a body is long', () => {
    const frames = new RequestFrames();
    const body = bodyOf(Array.from({ length: 700 }, (_, i) => Buffer.alloc(1000, i)));
    frames.addBody(FrameKind.submit, 1, 700, body, 0, body.length, TERMS);
    const messages = given(frames);
    expect(messages.length).toBeGreaterThan(3);
    expect(messages.every((each) => each.body.length < 140_000)).toBe(true);
    expect(messages.flatMap(entriesOf).map((each) => each.number)).toEqual(
      Array.from({ length: 700 }, (_, i) => i + 1),
    );
  });

  it('share one frame only with those that are asked of the same lead and have about the same deadline', () => {
    const frames = new RequestFrames();
    const add = (number: number, lead: number, deadlineMs: number): void =>
      frames.addOne(FrameKind.submit, number, Buffer.alloc(1), { lead, deadlineMs });
    add(1, 5, 1000);
    add(2, 5, 1050);
    add(3, 5, 1051);
    add(4, 6, 1051);
    add(5, 6, 1050);
    const told = given(frames).map(({ first, count, lead, deadlineMs }) => [first, count, lead, deadlineMs]);
    expect(told).toEqual([
      [1, 2, 5, 1000],
      [3, 1, 5, 1051],
      [4, 1, 6, 1051],
      [5, 1, 6, 1050],
    ]);
  });

  it('carry the largest command', () => {
    const frames = new RequestFrames();
    frames.addOne(FrameKind.query, 2 ** 52, Buffer.alloc(100), TERMS);
    frames.addOne(FrameKind.query, 2 ** 52 + 1, new Uint8Array(COMMAND_BYTES_MAX), TERMS);
    expect(given(frames).reduce((sum, each) => sum + each.count, 0)).toBe(2);
  });
});

describe('a body given by a caller', () => {
  it('is refused when it is not one', () => {
    const body = bodyOf([Buffer.of(1), Buffer.of(2)]);
    checkRequests(body, 0, body.length, 2);
    for (const [start, end, count] of [
      [0, body.length, 1],
      [0, body.length, 3],
      [0, body.length - 1, 2],
      [1, body.length, 2],
    ] as const) {
      expect(() => checkRequests(body, start, end, count)).toThrow(RangeError);
    }
  });

  it('is refused when a command is too large', () => {
    const body = bodyOf([new Uint8Array(COMMAND_BYTES_MAX + 1)]);
    expect(() => checkRequests(body, 0, body.length, 1)).toThrow(
      expect.objectContaining({ code: ErrorCode.commandTooLarge }),
    );
  });
});

function entriesOf(message: Submit | Query): { type: string; number: number; entry: string }[] {
  const body = Buffer.from(message.body);
  let at = 0;
  return Array.from({ length: message.count }, (_, i) => {
    const length = body.readUInt32LE(at);
    const entry = body.toString('hex', at + 4, at + 4 + length);
    at += 4 + length;
    return { type: message.type, number: message.first + i, entry };
  });
}
