/**
 * Frames that earlier programs sent are read by this one as long as it speaks their version: each line of
 * frames/VERSION.txt is one whole frame, in hex, and what it says, as JSON with bytes in hex.
 *
 * `UPDATE_GOLDEN=1 npx vitest run test/golden/frames.test.ts` writes the file of a version that has none.
 */
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeClientMessage, encodeClientMessage } from '../../lib/wire/client-codec.js';
import { decodeMessage, encodeMessage } from '../../lib/wire/codec.js';
import { FrameDecoder } from '../../lib/wire/frame-decoder.js';
import { decodeGreeting, encodeHello } from '../../lib/wire/hello-codec.js';
import { PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from '../../lib/wire/protocol.js';
import { PROJECT_ROOT } from '../packaging/sources.js';
import { clientMessage, hello, message } from '../wire/arbitraries.js';
import { frameOf } from '../wire/frames.js';

const DIRECTORY = path.join(PROJECT_ROOT, 'test', 'golden', 'frames');
/** Whose frames they are: read by different functions. */
const READERS = { peer: decodeMessage, client: decodeClientMessage } as const;
const EACH = 120;

const fileOf = (version: number): string => path.join(DIRECTORY, `${version}.txt`);
const versions = Array.from(
  { length: PROTOCOL_VERSION - PROTOCOL_VERSION_MIN + 1 },
  (_, index) => PROTOCOL_VERSION_MIN + index,
);

function told(value: unknown): string {
  const hex = (_: string, each: unknown): unknown =>
    each instanceof Uint8Array ? Buffer.from(each).toString('hex') : each;
  // A Buffer would be told as one before `hex` sees it.
  return JSON.stringify(value, function (key, each) {
    const own = (this as Record<string, unknown>)[key];
    return own instanceof Uint8Array ? hex(key, own) : each;
  });
}

function read(kind: string, bytes: Buffer): unknown {
  const decoder = new FrameDecoder();
  decoder.push(bytes);
  expect(decoder.next()).toBe(true);
  const { start, end } = decoder;
  if (kind === 'hello') return decodeGreeting(decoder.version, decoder.kind, decoder.bytes, start, end);
  return READERS[kind as keyof typeof READERS](decoder.kind, decoder.bytes, start, end);
}

function lineOf(kind: string, frame: Buffer): string {
  return `${kind} ${frame.toString('hex')} ${told(read(kind, frame))}`;
}

function written(): string {
  const options = { seed: PROTOCOL_VERSION, numRuns: EACH };
  const lines = [
    ...fc.sample(message, options).map((each) => lineOf('peer', frameOf(encodeMessage, each))),
    ...fc.sample(clientMessage, options).map((each) => lineOf('client', frameOf(encodeClientMessage, each))),
    ...fc
      .sample(hello, { ...options, numRuns: 5 })
      .map((each) => ({ ...each, version: PROTOCOL_VERSION, versionMin: PROTOCOL_VERSION_MIN }))
      .map((each) => ({ ...each, added: new Uint8Array() }))
      .map((each) => lineOf('hello', frameOf(encodeHello, each))),
  ];
  return `${lines.join('\n')}\n`;
}

if (process.env['UPDATE_GOLDEN'] !== undefined && !fs.existsSync(fileOf(PROTOCOL_VERSION))) {
  fs.mkdirSync(DIRECTORY, { recursive: true });
  fs.writeFileSync(fileOf(PROTOCOL_VERSION), written());
}

describe.each(versions)('frames of version %i', (version) => {
  const lines = fs.readFileSync(fileOf(version), 'utf8').trimEnd().split('\n');

  it('are of every kind that carries a message', () => {
    const types = new Set(lines.map((line) => /"type":"(\w+)"/.exec(line)![1]));
    expect(types.size).toBeGreaterThanOrEqual(25);
  });

  it('are read as what they said', () => {
    for (const line of lines) {
      const [kind, frame] = line.split(' ', 2);
      expect(lineOf(kind!, Buffer.from(frame!, 'hex'))).toBe(line);
    }
  });
});
