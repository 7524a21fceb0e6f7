/** That wrong passwords take longer and longer, over all connections of an address, and hold nothing. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AuthDelays, DELAY_MS_MAX, DELAY_MS_MIN } from '../../../lib/kv/server/auth-delays.js';
import { Connection } from '../../../lib/kv/server/connection.js';
import { settingsOf } from '../../../lib/kv/server/options.js';
import { KvStateMachine } from '../../../lib/kv/state-machine.js';
import { LocalService } from '../local-service.js';
import { FakeHost } from './fake-host.js';
import { HeldSocket } from './held-socket.js';

describe('the delays of an address', () => {
  it('grow with each failure, to a bound, and begin anew after a success or a while', () => {
    const delays = new AuthDelays();
    const each = [0, 1, 2, 3].map(() => delays.failed('a', 0));
    expect(each).toEqual([1, 2, 4, 8].map((times) => times * DELAY_MS_MIN));
    for (let i = 0; i < 2000; i++) expect(delays.failed('a', 0)).toBeLessThanOrEqual(DELAY_MS_MAX);
    expect([delays.remaining('a', 1000), delays.remaining('b', 0)]).toEqual([DELAY_MS_MAX - 1000, 0]);
    delays.succeeded('a');
    expect([delays.remaining('a', 0), delays.failed('a', 0)]).toEqual([0, DELAY_MS_MIN]);
    expect(delays.failed('a', DELAY_MS_MIN + DELAY_MS_MAX + 1)).toBe(DELAY_MS_MIN);
  });

  it('are remembered of so many addresses and no more', () => {
    const delays = new AuthDelays();
    for (let i = 0; i < 100_000; i++) delays.failed(String(i), 0);
    expect(delays.addresses).toBeLessThanOrEqual(1000);
  });
});

describe('a connection that gives wrong passwords', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const service = new LocalService(new KvStateMachine());
  const host = () => new FakeHost(settingsOf({ service, port: 0, password: 'right' }));
  const open = (at: FakeHost, id: number): HeldSocket => {
    const socket = new HeldSocket();
    new Connection(id, socket.asSocket(), at);
    return socket;
  };
  const said = async (socket: HeldSocket): Promise<string> => {
    for (let i = 0; i < 6; i++) await new Promise((resolve) => setImmediate(resolve));
    return socket.received;
  };
  const WRONG = '-WRONGPASS invalid username-password pair or user is disabled.\r\n';

  it('has one tried, and the next when its time is over, and reads nothing meanwhile', async () => {
    const at = host();
    const socket = open(at, 1);
    socket.push(Buffer.from('AUTH a\r\nAUTH b\r\nAUTH right\r\nPING\r\n'));
    expect(await said(socket)).toBe(WRONG);
    expect(socket.isPaused()).toBe(true);
    at.elapsedMs += DELAY_MS_MIN;
    vi.advanceTimersByTime(DELAY_MS_MIN);
    expect(await said(socket)).toBe(WRONG + WRONG);
    at.elapsedMs += 2 * DELAY_MS_MIN;
    vi.advanceTimersByTime(2 * DELAY_MS_MIN);
    expect(await said(socket)).toBe(`${WRONG + WRONG}+OK\r\n+PONG\r\n`);
  });

  it('gains nothing by another connection', async () => {
    const at = host();
    const first = open(at, 1);
    first.push(Buffer.from('AUTH a\r\n'));
    expect(await said(first)).toBe(WRONG);
    first.destroy();
    const second = open(at, 2);
    second.push(Buffer.from('AUTH right\r\n'));
    expect(await said(second)).toBe('');
    at.elapsedMs += DELAY_MS_MIN;
    vi.advanceTimersByTime(DELAY_MS_MIN);
    expect(await said(second)).toBe('+OK\r\n');
  });
});
