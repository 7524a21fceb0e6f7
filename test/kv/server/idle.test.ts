/** Who is closed for having been silent, and whose machine is asked whether it is there. */
import { describe, expect, it } from 'vitest';
import { Connection } from '../../../lib/kv/server/connection.js';
import { type KvServerOptions, settingsOf } from '../../../lib/kv/server/options.js';
import { KvStateMachine } from '../../../lib/kv/state-machine.js';
import { LocalService } from '../local-service.js';
import { FakeHost } from './fake-host.js';
import { HeldSocket } from './held-socket.js';

function open(options: Partial<KvServerOptions> = {}): {
  connection: Connection;
  socket: HeldSocket;
  host: FakeHost;
  service: LocalService;
} {
  const service = new LocalService(new KvStateMachine());
  const host = new FakeHost(settingsOf({ service, port: 0, ...options }));
  const socket = new HeldSocket();
  return { connection: new Connection(1, socket.asSocket(), host), socket, host, service };
}

async function turns(): Promise<void> {
  for (let i = 0; i < 6; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe('an idle client', () => {
  it('is closed if nothing came since then', async () => {
    const { connection, socket, host } = open();
    host.elapsedMs = 5000;
    connection.closeIdle(0);
    expect(socket.destroyed).toBe(false);
    connection.closeIdle(1);
    expect(socket.destroyed).toBe(true);
  });

  it('is not idle by having sent anything, or while it waits for an answer', async () => {
    const { connection, socket, host, service } = open();
    host.elapsedMs = 5000;
    socket.push(Buffer.from('PI'));
    await turns();
    connection.closeIdle(5000);
    expect(socket.destroyed).toBe(false);
    service.holding = true;
    socket.push(Buffer.from('NG\r\nSET a b\r\n'));
    await turns();
    expect(connection.outstanding).toBe(1);
    connection.closeIdle(10_000);
    expect(socket.destroyed).toBe(false);
    service.holding = false;
    service.release();
    await turns();
    expect(socket.received).toBe('+PONG\r\n+OK\r\n');
    connection.closeIdle(10_000);
    expect(socket.destroyed).toBe(true);
  });
});

describe('a silent client’s machine', () => {
  it.each([
    [{}, [true, 300_000]],
    [{ keepaliveSeconds: 7 }, [true, 7000]],
    [{ keepaliveSeconds: 0 }, undefined],
  ])('is asked after %j', (options, asked) => {
    expect(open(options).socket.keepAlive).toEqual(asked);
  });
});
