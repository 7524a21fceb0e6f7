/**
 * Bulk on a link of bounded rate: it keeps the link busy, and holds up nothing else. Time is virtual.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../lib/paxos/messages.js';
import { encodeMessage } from '../../lib/wire/codec.js';
import { FrameKind } from '../../lib/wire/protocol.js';
import { frameError } from '../../lib/wire/reader.js';
import { Writer } from '../../lib/wire/writer.js';
import { acceptOf } from '../contract/transport.js';
import { frameOf } from '../wire/frames.js';
import { BulkLink, type LinkEnd } from './bulk-link.js';

const HEARTBEAT: Message = { type: 'canvassed', ballot: 65537 as never };

function sendBulk(end: LinkEnd, slot: number, length: number): void {
  const writer = new Writer();
  const tail = encodeMessage(writer, acceptOf(slot, new Uint8Array(length).fill(slot)));
  end.lane.add(writer.bytes, writer.length, tail);
}

interface Course {
  /** The longest that a control message was on its way, in milliseconds. */
  readonly controlMs: number;
  /** Bulk bytes that came through, as a share of what the link can carry. */
  readonly use: number;
}

/** Saturates a link for a while after it has run in, and says what came of it. */
function saturate(bytesPerMs: number, delayMs: number, frameBytes: number): Course {
  const link = new BulkLink(bytesPerMs, delayMs);
  const sentMs: number[] = [];
  let slot = 0;
  let controlMs = 0;
  let bulkBytes = 0;
  const [fromMs, throughMs] = [2000, 4000];
  for (let ms = 0; ms < throughMs; ms++) {
    while (link.near.lane.hasRoom()) sendBulk(link.near, ++slot, frameBytes);
    if (ms % 50 === 0) {
      link.near.say(frameOf(encodeMessage, HEARTBEAT));
      sentMs.push(link.nowMs);
    }
    link.step();
    for (const { kind, body, atMs } of link.far.arrived.splice(0)) {
      if (kind === FrameKind.canvassed) {
        const tookMs = atMs - sentMs.shift()!;
        if (atMs > fromMs) controlMs = Math.max(controlMs, tookMs);
      } else if (atMs > fromMs) bulkBytes += body.length;
    }
  }
  return { controlMs, use: bulkBytes / (bytesPerMs * (throughMs - fromMs)) };
}

describe('bulk on a link of bounded rate', () => {
  const links = [
    { name: '1 MB/s', bytesPerMs: 1_000, delayMs: 1 },
    { name: '8 MB/s', bytesPerMs: 8_000, delayMs: 1 },
    { name: '40 MB/s', bytesPerMs: 40_000, delayMs: 1 },
    { name: '8 MB/s, 40 ms away', bytesPerMs: 8_000, delayMs: 20 },
    { name: '8 MB/s, 200 ms away', bytesPerMs: 8_000, delayMs: 100 },
  ];
  for (const { name, bytesPerMs, delayMs } of links) {
    it(`uses it well and holds up no control: ${name}`, () => {
      for (const frameBytes of [bytesPerMs / 2, 128 << 10, 1 << 20]) {
        const { controlMs, use } = saturate(bytesPerMs, delayMs, frameBytes);
        expect(use, `use, frames of ${frameBytes}`).toBeGreaterThan(delayMs < 50 ? 0.8 : 0.7);
        expect(controlMs - delayMs, `delay, frames of ${frameBytes}`).toBeLessThan(350);
      }
    });
  }

  it('brings every frame whole and in order, whatever the rate and the lengths', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 400_000 }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 200, max: 40_000 }),
        fc.integer({ min: 0, max: 30 }),
        (lengths, bytesPerMs, delayMs) => {
          const link = new BulkLink(bytesPerMs, delayMs);
          lengths.forEach((length, at) => {
            sendBulk(link.near, at + 1, length);
          });
          const total = lengths.reduce((sum, length) => sum + length + 100, 0);
          const enoughMs = 1000 + 2 * (total / bytesPerMs + (2 * delayMs * total) / (32 << 10));
          for (let ms = 0; ms < enoughMs && link.far.arrived.length < lengths.length; ms++) link.step();
          const expected = lengths.map((length, at) =>
            frameOf(encodeMessage, acceptOf(at + 1, new Uint8Array(length).fill(at + 1))).subarray(12),
          );
          expect(link.far.arrived.length).toBe(expected.length);
          expect(expected.every((body, at) => body.equals(link.far.arrived[at]!.body))).toBe(true);
          expect(link.near.lane.waitingBytes).toBe(0);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('says once that there is room again, and only to who was told that there is none', () => {
    const link = new BulkLink(1000, 0);
    sendBulk(link.near, 1, 1 << 20);
    for (let ms = 0; ms < 2000; ms++) link.step();
    expect(link.near.rooms).toBe(0);
    sendBulk(link.near, 2, 1 << 20);
    expect(link.near.lane.hasRoom()).toBe(false);
    for (let ms = 0; ms < 2000; ms++) link.step();
    expect(link.near.rooms).toBe(1);
    expect(link.near.lane.hasRoom()).toBe(true);
  });

  it('notices that a long frame is arriving', () => {
    const link = new BulkLink(1000, 0);
    expect(link.far.lane.isArriving()).toBe(false);
    sendBulk(link.near, 1, 1 << 20);
    for (let ms = 0; ms < 400; ms++) link.step();
    expect(link.far.arrived).toEqual([]);
    expect(link.far.lane.isArriving()).toBe(true);
    expect(link.far.lane.isArriving()).toBe(false);
  });

  it('believes nobody who has taken what was not sent, or takes back what was taken', () => {
    const link = new BulkLink(1000, 0);
    sendBulk(link.near, 1, 50_000);
    for (let ms = 0; ms < 100; ms++) link.step();
    for (const total of [60_000, 100]) {
      const taken = new Writer();
      taken.u64(total);
      const frame = { kind: FrameKind.taken, bytes: taken.bytes, start: 0, end: 8 };
      expect(() => link.near.lane.receive(frame as never)).toThrow(frameError('').constructor as never);
    }
  });
});
