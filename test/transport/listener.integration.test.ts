import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ErrorCode } from '../../lib/errors.js';
import { listen } from '../../lib/transport/listener.js';
import { until, Witness } from '../contract/transport.js';
import { SocketPlace } from './places.js';

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function place(count = 2): Promise<SocketPlace> {
  const made = await SocketPlace.make(count);
  ends.push(() => made.dispose());
  return made;
}

const network = expect.objectContaining({ code: ErrorCode.network });

describe('a listening address', () => {
  it('may leave the choice of the port to the system, and then says which', async () => {
    const listener = await listen('127.0.0.1:0', () => {});
    ends.push(() => listener.close());
    expect(listener.address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
  });

  it('that somebody listens on is left alone, with an error that names it', async () => {
    const where = (await place()).addresses.get(1)!;
    for (const wanted of ['127.0.0.1:0', where]) {
      const listener = await listen(wanted, (socket) => socket.destroy());
      const { address } = listener;
      ends.push(() => listener.close());
      await expect(listen(address, () => {})).rejects.toEqual(network);
      await expect(listen(address, () => {})).rejects.toThrow(address);
    }
  });

  it('that a killed process left behind is taken over', async () => {
    const where = (await place()).addresses.get(1)!;
    const path = where.slice('unix:'.length);
    const listening = `require('net').createServer()`;
    const script = `${listening}.listen(process.argv[1], () => process.kill(process.pid, 9))`;
    spawnSync(process.execPath, ['-e', script, path]);
    expect(existsSync(path)).toBe(true);
    const listener = await listen(where, () => {});
    ends.push(() => listener.close());
  });

  it('in a directory that does not exist is refused', async () => {
    await expect(listen('unix:/nowhere/at/all', () => {})).rejects.toEqual(network);
  });
});

describe('a transport over TCP', () => {
  it('talks to a peer whose port was chosen by the system', async () => {
    const where = await place();
    where.addresses.set(1, '127.0.0.1:0').set(2, '127.0.0.1:0');
    const [one, two] = [where.transport(1), where.transport(2)];
    const [atOne, atTwo] = [new Witness(), new Witness()];
    ends.push(
      () => one.close(),
      () => two.close(),
    );
    await two.start(atTwo);
    where.addresses.set(2, two.address);
    await one.start(atOne);
    await until(where, () => atOne.up.has(2) && atTwo.up.has(1));
  });

  it('refuses addresses and bounds that are none before it does anything', async () => {
    const where = await place();
    expect(() => where.transport(1, { listen: 'no-port' })).toThrow(network);
    for (const bounds of [{ helloMsMax: 0 }, { clientsMax: Number.NaN }, { peerQueueBytesMax: 1000 }]) {
      expect(() => where.transport(1, { bounds })).toThrow(RangeError);
    }
  });

  it('does not begin to listen when it is closed while starting', async () => {
    const where = await place();
    const transport = where.transport(1);
    const starting = transport.start(new Witness());
    await transport.close();
    await starting;
    const listener = await listen(where.addresses.get(1)!, () => {});
    await listener.close();
  });

  it('outlives having no descriptors left for another connection', async () => {
    const where = await place(1);
    const script = resolve(import.meta.dirname, 'few-descriptors.ts');
    const { status, stdout } = spawnSync(
      'sh',
      ['-c', 'ulimit -n 64; exec "$0" --import tsx "$1" "$2"', process.execPath, script, where.directory],
      { encoding: 'utf8' },
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'many connections, then alive\n' });
  });

  it('gives up a peer that falls silent, and reaches it again when it speaks', async () => {
    const where = await place();
    const quick = { redialMsMin: 1, redialMsMax: 5, keepAliveMs: 5, silentBeatsMax: 3 };
    const quiet = { redialMsMin: 1, redialMsMax: 5, keepAliveMs: 60_000 };
    const [one, two] = [where.transport(1, { bounds: quick }), where.transport(2, { bounds: quiet })];
    const [atOne, atTwo] = [new Witness(), new Witness()];
    ends.push(
      () => one.close(),
      () => two.close(),
    );
    await two.start(atTwo);
    await one.start(atOne);
    await until(where, () => atOne.downs >= 1 && atTwo.downs >= 1 && atOne.ups >= 2);
  });
});
