import { afterEach, describe, expect, it } from 'vitest';
import { ErrorCode } from '../../lib/errors.js';
import { FRAME_BYTES_MAX } from '../../lib/limits.js';
import type { ClientConnection } from '../../lib/transport/client-connection.js';
import type { ExchangeOptions } from '../../lib/transport/exchange.js';
import { Exchange } from '../../lib/transport/exchange.js';
import type { Asker } from '../../lib/transport/request-line.js';
import { until } from '../contract/transport.js';
import { bodyOf } from '../wire/arbitraries.js';
import { KEYS, SocketPlace } from './places.js';
import { EchoServer, echo } from './servers.js';

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function served(options: Partial<ExchangeOptions> = {}) {
  const place = await SocketPlace.make(1);
  const server = await EchoServer.start(place, 1);
  const exchange = await Exchange.connect({
    address: place.addresses.get(1)!,
    key: KEYS.clients,
    ...options,
  });
  ends.push(
    () => place.dispose(),
    () => server.transport.close(),
    () => exchange.close(),
  );
  return { place, server, exchange };
}

/** Collects outcomes as [number, outcome, text]. */
class Answers implements Asker {
  readonly got: [number, number, string][] = [];
  drains = 0;
  onDrain: () => void = () => {};

  outcome(first: number, count: number, outcome: number, results: Uint8Array, start: number): void {
    const view = Buffer.from(results.buffer, results.byteOffset, results.length);
    let at = start;
    for (let i = 0; i < count; i++) {
      const length = outcome === 0 ? view.readUInt32LE(at) : 0;
      this.got.push([first + i, outcome, view.toString('utf8', at + 4, at + 4 + length)]);
      at += 4 + length;
    }
  }

  drain(): void {
    this.drains++;
    this.onDrain();
  }
}

function submit(exchange: Exchange, asker: Asker, first: number, ...texts: string[]): boolean {
  const body = bodyOf(texts.map((text) => Buffer.from(text)));
  return exchange.submit(asker, first, texts.length, body, 0, body.length);
}

function query(exchange: Exchange, asker: Asker, first: number, ...texts: string[]): boolean {
  const body = bodyOf(texts.map((text) => Buffer.from(text)));
  return exchange.query(asker, first, texts.length, body, 0, body.length);
}

