import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME_HEADER_BYTES } from '../../lib/wire/frame.js';
import { FrameDecoder } from '../../lib/wire/frame-decoder.js';
import {
  decodeGreeting,
  encodeHello,
  encodeRefusal,
  HELLO_FRAME_BYTES_MAX,
  type Hello,
  NO_OPENING,
  NO_SALT,
  SALT_BYTES,
} from '../../lib/wire/hello-codec.js';
import { FrameKind, PROTOCOL_VERSION } from '../../lib/wire/protocol.js';
import { hello, refusal } from './arbitraries.js';
import { decodesOrRefuses, frameOf } from './frames.js';

function decode(frame: Buffer) {
  const decoder = new FrameDecoder(HELLO_FRAME_BYTES_MAX);
  decoder.push(frame);
  expect(decoder.next()).toBe(true);
  return decodeGreeting(decoder.version, decoder.kind, decoder.bytes, decoder.start, decoder.end);
}

const HELLO: Hello = {
  ...({ type: 'hello', version: 3, role: 1, replicaId: 1, wantedId: 2 } as const),
  ...{ clusterId: 'ab'.repeat(16), storeUuid: 'cd'.repeat(16), configurationNumber: 1 },
  opening: { incarnation: 4, generation: 5, nonce: 6 },
  salt: Uint8Array.from({ length: SALT_BYTES }, (_, at) => at),
  versionMin: 3,
  added: Uint8Array.of(),
};

describe('the first words of a connection', () => {
  it('are read back as they were written, whatever version they name', () => {
    fc.assert(
      fc.property(hello, (sent) => {
        // Before version 3 a hello said nothing of the store's opening.
        const opening = sent.version < 3 ? NO_OPENING : sent.opening;
        const salt = sent.version < 6 ? NO_SALT : sent.salt;
        // Before version 9 it said of one version that it is spoken.
        const versionMin = sent.version < 9 ? sent.version : sent.versionMin;
        // Nothing comes behind what this program knows but of a later version.
        const added = sent.version <= PROTOCOL_VERSION ? Uint8Array.of() : sent.added;
        const found = decode(frameOf(encodeHello, { ...sent, added })) as Hello;
        const { salt: foundSalt, added: foundAdded } = found;
        expect({ ...found, salt: [...foundSalt], added: [...foundAdded] }).toEqual({
          ...{ ...sent, opening, versionMin },
          ...{ salt: [...salt], added: [...added] },
        });
      }),
      { examples: [3, 4, 5, 6, 8, 9, 10].map((version) => [{ ...HELLO, version }] as [Hello]) },
    );
    fc.assert(
      fc.property(refusal, (sent) => {
        expect(decode(frameOf(encodeRefusal, sent))).toEqual(sent);
      }),
    );
  });

  it('name a role that there is', () => {
    for (const role of [0, 4]) {
      const frame = frameOf(encodeHello, { ...HELLO, role: role as Hello['role'] });
      expect(() => decode(frame)).toThrow(/role/);
    }
  });

  it('cut the text of a refusal to what fits', () => {
    const sent = { type: 'refusal', code: 1, text: 'x'.repeat(1000) } as const;
    expect(decode(frameOf(encodeRefusal, sent))).toMatchObject({ text: 'x'.repeat(256) });
  });

  it('refuse any random bytes with ERR_INDELIBLE_FRAME or not at all', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 2, 3, 6, 7, 21), fc.uint8Array({ maxLength: 400 }), (kind, body) => {
        decodesOrRefuses(() => decodeGreeting(1, kind, body, 0, body.length));
      }),
      { numRuns: 3000 },
    );
    expect(FRAME_HEADER_BYTES).toBeLessThan(HELLO_FRAME_BYTES_MAX);
    expect(() => decodeGreeting(1, FrameKind.accept, Buffer.alloc(0), 0, 0)).toThrow(/begins with/);
  });
});
