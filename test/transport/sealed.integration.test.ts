/**
 * Attacks on the greeting: without the key, with another one, with what was recorded, with what the victim
 * said itself, with a client's key, and from between two ends. Each must be refused and leave nobody let in.
 */
import { connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ErrorCode } from '../../lib/errors.js';
import { Exchange } from '../../lib/transport/exchange.js';
import { type ClusterKeys, clusterKeys, newSalt } from '../../lib/transport/proof.js';
import { FRAME_HEADER_BYTES, NO_BYTES } from '../../lib/wire/frame.js';
import { FrameDecoder } from '../../lib/wire/frame-decoder.js';
import type { Greeting, Hello } from '../../lib/wire/hello-codec.js';
import {
  decodeGreeting,
  encodeChallenge,
  encodeHello,
  encodeProof,
  encodeRefusal,
  HELLO_FRAME_BYTES_MAX,
  HelloRole,
  NO_OPENING,
  NO_SALT,
  NO_UUID,
  RefusalCode,
} from '../../lib/wire/hello-codec.js';
import { FrameKind, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from '../../lib/wire/protocol.js';

import { until, Witness } from '../contract/transport.js';
import { frameOf } from '../wire/frames.js';
import { diagnosticsDuring } from './diagnosed.js';
import { greet } from './greets.js';
import { CLUSTER, KEYS, SocketPlace, storeOf } from './places.js';
import { RawConnection } from './raw-connection.js';
import { EchoServer } from './servers.js';

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const PEER: Hello = {
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
const ASKER = { ...PEER, replicaId: 0, clusterId: NO_UUID, storeUuid: NO_UUID };
const OTHER_KEYS = clusterKeys(Buffer.alloc(32, 'another key'));
const { challenge, hello, proof, refusal } = FrameKind;

/** Replica 2 of two, with clients; `witness` notes whom it lets in as a peer. */
async function target() {
  const place = await SocketPlace.make(2);
  const witness = new Witness();
  let clients = 0;
  const transport = place.transport(2, { onClient: () => clients++ });
  await transport.start(witness);
  ends.push(
    () => place.dispose(),
    () => transport.close(),
  );
  return { place, witness, transport, address: place.addresses.get(2)!, clients: () => clients };
}

const kindsOf = (raw: RawConnection): number[] => raw.frames().map(({ kind }) => kind);

/** The code of the refusal that was the last word. */
async function refused(raw: RawConnection): Promise<number> {
  await raw.closed;
  const last = raw.frames().at(-1)!;
  expect(last.kind).toBe(refusal);
  return last.body[0]!;
}

describe('who has not the key', () => {
  it.each([
    ['a replica', PEER],
    ['a client', { ...ASKER, role: HelloRole.client }],
    ['a front end', { ...ASKER, role: HelloRole.frontEnd }],
  ])('is refused as %s, whether it offers none or another one', async (_, who) => {
    const { address, witness, clients } = await target();
    const without = await RawConnection.open(address);
    without.write(frameOf(encodeHello, who));
    expect(await refused(without)).toBe(RefusalCode.key);
    expect(kindsOf(without)).toEqual([refusal]);
    const wrong = await RawConnection.open(address);
    await greet(wrong, who, OTHER_KEYS);
    expect(await refused(wrong)).toBe(RefusalCode.key);
    expect(kindsOf(wrong)).toEqual([challenge, refusal]);
    expect([witness.ups, clients()]).toEqual([0, 0]);
  });

  it('is told nothing of the cluster, the replica or its store before it has proven it', async () => {
    const { address } = await target();
    const raw = await RawConnection.open(address);
    await greet(raw, { ...ASKER, role: HelloRole.client }, OTHER_KEYS);
    await raw.closed;
    const said = Buffer.concat(raw.frames().map(({ body }) => body)).toString('hex');
    for (const secret of [CLUSTER, storeOf(1), storeOf(2)]) expect(said).not.toContain(secret);
  });

  it.each([
    ['a proof without a hello', [proof]],
    ['a second hello instead of a proof', [hello, hello]],
    ['a challenge', [hello, challenge]],
    ['a message', [hello, FrameKind.submit]],
  ])('is cut off when it says %s', async (_, kinds) => {
    const { address, witness, clients } = await target();
    const words = {
      [hello]: frameOf(encodeHello, { ...PEER, salt: newSalt() }),
      [proof]: frameOf(encodeProof, { type: 'proof', bytes: newSalt() }),
      [challenge]: frameOf(encodeChallenge, {
        type: 'challenge',
        version: PROTOCOL_VERSION,
        salt: newSalt(),
      }),
      [FrameKind.submit]: Buffer.from('0'.repeat(24), 'hex'),
    };
    const raw = await RawConnection.open(address);
    for (const kind of kinds) raw.write(words[kind]!);
    await raw.closed;
    expect([witness.ups, clients()]).toEqual([0, 0]);
    expect(kindsOf(raw)).not.toContain(hello);
  });

  it('has no more time when it has said hello than when it has not', async () => {
    const place = await SocketPlace.make(2);
    const transport = place.transport(2, { bounds: { helloMsMax: 30 } });
    await transport.start(new Witness());
    ends.push(
      () => place.dispose(),
      () => transport.close(),
    );
    const raw = await RawConnection.open(place.addresses.get(2)!);
    raw.write(frameOf(encodeHello, { ...PEER, salt: newSalt() }));
    expect(await refused(raw)).toBe(RefusalCode.noHello);
  });

  it('and who is silent on every connection there is keeps no replica out', async () => {
    const place = await SocketPlace.make(2);
    const witness = new Witness();
    const transport = place.transport(2, { bounds: { helloMsMax: 60_000, clientsMax: 5 } });
    await transport.start(witness);
    ends.push(
      () => place.dispose(),
      () => transport.close(),
    );
    const address = place.addresses.get(2)!;
    const silent = await Promise.all(Array.from({ length: 40 }, () => RawConnection.open(address)));
    const raw = await RawConnection.open(address);
    ends.push(() => {
      for (const each of [...silent, raw]) each.destroy();
    });
    await greet(raw, PEER);
    await until(place, () => witness.ups > 0);
  });
});

describe('what another connection proved', () => {
  it('proves nothing when it is said again', async () => {
    const { address, witness } = await target();
    const first = await RawConnection.open(address);
    const said: Buffer[] = [];
    const write = first.write.bind(first);
    first.write = (bytes) => {
      said.push(Buffer.from(bytes));
      write(bytes);
    };
    await greet(first, PEER);
    await first.until(() => kindsOf(first).includes(proof));
    expect(witness.ups).toBe(1);
    const again = await RawConnection.open(address);
    for (const bytes of said) again.write(bytes);
    expect(await refused(again)).toBe(RefusalCode.key);
    expect(witness.ups).toBe(1);
  });

  it('proves nothing for a hello that was changed on the way', async () => {
    const { address, witness } = await target();
    // The proof is for replica 1 without an opening; what arrives claims one.
    const changed = { ...PEER, salt: newSalt(), opening: { incarnation: 1, generation: 2, nonce: 3 } };
    const raw = await RawConnection.open(address);
    await greet(raw, PEER, KEYS, changed);
    expect(await refused(raw)).toBe(RefusalCode.key);
    expect(witness.ups).toBe(0);
  });
});

describe('the key of clients', () => {
  it.each([
    ['a replica', PEER],
    ['a front end', { ...ASKER, role: HelloRole.frontEnd }],
  ])('does not make its owner %s', async (_, who) => {
    const { address, witness, clients } = await target();
    const asReplica: ClusterKeys = { clients: KEYS.clients, replicas: KEYS.clients };
    const raw = await RawConnection.open(address);
    await greet(raw, who, asReplica);
    expect(await refused(raw)).toBe(RefusalCode.key);
    expect([witness.ups, clients()]).toEqual([0, 0]);
  });

  it('is refused to a client whose proof was made as a replica', async () => {
    const { address, clients } = await target();
    const raw = await RawConnection.open(address);
    await greet(
      raw,
      { ...ASKER, role: HelloRole.client },
      { clients: KEYS.replicas, replicas: KEYS.replicas },
    );
    expect(await refused(raw)).toBe(RefusalCode.key);
    expect(clients()).toBe(0);
  });
});

/** Listens at the place of replica 2 and answers each frame of a caller with `answer`. */
async function impostor(
  place: SocketPlace,
  answer: (kind: number, body: Buffer) => Uint8Array[],
): Promise<Server> {
  const server = createServer((socket) => {
    let heard = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      heard = Buffer.concat([heard, chunk]);
      while (heard.length >= 12 && heard.length >= heard.readUInt32LE(4)) {
        const length = heard.readUInt32LE(4);
        const kind = heard.readUInt16LE(10);
        for (const bytes of answer(kind, heard.subarray(12, length))) socket.write(bytes);
        heard = heard.subarray(length);
      }
    });
  });
  const path = place.addresses.get(2)!.slice('unix:'.length);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  ends.push(
    () => place.dispose(),
    () => new Promise((resolve) => server.close(resolve)),
  );
  return server;
}

