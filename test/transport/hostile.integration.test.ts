import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { FRAME_BYTES_MAX } from '../../lib/limits.js';
import { encodeClientMessage } from '../../lib/wire/client-codec.js';
import { encodeMessage } from '../../lib/wire/codec.js';
import { FRAME_HEADER_BYTES, NO_BYTES } from '../../lib/wire/frame.js';
import type { Hello } from '../../lib/wire/hello-codec.js';
import { HelloRole, NO_OPENING, NO_SALT, NO_UUID } from '../../lib/wire/hello-codec.js';
import { FrameKind, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from '../../lib/wire/protocol.js';
import { acceptOf, until, Witness } from '../contract/transport.js';
import { clientMessage, message } from '../wire/arbitraries.js';
import { frameOf } from '../wire/frames.js';
import { diagnosticsDuring } from './diagnosed.js';
import { greet } from './greets.js';
import { CLUSTER, QUICK, SocketPlace, storeOf } from './places.js';
import { RawConnection } from './raw-connection.js';
import { EchoServer } from './servers.js';

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const SUBMIT = { type: 'submit', count: 1, lead: 0, deadlineMs: 2 ** 50 } as const;

/** Replica 2 of two, taking clients; and what a peer or a client says first to it. */
async function target() {
  const place = await SocketPlace.make(2);
  const server = await EchoServer.start(place, 2);
  ends.push(
    () => place.dispose(),
    () => server.transport.close(),
  );
  return { place, server, address: place.addresses.get(2)! };
}

const peerHello: Hello = {
  type: 'hello',
  version: PROTOCOL_VERSION,
  versionMin: PROTOCOL_VERSION_MIN,
  role: HelloRole.replica,
  replicaId: 1,
  wantedId: 2,
  clusterId: CLUSTER,
  storeUuid: storeOf(1),
  configurationNumber: 1,
  opening: NO_OPENING,
  salt: NO_SALT,
  added: NO_BYTES,
};
const clientHello: Hello = {
  type: 'hello',
  version: PROTOCOL_VERSION,
  versionMin: PROTOCOL_VERSION_MIN,
  role: HelloRole.client,
  replicaId: 0,
  wantedId: 0,
  clusterId: NO_UUID,
  storeUuid: NO_UUID,
  configurationNumber: 0,
  opening: NO_OPENING,
  salt: NO_SALT,
  added: NO_BYTES,
};

/**
 * Greets as who says `hello`, if any, then says all of `parts` and no more; the other end must close, be it
 * for what was said or for the end.
 */
async function say(address: string, hello: Hello | undefined, ...parts: Uint8Array[]): Promise<void> {
  const raw = await RawConnection.open(address);
  if (hello !== undefined) await greet(raw, hello);
  for (const part of parts) raw.write(part);
  raw.socket.end();
  await raw.closed;
}

describe('hostile bytes on the peer port', () => {
  it('close their connection and harm nothing else', async () => {
    const { server, address } = await target();
    const good = await RawConnection.open(address);
    await greet(good, clientHello);
    const bytes = fc.uint8Array({ maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(undefined, peerHello, clientHello), bytes, async (hello, rest) => {
        await say(address, hello, rest);
      }),
      { numRuns: 300 },
    );
    const submit = { ...SUBMIT, first: 1, body: Buffer.of(1, 0, 0, 0, 42) };
    good.write(frameOf(encodeClientMessage, submit));
    await good.until(() => good.frames().some((frame) => frame.kind === FrameKind.outcomes));
    good.destroy();
    expect(server.received.length).toBe(1);
  });

  it('close their connection when they are mutated messages', async () => {
    const { address } = await target();
    const frames = fc.oneof(
      message.map((each) => [peerHello, frameOf(encodeMessage, each)] as const),
      clientMessage.map((each) => [clientHello, frameOf(encodeClientMessage, each)] as const),
    );
    await fc.assert(
      fc.asyncProperty(
        frames,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async ([hello, frame], at, change) => {
          frame[at % frame.length]! ^= change;
          await say(address, hello, frame);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('are reported, each with its code', async () => {
    const { place, address } = await target();
    const seen = await diagnosticsDuring(async (soFar) => {
      await say(address, undefined, Buffer.alloc(64, 0xff));
      await say(address, clientHello, frameOf(encodeMessage, acceptOf(1, Buffer.of(1))));
      await say(
        address,
        peerHello,
        frameOf(encodeClientMessage, { type: 'leaderIs', leader: 1, lead: 0, clockMs: 0 }),
      );
      await until(place, () => soFar.filter((each) => each.event === 'malformed').length === 3);
    });
    const codes = seen.filter((each) => each.event === 'malformed').map((each) => each.error);
    expect(codes).toMatchObject(Array(3).fill({ code: 'ERR_INDELIBLE_FRAME' }));
  });

  it('cannot announce what nobody sets aside, before or after a hello', async () => {
    const { address } = await target();
    const header = Buffer.alloc(FRAME_HEADER_BYTES);
    header.writeUInt32LE(FRAME_BYTES_MAX, 4);
    const before = await RawConnection.open(address);
    before.write(header);
    await before.closed;
    header.writeUInt32LE(FRAME_BYTES_MAX + 1, 4);
    const after = await RawConnection.open(address);
    await greet(after, peerHello);
    after.write(header);
    await after.closed;
  });
});

describe('a slow reader', () => {
  it('that is a peer costs no more than its queue; what is beyond is dropped and counted', async () => {
    const place = await SocketPlace.make(2);
    ends.push(() => place.dispose());
    const peerQueueBytesMax = 4 << 20;
    const transport = place.transport(2, { bounds: { ...QUICK, peerQueueBytesMax } });
    ends.push(() => transport.close());
    const witness = new Witness();
    await transport.start(witness);
    const raw = await RawConnection.open(place.addresses.get(2)!);
    await greet(raw, peerHello);
    await until(place, () => witness.up.has(1));
    raw.socket.pause();
    const batch = new Uint8Array(100_000);
    for (let slot = 1; slot <= 200; slot++) {
      transport.send(1, acceptOf(slot, batch));
      transport.flush();
      await place.turn();
    }
    const { dropped, bytesSent } = transport.counters;
    expect(dropped).toBeGreaterThan(100);
    // Beyond the queue lies only what the kernel holds for both ends.
    expect(bytesSent).toBeLessThan(peerQueueBytesMax + (4 << 20));
    raw.destroy();
  });

  it('that is a client is not read from until it has taken its answers, and loses none', async () => {
    const { place, server, address } = await target();
    const raw = await RawConnection.open(address);
    const { socket } = raw;
    ends.push(() => socket.destroy());
    await greet(raw, clientHello);
    await until(place, () => server.connections.size > 0);
    socket.pause();
    const entry = Buffer.alloc(4 + 60_000, 9);
    entry.writeUInt32LE(60_000, 0);
    const count = 400;
    for (let first = 1; first <= count; first++) {
      socket.write(frameOf(encodeClientMessage, { ...SUBMIT, first, body: entry }));
    }
    await until(place, () => [...server.connections].some((each) => each.writableNeedDrain));
    for (let i = 0; i < 50; i++) await place.turn();
    expect(server.received.length).toBeLessThan(count / 2);
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    socket.resume();
    await until(place, () => received > count * 60_000);
    expect(server.received.length).toBe(count);
  });
});
