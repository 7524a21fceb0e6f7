/** What the port answers by itself obeys the bounds of what the service answers, and is answered. */
import { afterEach, describe, expect, it } from 'vitest';
import { closeAll, OK, raw, redis, start } from '../setup.js';

afterEach(closeAll);

describe('replies of the port itself', () => {
  it('come for a pipeline of thousands, through a client library', async () => {
    const setup = await start();
    const pipeline = redis(setup).pipeline();
    for (let i = 0; i < 3000; i++) pipeline.info();
    const replies = (await pipeline.exec()) ?? [];
    expect(replies).toHaveLength(3000);
    for (const [error, text] of replies) {
      expect(error).toBeNull();
      expect(text).toContain('redis_version');
    }
  });

  it('come for thousands in one write, read to the end', async () => {
    const setup = await start();
    const client = raw(setup);
    client.lines(...Array.from({ length: 2000 }, () => 'COMMAND'), 'QUIT');
    const text = await client.end();
    expect(text.endsWith(OK)).toBe(true);
    expect(text.split('$3\r\nget\r\n')).toHaveLength(2001);
  });

  it('are not made without bound inside a transaction', async () => {
    const setup = await start();
    const client = raw(setup);
    const count = 5000;
    client.lines('MULTI', ...Array.from({ length: count }, () => 'INFO'), 'EXEC', 'PING');
    await client.expect(
      `${OK}${'+QUEUED\r\n'.repeat(count)}` +
        '-EXECABORT Transaction discarded because of: ERR transaction too large\r\n+PONG\r\n',
    );
    expect(setup.service.log).toEqual([]);
  });

  it('are none for a browser: its connection is closed, and nothing executed', async () => {
    const setup = await start({ password: 'secret' });
    for (const first of ['POST / HTTP/1.1', 'Host: 127.0.0.1:7001', 'pOsT', '*1\r\n$5\r\nhost:']) {
      const client = raw(setup);
      client.lines(first, 'AUTH secret', 'SET pwned yes');
      expect(await client.end()).toBe('');
    }
    expect(setup.service.log).toEqual([]);
  });
});
