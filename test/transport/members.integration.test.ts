/** Who is let in, and whose link is kept, while members change. What is wrong fails; it does not hang. */
import { afterEach, describe, expect, it } from 'vitest';
import { newSalt } from '../../lib/transport/proof.js';
import type { TcpTransport, TcpTransportOptions } from '../../lib/transport/tcp.js';
import type { Configuration, ReplicaId } from '../../lib/types.js';
import { NO_BYTES } from '../../lib/wire/frame.js';
import { type Hello, HelloRole, RefusalCode } from '../../lib/wire/hello-codec.js';
import { FrameKind, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from '../../lib/wire/protocol.js';
import { acceptOf, until, Witness } from '../contract/transport.js';
import { greet } from './greets.js';
import { CLUSTER, QUICK, SocketPlace, storeOf } from './places.js';
import { RawConnection } from './raw-connection.js';

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
  id: ReplicaId,
  bounds: TcpTransportOptions['bounds'] = {},
): Promise<[TcpTransport, Witness]> {
  const transport = where.transport(id, { bounds: { ...QUICK, ...bounds } });
  const witness = new Witness();
  await transport.start(witness);
  ends.push(() => transport.close());
  return [transport, witness];
}

function configuration(number: number, ids: readonly ReplicaId[], highestId: ReplicaId): Configuration {
  return { number, members: ids.map((id) => ({ id, storeUuid: storeOf(id) })), highestId };
}

/** Replica `replicaId` calls, and knows that configuration. @returns the refusal's code; undefined: let in */
async function called(
  where: SocketPlace,
  witness: Witness,
  replicaId: ReplicaId,
  configurationNumber: number,
): Promise<number | undefined> {
  const raw = await RawConnection.open(where.addresses.get(2)!);
  ends.push(() => raw.destroy());
  const hello: Hello = {
    type: 'hello',
    version: PROTOCOL_VERSION,
    versionMin: PROTOCOL_VERSION_MIN,
    role: HelloRole.replica,
    replicaId,
    wantedId: 2,
    clusterId: CLUSTER,
    storeUuid: storeOf(replicaId),
    configurationNumber,
    opening: { incarnation: 7, generation: 5, nonce: 11 },
    salt: newSalt(),
    added: NO_BYTES,
  };
  await greet(raw, hello);
  const refusals = () => raw.frames().filter(({ kind }) => kind === FrameKind.refusal);
  await until(where, () => witness.up.has(replicaId) || refusals().length > 0);
  return refusals()[0]?.body[0];
}

describe('while members change', () => {
  it('who was removed is refused and told so, and a newcomer is unknown', async () => {
    const where = await place(3);
    const [transport, witness] = await started(where, 2);
    transport.configured(configuration(4, [2, 3], 3));
    expect(await called(where, witness, 1, 4)).toBe(RefusalCode.removed);
    expect(await called(where, witness, 9, 4)).toBe(RefusalCode.unknownId);
  });

  it('who knows a later configuration is let in, member or not', async () => {
    const where = await place(3);
    const [transport, witness] = await started(where, 2);
    transport.configured(configuration(4, [2, 3], 3));
    expect(await called(where, witness, 9, 5)).toBeUndefined();
    expect(await called(where, witness, 1, 5)).toBeUndefined();
  });

  it('the link to who leaves is kept for a while, in which both may speak', async () => {
    const where = await place(2);
    const [staying, atStaying] = await started(where, 1, { farewellMs: 600_000 });
    const [leaving, atLeaving] = await started(where, 2);
    await until(where, () => atStaying.up.has(2) && atLeaving.up.has(1));
    staying.configured(configuration(2, [1], 2));
    for (let said = 1; said <= 20; said++) {
      leaving.send(1, acceptOf(said, Buffer.from('asks')));
      leaving.flush();
      await until(where, () => atStaying.received.length === said || atLeaving.downs > 0);
      staying.send(2, acceptOf(said, Buffer.from('is told')));
      staying.flush();
      await until(where, () => atLeaving.received.length === said || atLeaving.downs > 0);
    }
    expect([atStaying.received.length, atLeaving.received.length, atLeaving.downs]).toEqual([20, 20, 0]);
  });

  it('the link to who has left is closed in the end', async () => {
    const where = await place(2);
    const [staying, atStaying] = await started(where, 1, { farewellMs: 1 });
    const [, atLeaving] = await started(where, 2);
    await until(where, () => atStaying.up.has(2) && atLeaving.up.has(1));
    staying.configured(configuration(2, [1], 2));
    await until(where, () => atLeaving.downs > 0);
    expect(staying.links).toEqual([]);
  });
});