describe('who answers without the key', () => {
  const answer: Hello = { ...PEER, replicaId: 2, wantedId: 0, storeUuid: storeOf(2) };
  const frame = (greeting: Greeting): Buffer => {
    if (greeting.type === 'hello') return frameOf(encodeHello, greeting);
    if (greeting.type === 'proof') return frameOf(encodeProof, greeting);
    return frameOf(encodeChallenge, greeting as Extract<Greeting, { type: 'challenge' }>);
  };
  const ask = (place: SocketPlace): Promise<Exchange> =>
    Exchange.connect({ address: place.addresses.get(2)!, replicaId: 2, key: KEYS.clients });
  const stranger = expect.objectContaining({ code: ErrorCode.stranger });

  it('and asks for no proof is refused', async () => {
    const place = await SocketPlace.make(2);
    await impostor(place, (kind) => (kind === hello ? [frame(answer)] : []));
    await expect(ask(place)).rejects.toEqual(stranger);
  });

  it('is refused when it sends back what the caller itself has proven', async () => {
    const place = await SocketPlace.make(2);
    const salt = newSalt();
    await impostor(place, (kind, body) => {
      if (kind === hello) return [frame({ type: 'challenge', version: PROTOCOL_VERSION, salt })];
      return kind === proof
        ? [frame({ ...answer, salt }), frame({ type: 'proof', bytes: Buffer.from(body) })]
        : [];
    });
    await expect(ask(place)).rejects.toEqual(stranger);
  });

  it.each([
    RefusalCode.cluster,
    RefusalCode.storeUuid,
    RefusalCode.wrongReplica,
    RefusalCode.busy,
    RefusalCode.staleStore,
  ])('is believed no refusal %j, said at once or with a proof that is none', async (code) => {
    const word = frameOf(encodeRefusal, { type: 'refusal', code, text: 'format it again' });
    const place = await SocketPlace.make(2);
    let atOnce = true;
    await impostor(place, (kind, body) => {
      if (kind === hello)
        return atOnce ? [word] : [frame({ type: 'challenge', version: PROTOCOL_VERSION, salt: newSalt() })];
      return kind === proof ? [word, frame({ type: 'proof', bytes: Buffer.from(body) })] : [];
    });
    await expect(ask(place)).rejects.toMatchObject({ message: expect.not.stringContaining('format') });
    atOnce = false;
    await expect(ask(place)).rejects.toMatchObject({
      code: ErrorCode.stranger,
      message: expect.stringContaining('not the key of this cluster'),
    });
    const transport = place.transport(1);
    const seen = await diagnosticsDuring(async (soFar) => {
      await transport.start(new Witness());
      await until(place, () => soFar.some(({ event }) => event === 'dial-failed'));
    });
    ends.push(() => transport.close());
    expect(seen.map(({ error }) => error?.message).join()).not.toContain('format');
    expect(transport.refusals.size).toBe(0);
  });

  it('steers nobody’s terminal with its reasons', async () => {
    const place = await SocketPlace.make(2);
    const text = 'no\u001b]0;owned\u0007\nreplica 1: all is well\u202e';
    await impostor(place, () => [frameOf(encodeRefusal, { type: 'refusal', code: RefusalCode.key, text })]);
    const error: Error = await ask(place).then(
      () => new Error('let in'),
      (reason: Error) => reason,
    );
    expect(error.message).toMatch(/no.*owned.*all is well/);
    expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it('and passes everything on is refused when it changes a word, and only then noticed', async () => {
    const { address } = await target();
    const between = await SocketPlace.make(2);
    let change = (each: Hello): Hello => each;
    // Frames are sealed anew, so that it is not a CRC that tells.
    const server = createServer((socket) => {
      const onward = connect(address.slice('unix:'.length));
      for (const each of [socket, onward]) each.on('error', () => {});
      const decoder = new FrameDecoder(HELLO_FRAME_BYTES_MAX);
      socket.pipe(onward);
      onward.on('data', (chunk) => {
        decoder.push(chunk);
        while (decoder.next()) {
          const { version, kind, bytes, start, end } = decoder;
          const isHello = kind === hello;
          const whole = Buffer.from(bytes.subarray(start - FRAME_HEADER_BYTES, end));
          const heard = isHello ? decodeGreeting(version, kind, bytes, start, end) : undefined;
          socket.write(heard?.type === 'hello' ? frame(change(heard)) : whole);
        }
      });
      socket.on('close', () => onward.destroy());
      onward.on('close', () => socket.destroy());
    });
    const path = between.addresses.get(2)!.slice('unix:'.length);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    ends.push(
      () => between.dispose(),
      () => new Promise((resolve) => server.close(resolve)),
    );
    (await ask(between)).close();
    for (const changes of [
      { configurationNumber: 9 },
      { storeUuid: storeOf(3) },
      { opening: { incarnation: 1, generation: 1, nonce: 1 } },
      { salt: newSalt() },
    ]) {
      change = (each) => ({ ...each, ...changes });
      await expect(ask(between)).rejects.toEqual(stranger);
    }
  });

  it('is never taken by a replica that dials', async () => {
    const place = await SocketPlace.make(2);
    const salt = newSalt();
    let proofs = 0;
    await impostor(place, (kind, body) => {
      if (kind === hello) return [frame({ type: 'challenge', version: PROTOCOL_VERSION, salt })];
      if (kind !== proof) return [];
      proofs++;
      return [frame({ ...answer, salt }), frame({ type: 'proof', bytes: Buffer.from(body) })];
    });
    const witness = new Witness();
    const transport = place.transport(1);
    await transport.start(witness);
    ends.push(() => transport.close());
    await until(place, () => proofs >= 3);
    expect(witness.ups).toBe(0);
  });
});

describe('without a key', () => {
  it('two ends meet if neither has one, and refuse each other if one has', async () => {
    const place = await SocketPlace.make(1);
    const server = await EchoServer.start(place, 1, { keys: undefined });
    ends.push(
      () => place.dispose(),
      () => server.transport.close(),
    );
    const address = place.addresses.get(1)!;
    (await Exchange.connect({ address, key: undefined })).close();
    await expect(Exchange.connect({ address, key: KEYS.clients })).rejects.toMatchObject({
      code: ErrorCode.stranger,
      message: expect.stringContaining('without a key'),
    });
  });
});
