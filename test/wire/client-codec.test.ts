import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Outcome } from '../../lib/replica/service.js';
import { checkBody, entriesEnd } from '../../lib/wire/body.js';
import { decodeClientMessage, encodeClientMessage } from '../../lib/wire/client-codec.js';
import { RequestOutcome } from '../../lib/wire/client-messages.js';
import { FRAME_HEADER_BYTES } from '../../lib/wire/frame.js';
import { FrameKind } from '../../lib/wire/protocol.js';
import { Writer } from '../../lib/wire/writer.js';
import { bodyOf, clientMessage } from './arbitraries.js';
import { decodesOrRefuses, frameOf } from './frames.js';

function decode(frame: Buffer) {
  return decodeClientMessage(frame.readUInt16LE(10), frame, FRAME_HEADER_BYTES, frame.length);
}

const CLIENT_KINDS = Object.values(FrameKind).filter((kind) => kind >= 64);

const SUBMIT = { type: 'submit', first: 1, lead: 0, deadlineMs: 0 } as const;

describe('messages of clients on the wire', () => {
  it('are read back as they were written', () => {
    fc.assert(
      fc.property(clientMessage, (sent) => {
        expect(decode(frameOf(encodeClientMessage, sent))).toEqual(sent);
      }),
      { numRuns: 2000 },
    );
  });

  it('of a kind without a body have none, and no kind is unknown', () => {
    expect(encodeClientMessage(new Writer(), { type: 'statusRequest' })).toHaveLength(0);
    expect(() => decodeClientMessage(FrameKind.accept, new Uint8Array(0), 0, 0)).toThrow(/kind 21/);
  });

  it('have the outcome numbers of the service', () => {
    expect(RequestOutcome).toEqual(Outcome);
  });

  it('refuse a body that does not hold exactly the entries counted', () => {
    const body = bodyOf([Uint8Array.of(1), Uint8Array.of(2, 3)]);
    for (const count of [1, 3, 2 ** 32 - 1]) {
      const frame = frameOf(encodeClientMessage, { ...SUBMIT, count, body });
      expect(() => decode(frame)).toThrow(/body|entry/);
    }
    expect(() => checkBody(body, 0, body.length, 2, 1)).toThrow(/above 1/);
    expect(entriesEnd(body, 0, 1)).toBe(5);
  });

  it('refuse results of requests that were not done', () => {
    const frame = frameOf(encodeClientMessage, {
      type: 'outcomes',
      first: 1,
      count: 1,
      outcome: RequestOutcome.unknown,
      body: bodyOf([Uint8Array.of(1)]),
    });
    expect(() => decode(frame)).toThrow(/behind the last entry/);
  });

  it('refuse a run of none, and one beyond the numbers there are', () => {
    const body = new Uint8Array(0);
    const none = frameOf(encodeClientMessage, { ...SUBMIT, count: 0, body });
    expect(() => decode(none)).toThrow(/no requests/);
    const beyond = frameOf(encodeClientMessage, {
      type: 'outcomes',
      first: Number.MAX_SAFE_INTEGER,
      count: 2,
      outcome: RequestOutcome.unknown,
      body,
    });
    expect(() => decode(beyond)).toThrow(/above 2\^53/);
  });

  it('refuse any random or mutated bytes with ERR_INDELIBLE_FRAME or not at all', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CLIENT_KINDS, 0, 21),
        fc.uint8Array({ maxLength: 100 }),
        (kind, body) => {
          decodesOrRefuses(() => decodeClientMessage(kind, body, 0, body.length));
        },
      ),
      { numRuns: 5000 },
    );
    fc.assert(
      fc.property(clientMessage, fc.nat(), fc.nat(255), (sent, at, value) => {
        const frame = frameOf(encodeClientMessage, sent);
        if (frame.length > FRAME_HEADER_BYTES) {
          frame[FRAME_HEADER_BYTES + (at % (frame.length - FRAME_HEADER_BYTES))] = value;
        }
        decodesOrRefuses(() => decode(frame));
      }),
      { numRuns: 5000 },
    );
  });
});
