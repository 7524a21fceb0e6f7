import { afterEach, describe, expect, it } from 'vitest';
import { closeAll, OK, raw, redis, start } from '../setup.js';

afterEach(closeAll);

describe('transactions', () => {
  it('are one command in the log', async () => {
    const setup = await start();
    const client = raw(setup);
    client.lines('MULTI', 'SET a 1', 'INCR a', 'PING', 'GET a', 'EXEC');
    await client.expect(`${OK}${'+QUEUED\r\n'.repeat(4)}*4\r\n${OK}:2\r\n+PONG\r\n$1\r\n2\r\n`);
    expect(setup.service.log).toEqual([{ query: false, count: 1 }]);
  });

  it('are not executed when a watched key was changed by somebody else', async () => {
    const setup = await start();
    const client = raw(setup);
    const other = raw(setup);
    client.lines('SET a 1', 'WATCH a', 'GET a');
    await client.expect(`${OK}${OK}$1\r\n1\r\n`);
    other.lines('SET a 2');
    await other.expect(OK);
    client.lines('MULTI', 'SET a 3', 'EXEC', 'GET a', 'MULTI', 'SET a 4', 'EXEC', 'GET a');
    await client.expect(`${OK}+QUEUED\r\n*-1\r\n$1\r\n2\r\n${OK}+QUEUED\r\n*1\r\n${OK}$1\r\n4\r\n`);
  });

  it('watch in one go, in one chunk', async () => {
    const setup = await start();
    const client = raw(setup);
    client.lines(
      'SET a 1',
      'WATCH a b',
      'MULTI',
      'INCR a',
      'EXEC',
      'WATCH a',
      'SET a 5',
      'MULTI',
      'INCR a',
      'EXEC',
    );
    await client.expect(`${OK}${OK}${OK}+QUEUED\r\n*1\r\n:2\r\n${OK}${OK}${OK}+QUEUED\r\n*-1\r\n`);
  });

  it('are refused, spoilt and abandoned as in Redis', async () => {
    const setup = await start();
    const client = raw(setup);
    client.lines('EXEC', 'DISCARD', 'MULTI', 'MULTI', 'WATCH a', 'EXEC', 'MULTI', 'GET', 'SET a 1', 'EXEC');
    client.lines('MULTI', 'SET a 1', 'DISCARD', 'GET a');
    await client.expect(
      '-ERR EXEC without MULTI\r\n-ERR DISCARD without MULTI\r\n' +
        '+OK\r\n-ERR MULTI calls can not be nested\r\n' +
        '-ERR WATCH inside MULTI is not allowed\r\n*0\r\n' +
        "+OK\r\n-ERR wrong number of arguments for 'get' command\r\n+QUEUED\r\n" +
        '-EXECABORT Transaction discarded because of previous errors.\r\n' +
        '+OK\r\n+QUEUED\r\n+OK\r\n$-1\r\n',
    );
  });

  it('refuse what does not fit into one command', async () => {
    const setup = await start();
    const client = redis(setup);
    const multi = client.multi();
    for (let i = 0; i < 30; i++) multi.set(`k${i}`, 'v'.repeat(50_000));
    await expect(multi.exec()).rejects.toThrow(/EXECABORT/);
    expect(await client.dbsize()).toBe(0);
  });
});
