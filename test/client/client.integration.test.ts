import { afterEach, describe, expect, it } from 'vitest';
import type { ClientOptions } from '../../lib/client/client.js';
import { Client } from '../../lib/client/client.js';
import { statusAt } from '../../lib/client/status.js';
import { ErrorCode } from '../../lib/errors.js';
import { COMMAND_BYTES_MAX } from '../../lib/limits.js';
import type { Requester } from '../../lib/replica/service.js';
import { Outcome } from '../../lib/replica/service.js';
import { until } from '../contract/transport.js';
import { KEYS, SocketPlace } from '../transport/places.js';
import { EchoServer } from '../transport/servers.js';
import { bodyOf } from '../wire/arbitraries.js';

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const key = KEYS.clients;

/** `count` echoing replicas of which `leader` leads, and a client of them. */
async function cluster(count: number, leader: number, options: Partial<ClientOptions> = {}) {
  const place = await SocketPlace.make(count);
  ends.push(() => place.dispose());
  const servers = new Map<number, EchoServer>();
  for (let id = 1; id <= count; id++) await begin(place, servers, id, leader);
  const client = await Client.connect({ addresses: place.addresses, key: KEYS.clients, ...options });
  ends.push(() => client.close());
  return { place, servers, client };
}

async function begin(
  place: SocketPlace,
  servers: Map<number, EchoServer>,
  id: number,
  leader: number,
): Promise<void> {
  const server = await EchoServer.start(place, id);
  server.leader = leader;
  servers.set(id, server);
  ends.push(() => server.transport.close());
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

const silence = (): void => {};

describe('a client', () => {
  it('goes to the leader, proposes and reads there', async () => {
    const { servers, client } = await cluster(3, 3);
    expect(client.leader).toBe(3);
    expect(text(await client.propose(Buffer.from('command')))).toBe('command');
    expect(text(await client.read(Buffer.from('query')))).toBe('query');
    expect(servers.get(3)!.received.map((message) => message.type)).toEqual(['submit', 'query']);
    expect(servers.get(1)!.received).toEqual([]);
  });

  it('sends what is proposed in one turn together, and gives each its own result', async () => {
    const { servers, client } = await cluster(1, 1);
    const commands = Array.from({ length: 1000 }, (_, i) => `command ${i}`);
    const results = await Promise.all(commands.map((each) => client.propose(Buffer.from(each))));
    expect(results.map(text)).toEqual(commands);
    expect(servers.get(1)!.received.length).toBe(1);
  });

  it('follows the leader, and answers the old one still owes arrive first', async () => {
    const { place, servers, client } = await cluster(3, 1);
    const [old, next] = [servers.get(1)!, servers.get(2)!];
    for (const server of servers.values()) server.leader = 2;
    const owed: (() => void)[] = [];
    old.answer = (connection, message) => {
      if (message.type !== 'submit') return;
      owed.push(() => {
        connection.sendOutcomes(message.first, message.count, 0, message.body, 0, message.body.length);
        connection.flush();
      });
    };
    const settled: string[] = [];
    const first = client.propose(Buffer.from('first')).then((result) => settled.push(text(result)));
    await until(place, () => owed.length === 1);
    old.tellLeader(2);
    await until(place, () => client.leader === 0);
    const second = client.propose(Buffer.from('second')).then((result) => settled.push(text(result)));
    await place.turn();
    expect(next.received).toEqual([]);
    owed[0]!();
    await Promise.all([first, second]);
    expect(settled).toEqual(['first', 'second']);
    expect(client.leader).toBe(2);
  });

  it('says what became of requests when the leader is lost, and reaches it when it is back', async () => {
    const { place, servers, client } = await cluster(2, 1);
    servers.get(1)!.answer = silence;
    const outcomes = Promise.allSettled([
      client.propose(Buffer.from('command')),
      client.read(Buffer.from('query')),
    ]);
    await until(place, () => servers.get(1)!.received.length === 2);
    await servers.get(1)!.transport.close();
    expect(await outcomes).toMatchObject([
      { reason: { code: ErrorCode.unknown } },
      { reason: { code: ErrorCode.notExecuted } },
    ]);
    const held = client.propose(Buffer.from('later'));
    await begin(place, servers, 1, 1);
    expect(text(await held)).toBe('later');
  });

  it('passes on that a request was not executed, or declined', async () => {
    const { servers, client } = await cluster(1, 1);
    servers.get(1)!.answer = (connection, message) => {
      if (message.type !== 'submit' && message.type !== 'query') return;
      const outcome = message.type === 'submit' ? Outcome.notExecuted : Outcome.declined;
      connection.sendOutcomes(message.first, message.count, outcome, message.body, 0, 0);
    };
    const notExecuted = expect.objectContaining({ code: ErrorCode.notExecuted });
    await expect(client.propose(Buffer.from('command'))).rejects.toEqual(notExecuted);
    await expect(client.read(Buffer.from('query'))).rejects.toThrow(/declined/);
  });

  it('leaves a leader that answers nothing for one that does', async () => {
    const { place, servers, client } = await cluster(2, 1, { patienceMs: 50 });
    servers.get(1)!.answer = silence;
    const lost = client.propose(Buffer.from('lost'));
    await until(place, () => servers.get(1)!.received.length === 1);
    for (const server of servers.values()) server.leader = 2;
    await expect(lost).rejects.toMatchObject({ code: ErrorCode.unknown });
    expect(text(await client.propose(Buffer.from('answered')))).toBe('answered');
    expect(client.leader).toBe(2);
  });

  it('leaves a replica that knows of no leader for one that does', async () => {
    const { place, servers, client } = await cluster(2, 1, { patienceMs: 50 });
    servers.get(2)!.leader = 2;
    servers.get(1)!.tellLeader(0);
    await until(place, () => client.leader === 2);
  });

  it('gives up a request when its signal says so, with what is known of it', async () => {
    const { place, servers, client } = await cluster(1, 1);
    const reason = new Error('no longer interested');
    const early = client.propose(Buffer.from('early'), { signal: AbortSignal.abort(reason) });
    await expect(early).rejects.toMatchObject({ code: ErrorCode.notExecuted, cause: reason });
    servers.get(1)!.answer = silence;
    const controller = new AbortController();
    const { signal } = controller;
    const sent = client.propose(Buffer.from('sent'), { signal });
    const asked = client.read(Buffer.from('asked'), { signal });
    await until(place, () => servers.get(1)!.received.length === 2);
    servers.get(1)!.tellLeader(0);
    await until(place, () => client.leader === 0);
    const held = client.propose(Buffer.from('held'), { signal });
    controller.abort(reason);
    await expect(sent).rejects.toMatchObject({ code: ErrorCode.unknown, cause: reason });
    await expect(asked).rejects.toMatchObject({ code: ErrorCode.notExecuted });
    await expect(held).rejects.toMatchObject({ code: ErrorCode.notExecuted, cause: reason });
  });

  it('holds no more than its bound while nobody takes requests', async () => {
    const { place, servers, client } = await cluster(1, 1, { heldBytesMax: 100 });
    servers.get(1)!.tellLeader(0);
    await until(place, () => client.leader === 0);
    const held = client.propose(Buffer.alloc(80));
    await expect(client.propose(Buffer.alloc(80))).rejects.toMatchObject({ code: ErrorCode.notExecuted });
    servers.get(1)!.tellLeader(1);
    expect((await held).length).toBe(80);
  });

  it('refuses a command that is too large, and everything once closed', async () => {
    const { client } = await cluster(1, 1);
    const large = new Uint8Array(COMMAND_BYTES_MAX + 1);
    await expect(client.propose(large)).rejects.toMatchObject({ code: ErrorCode.commandTooLarge });
    expect((await client.propose(new Uint8Array(COMMAND_BYTES_MAX))).length).toBe(COMMAND_BYTES_MAX);
    client.close();
    client.close();
    await expect(client.propose(Buffer.of(1))).rejects.toMatchObject({ code: ErrorCode.stopped });
    await expect(client.status()).rejects.toMatchObject({ code: ErrorCode.network });
  });

  it('settles everything when it is closed', async () => {
    const { place, servers, client } = await cluster(1, 1);
    servers.get(1)!.answer = silence;
    const sent = client.propose(Buffer.from('sent'));
    await until(place, () => servers.get(1)!.received.length === 1);
    client.close();
    await expect(sent).rejects.toMatchObject({ code: ErrorCode.unknown });
  });

  it('brings the status of the replica it is connected to, or of any by its address', async () => {
    const { place, client } = await cluster(2, 2);
    expect(await client.status()).toEqual({ role: 'leader' });
    expect(await statusAt({ address: place.addresses.get(1)!, replicaId: 1, key })).toEqual({
      role: 'leader',
    });
  });

  it('says why it could not connect', async () => {
    const place = await SocketPlace.make(2);
    ends.push(() => place.dispose());
    const { addresses } = place;
    await expect(Client.connect({ addresses, key, connectMsMax: 50 })).rejects.toMatchObject({
      code: ErrorCode.network,
      cause: { code: ErrorCode.network },
    });
    await begin(place, new Map(), 1, 1);
    await begin(place, new Map(), 2, 1);
    const clusterId = 'e'.repeat(32);
    await expect(Client.connect({ addresses, key, clusterId })).rejects.toMatchObject({
      code: ErrorCode.stranger,
    });
    await expect(Client.connect({ addresses: new Map(), key })).rejects.toThrow(RangeError);
    await expect(Client.connect({ addresses })).rejects.toThrow(RangeError);
    await expect(Client.connect({ addresses, key, insecure: true })).rejects.toThrow(RangeError);
  });
});

describe('the batch form of a client', () => {
  it('answers in order across a change of the leader, held back meanwhile, each request once', async () => {
    const { place, servers, client } = await cluster(2, 1);
    const total = 20_000;
    const outcomes: number[] = [];
    let next = 0;
    let refusals = 0;
    const body = bodyOf(Array.from({ length: 10 }, () => Buffer.alloc(64)));
    const fill = (): void => {
      while (next < Math.min(total, outcomes.length + 1000)) {
        if (!client.submit(requester, next, 10, body, 0, body.length)) {
          refusals++;
          break;
        }
        next += 10;
      }
      client.flush();
    };
    const requester: Requester = {
      outcome(first, count, outcome) {
        for (let i = 0; i < count; i++) outcomes.push(outcome === Outcome.done ? first + i : -1);
        if (outcomes.length >= total / 2 && servers.get(2)!.leader === 1) {
          servers.get(2)!.leader = 2;
          servers.get(1)!.tellLeader(2);
        }
        fill();
      },
      drain: fill,
    };
    fill();
    await until(place, () => outcomes.length === total);
    expect(outcomes).toEqual(Array.from({ length: total }, (_, i) => i));
    expect(servers.get(2)!.received.length).toBeGreaterThan(0);
    expect(refusals).toBeGreaterThan(0);
  });

  it('forgets a requester that is abandoned', async () => {
    const { client } = await cluster(1, 1);
    let answered = 0;
    const requester: Requester = {
      outcome: () => answered++,
      drain: silence,
    };
    const body = bodyOf([Buffer.from('a')]);
    expect(client.submit(requester, 1, 1, body, 0, body.length)).toBe(true);
    expect(client.query(requester, 1, 1, body, 0, body.length)).toBe(true);
    client.abandon(requester);
    await client.propose(Buffer.from('behind it'));
    await client.read(Buffer.from('behind it'));
    expect(answered).toBe(0);
  });
});
