import { afterEach, describe, expect, it } from 'vitest';
import { ErrorCode } from '../../lib/errors.js';
import { Exchange } from '../../lib/transport/exchange.js';
import { newSalt } from '../../lib/transport/proof.js';
import type { TcpTransport, TcpTransportOptions } from '../../lib/transport/tcp.js';
import { NO_BYTES } from '../../lib/wire/frame.js';
import type { Hello } from '../../lib/wire/hello-codec.js';
import { encodeHello, HelloRole, NO_SALT, RefusalCode } from '../../lib/wire/hello-codec.js';
import { FrameKind, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from '../../lib/wire/protocol.js';
import { until, Witness } from '../contract/transport.js';
import { frameOf } from '../wire/frames.js';
import { diagnosticsDuring } from './diagnosed.js';
import { greet } from './greets.js';
import { CLUSTER, KEYS, SocketPlace, storeOf } from './places.js';
import { RawConnection } from './raw-connection.js';
import { EchoServer } from './servers.js';

const OTHER_CLUSTER = 'f'.repeat(32);
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function place(count: number): Promise<SocketPlace> {
  const made = await SocketPlace.make(count);
  ends.push(() => made.dispose());
  return made;
}

async function started(
  where: SocketPlace,
  id: number,
  changes: Partial<TcpTransportOptions> = {},
): Promise<[TcpTransport, Witness]> {
  const transport = where.transport(id, changes);
  const witness = new Witness();
  await transport.start(witness);
  ends.push(() => transport.close());
  return [transport, witness];
}

const caller: Hello = {
  type: 'hello',
  version: PROTOCOL_VERSION,
  versionMin: PROTOCOL_VERSION_MIN,
  role: HelloRole.replica,
  replicaId: 1,
  wantedId: 2,
  clusterId: CLUSTER,
  storeUuid: storeOf(1),
  configurationNumber: 1,
  opening: { incarnation: 7, generation: 5, nonce: 11 },
  salt: NO_SALT,
  added: NO_BYTES,
};

const key = KEYS.clients;

describe('who calls on the peer port', () => {
  const refused: [string, Partial<Hello>, number][] = [
    [
      'who speaks only later protocol versions',
      { version: PROTOCOL_VERSION + 2, versionMin: PROTOCOL_VERSION + 1 },
      RefusalCode.version,
    ],
    [
      'who speaks only earlier protocol versions',
      { version: PROTOCOL_VERSION_MIN - 1, versionMin: PROTOCOL_VERSION_MIN - 1 },
      RefusalCode.version,
    ],
    ['of another cluster', { clusterId: OTHER_CLUSTER }, RefusalCode.cluster],
    ['with the id of who is called', { replicaId: 2, storeUuid: storeOf(2) }, RefusalCode.ownId],
    ['with an id that is no member', { replicaId: 9, storeUuid: storeOf(9) }, RefusalCode.unknownId],
    ['with another store than the member has', { storeUuid: storeOf(7) }, RefusalCode.storeUuid],
    ['who wants another replica', { wantedId: 3 }, RefusalCode.wrongReplica],
    ['without a cluster, as only a client may', { clusterId: '0'.repeat(32) }, RefusalCode.cluster],
    [
      'as a client of another cluster',
      { role: HelloRole.client, replicaId: 0, clusterId: OTHER_CLUSTER },
      RefusalCode.cluster,
    ],
    ['as a client where none are taken', { role: HelloRole.client, replicaId: 0 }, RefusalCode.busy],
  ];
  const known = { of: () => caller.opening, remember: () => {} };
  const opened = (changes: Partial<Hello['opening']>): Partial<Hello> => ({
    opening: { ...caller.opening, ...changes },
  });
  refused.push(
    [
      'with a store that was formatted again',
      opened({ incarnation: 8, generation: 9 }),
      RefusalCode.staleStore,
    ],
    ['with an older copy of its store', opened({ generation: 4 }), RefusalCode.staleStore],
    ['from a second process on its store', opened({ nonce: 12 }), RefusalCode.staleStore],
  );

  for (const [who, changes, code] of refused) {
    it(`is refused ${who}, and told why`, async () => {
      const where = await place(3);
      const [transport, witness] = await started(where, 2, { known });
      if (code === RefusalCode.staleStore)
        ends.push(() => expect([...transport.refusals.keys()]).toEqual([1]));
      const raw = await RawConnection.open(where.addresses.get(2)!);
      await greet(raw, { ...caller, ...changes });
      await raw.closed;
      const [answer, ...more] = raw.frames().filter(({ kind }) => kind !== FrameKind.challenge);
      // A refusal of who has proven itself is proven as well.
      expect(more.map(({ kind }) => kind)).toEqual(code === RefusalCode.version ? [] : [FrameKind.proof]);
      expect(answer!.kind).toBe(FrameKind.refusal);
      expect(answer!.body[0]).toBe(code);
      expect(answer!.body.length).toBeGreaterThan(20);
      expect(witness.up.size).toBe(0);
    });
  }

  it('is let in with a later opening of its store, which is remembered, and with a lost store', async () => {
    const where = await place(3);
    const remembered: number[] = [];
    const register = {
      of: known.of,
      remember: (_: number, { generation }: Hello['opening']) => remembered.push(generation),
    };
    const [transport, witness] = await started(where, 2, { known: register });
    for (const changes of [opened({ generation: 6, nonce: 1 }), opened({ generation: 0, nonce: 2 }), {}]) {
      const raw = await RawConnection.open(where.addresses.get(2)!);
      await greet(raw, { ...caller, ...changes });
      await until(where, () => witness.up.has(1));
      raw.destroy();
      await until(where, () => !witness.up.has(1));
    }
    expect(remembered).toEqual([6, 5]);
    expect(transport.refusals.size).toBe(0);
  });

  it('is let in as who it is, and told who answers', async () => {
    const where = await place(3);
    const [, witness] = await started(where, 2);
    const raw = await RawConnection.open(where.addresses.get(2)!);
    await greet(raw, caller);
    await raw.until(() => raw.frames().length > 2);
    const { challenge, hello, proof } = FrameKind;
    expect(raw.frames().map(({ kind }) => kind)).toEqual([challenge, hello, proof]);
    await until(where, () => witness.up.has(1));
    raw.destroy();
    await until(where, () => !witness.up.has(1));
  });

  it('is let in with a later program that still speaks a version spoken here, in that version', async () => {
    const where = await place(3);
    const [, witness] = await started(where, 2);
    const raw = await RawConnection.open(where.addresses.get(2)!);
    const added = Buffer.from('what a later version adds');
    await greet(raw, { ...caller, version: PROTOCOL_VERSION + 1, versionMin: PROTOCOL_VERSION, added });
    await until(where, () => witness.up.has(1));
    await raw.until(() => raw.frames().length > 2);
    expect([...new Set(raw.frames().map(({ version }) => version))]).toEqual([PROTOCOL_VERSION]);
    raw.destroy();
  });

  it('is refused when somebody on the way has changed what its program speaks', async () => {
    const where = await place(3);
    await started(where, 2);
    const raw = await RawConnection.open(where.addresses.get(2)!);
    const later = { ...caller, version: PROTOCOL_VERSION + 1, versionMin: PROTOCOL_VERSION, salt: newSalt() };
    await greet(raw, later, KEYS, { ...later, version: PROTOCOL_VERSION });
    await raw.closed;
    const refusal = raw.frames().at(-1)!;
    expect([refusal.kind, refusal.body[0]]).toEqual([FrameKind.refusal, RefusalCode.key]);
  });

  it('takes the place of an earlier connection of the same peer', async () => {
    const where = await place(3);
    const [, witness] = await started(where, 2);
    const first = await RawConnection.open(where.addresses.get(2)!);
    await greet(first, caller);
    await until(where, () => witness.up.has(1));
    const second = await RawConnection.open(where.addresses.get(2)!);
    await greet(second, caller);
    await first.closed;
    expect([witness.ups, witness.downs, [...witness.up]]).toEqual([2, 1, [1]]);
    expect(witness.ended, 'it is there').toEqual([]);
    second.destroy();
    await until(where, () => witness.downs === 2);
    expect(witness.ended).toEqual([1]);
  });

  it('is closed, and told so, when it says nothing in time', async () => {
    const where = await place(3);
    await started(where, 2, { bounds: { helloMsMax: 20 } });
    const raw = await RawConnection.open(where.addresses.get(2)!);
    await raw.closed;
    expect(raw.frames()[0]!.body[0]).toBe(RefusalCode.noHello);
  });

  it('is closed when it keeps talking without ever finishing a hello', async () => {
    const where = await place(3);
    await started(where, 2, { bounds: { helloMsMax: 50 } });
    const raw = await RawConnection.open(where.addresses.get(2)!);
    const hello = frameOf(encodeHello, caller);
    raw.write(hello.subarray(0, hello.length - 1));
    await raw.closed;
    expect(raw.frames().map((frame) => frame.kind)).toEqual([FrameKind.refusal]);
  });
});

describe('who is called', () => {
  it('is given up when another store answers, and dialled again until the right one does', async () => {
    const where = await place(2);
    const diagnostics = await diagnosticsDuring(async (seen) => {
      const identity = { clusterId: CLUSTER, replicaId: 2, storeUuid: storeOf(8) };
      const [wrong] = await started(where, 2, { identity });
      const [, witness] = await started(where, 1);
      await until(where, () => seen.some((each) => each.event === 'dial-failed'));
      expect(witness.up.size).toBe(0);
      await wrong.close();
      await started(where, 2);
      await until(where, () => witness.up.has(2));
    });
    const failed = diagnostics.find((each) => each.event === 'dial-failed');
    expect(failed).toMatchObject({ peer: 2, error: { code: ErrorCode.stranger } });
  });

  it('says to a client of which cluster it is, or that it is not the replica wanted', async () => {
    const where = await place(3);
    const server = await EchoServer.start(where, 2);
    ends.push(() => server.transport.close());
    const address = where.addresses.get(2)!;
    const exchange = await Exchange.connect({ address, key });
    expect([exchange.replicaId, exchange.clusterId]).toEqual([2, CLUSTER]);
    exchange.close();
    const stranger = expect.objectContaining({ code: ErrorCode.stranger });
    await expect(Exchange.connect({ address, key, replicaId: 3 })).rejects.toEqual(stranger);
    await expect(Exchange.connect({ address, key, clusterId: OTHER_CLUSTER })).rejects.toEqual(stranger);
  });

  it('refuses more clients than it takes, and takes another when one has gone', async () => {
    const where = await place(1);
    const server = await EchoServer.start(where, 1, { bounds: { clientsMax: 1 } });
    ends.push(() => server.transport.close());
    const address = where.addresses.get(1)!;
    const first = await Exchange.connect({ address, key });
    await expect(Exchange.connect({ address, key })).rejects.toMatchObject({ code: ErrorCode.stranger });
    first.close();
    await until(where, () => server.transport.clientCount === 0);
    (await Exchange.connect({ address, key })).close();
  });
});