describe('the asking end of a connection', () => {
  it('brings each asker its outcomes under its own numbers, after a flush', async () => {
    const { place, server, exchange } = await served();
    const [one, two] = [new Answers(), new Answers()];
    expect(submit(exchange, one, 5, 'a', 'b')).toBe(true);
    expect(submit(exchange, two, 1, 'c')).toBe(true);
    expect(query(exchange, one, 7, 'q')).toBe(true);
    expect(exchange.submitOne(two, 2, Buffer.from('d'))).toBe(true);
    expect(exchange.outstanding).toBe(5);
    await place.turn();
    expect(server.received).toEqual([]);
    exchange.flush();
    await until(place, () => exchange.outstanding === 0);
    expect(one.got).toEqual([
      [5, 0, 'a'],
      [6, 0, 'b'],
      [7, 0, 'q'],
    ]);
    expect(two.got).toEqual([
      [1, 0, 'c'],
      [2, 0, 'd'],
    ]);
  });

  it('learns who leads from the first word on, and when that changes', async () => {
    const heard: number[] = [];
    const { place, server, exchange } = await served({
      events: { leaderIs: (leader) => heard.push(leader) },
    });
    await until(place, () => exchange.leader === 1);
    server.tellLeader(3);
    await until(place, () => exchange.leader === 3);
    expect(heard).toEqual([1, 3]);
  });

  it('answers all outstanding when the connection ends: commands unknown, queries not executed', async () => {
    let closed = 0;
    const outstandingAtClose: number[] = [];
    const { place, server, exchange } = await served({
      events: {
        closed: () => {
          closed++;
          outstandingAtClose.push(exchange.outstanding);
        },
      },
    });
    server.answer = (connection) => connection.close();
    const asker = new Answers();
    submit(exchange, asker, 1, 'a', 'b');
    query(exchange, asker, 3, 'q');
    exchange.flush();
    const status = exchange.status();
    await expect(status).rejects.toMatchObject({ code: ErrorCode.stopped });
    await until(place, () => closed === 1);
    expect(asker.got.map(([number, outcome]) => [number, outcome])).toEqual([
      [1, 2],
      [2, 2],
      [3, 1],
    ]);
    expect(outstandingAtClose).toEqual([0]);
    expect(() => submit(exchange, asker, 4, 'c')).toThrow(
      expect.objectContaining({ code: ErrorCode.stopped }),
    );
    exchange.close();
    exchange.close();
  });

  it('passes on every outcome as the replica gives it', async () => {
    const { place, server, exchange } = await served();
    server.answer = (connection, message) => {
      if (message.type !== 'submit' && message.type !== 'query') return;
      for (let i = 0; i < message.count; i++) {
        const outcome = ((i % 3) + 1) as 1 | 2 | 3;
        connection.sendOutcomes(message.first + i, 1, outcome, message.body, 0, 0);
      }
    };
    const asker = new Answers();
    submit(exchange, asker, 1, 'a', 'b', 'c');
    exchange.flush();
    await until(place, () => exchange.outstanding === 0);
    expect(asker.got.map(([, outcome]) => outcome)).toEqual([1, 2, 3]);
  });

  it('brings results that are longer together than any frame', async () => {
    const { place, server, exchange } = await served();
    const large = bodyOf(Array.from({ length: 40 }, (_, i) => Buffer.alloc(100_000, `${i % 10}`)));
    server.answer = (connection, message) => {
      if (message.type === 'submit') connection.sendOutcomes(message.first, 40, 0, large, 0, large.length);
    };
    const asker = new Answers();
    submit(exchange, asker, 1, ...Array.from({ length: 40 }, () => 'x'));
    exchange.flush();
    await until(place, () => exchange.outstanding === 0);
    expect(asker.got.map(([number, , text]) => [number, text.length, text[0]])).toEqual(
      Array.from({ length: 40 }, (_, i) => [i + 1, 100_000, `${i % 10}`]),
    );
  });

  it('ends, and nothing else does, when one result fits no frame', async () => {
    const { place, server, exchange } = await served();
    const large = bodyOf([new Uint8Array(FRAME_BYTES_MAX)]);
    server.answer = (connection, message) => {
      if (message.type === 'submit') connection.sendOutcomes(message.first, 1, 0, large, 0, large.length);
    };
    const asker = new Answers();
    submit(exchange, asker, 1, 'x');
    exchange.flush();
    await until(place, () => asker.got.length === 1);
    expect(asker.got[0]![1]).toBe(2);
    (await Exchange.connect({ address: exchange.address, key: KEYS.clients })).close();
  });

  it('drops what an asker that was abandoned is owed', async () => {
    const { place, exchange } = await served();
    const [one, two] = [new Answers(), new Answers()];
    submit(exchange, one, 1, 'a');
    submit(exchange, two, 1, 'b');
    exchange.abandon(one);
    exchange.flush();
    await until(place, () => exchange.outstanding === 0);
    expect(one.got).toEqual([]);
    expect(two.got).toEqual([[1, 0, 'b']]);
  });

  it('refuses with false when too much waits, and says when there is room again', async () => {
    const { place, server, exchange } = await served({ queueBytesMax: 1 << 20 });
    const held: ClientConnection[] = [];
    server.answer = (connection, message) => {
      if (held.length === 0) {
        connection.pause();
        held.push(connection);
      }
      echo(connection, message);
    };
    const asker = new Answers();
    const text = 'x'.repeat(100_000);
    let sent = 0;
    const fill = (): void => {
      while (sent < 100 && submit(exchange, asker, sent + 1, text)) sent++;
      exchange.flush();
    };
    asker.onDrain = fill;
    fill();
    await until(place, () => held.length === 1);
    for (let i = 0; i < 20; i++) await place.turn();
    expect(sent).toBeLessThan(100);
    expect(server.received.length).toBe(1);
    held[0]!.resume();
    await until(place, () => asker.got.length === 100);
    expect(asker.drains).toBeGreaterThan(0);
    expect(asker.got.map(([number]) => number)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  });

  it('delivers nothing more while the host has paused it, not even what came in the same chunk', async () => {
    const { place, server, exchange } = await served();
    server.answer = (connection, message) => {
      connection.pause();
      echo(connection, message);
    };
    const asker = new Answers();
    for (const [i, text] of ['a', 'b', 'c'].entries()) {
      submit(exchange, asker, 2 * i + 1, text);
      query(exchange, asker, 2 * i + 2, text);
    }
    exchange.flush();
    for (let delivered = 1; delivered <= 6; delivered++) {
      await until(place, () => asker.got.length === delivered);
      await place.turn();
      expect(server.received.length).toBe(delivered);
      for (const connection of server.connections) connection.resume();
    }
  });

  it('brings the status', async () => {
    const { exchange } = await served();
    expect(Buffer.from(await exchange.status()).toString()).toBe('{"role":"leader"}');
  });

  it('closes when the replica answers what was not asked', async () => {
    let error: Error | undefined;
    const { place, server, exchange } = await served({ events: { closed: (cause) => (error = cause) } });
    server.answer = (connection, message) => {
      echo(connection, message);
      echo(connection, message);
    };
    const asker = new Answers();
    submit(exchange, asker, 1, 'a');
    exchange.flush();
    await until(place, () => !exchange.isOpen && error !== undefined);
    expect(error).toMatchObject({ code: ErrorCode.frame });
    expect(asker.got).toEqual([[1, 0, 'a']]);
  });

  it('gives up a replica that falls silent', async () => {
    let error: Error | undefined;
    const { place, exchange } = await served({
      keepAliveMs: 5,
      silentBeatsMax: 3,
      events: { closed: (cause) => (error = cause) },
    });
    await until(place, () => error !== undefined);
    expect(error).toMatchObject({ code: ErrorCode.network });
    expect(exchange.isOpen).toBe(false);
  });

  it('says when nobody is there', async () => {
    const place = await SocketPlace.make(1);
    ends.push(() => place.dispose());
    const network = expect.objectContaining({ code: ErrorCode.network });
    await expect(Exchange.connect({ address: place.addresses.get(1)!, key: KEYS.clients })).rejects.toEqual(
      network,
    );
    await expect(Exchange.connect({ address: 'nowhere', key: undefined })).rejects.toEqual(network);
  });
});
