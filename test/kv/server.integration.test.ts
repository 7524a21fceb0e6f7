import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ErrorCode, IndelibleError } from '../../lib/errors.js';
import { Outcome } from '../../lib/replica/service.js';
import { closeAll, OK, raw, start } from './setup.js';

afterEach(closeAll);

describe('replies', () => {
  it('come in the order of the requests, whatever answers them', async () => {
    const setup = await start();
    const client = raw(setup);
    client.lines('SET a 1', 'PING', 'GET a', 'ECHO hi', 'nonsense', 'INCR a', 'GET', 'GET a', 'PING');
    await client.expect(
      `${OK}+PONG\r\n$1\r\n1\r\n$2\r\nhi\r\n-ERR unknown command 'nonsense', with args beginning with: \r\n` +
        ":2\r\n-ERR wrong number of arguments for 'get' command\r\n$1\r\n2\r\n+PONG\r\n",
    );
  });

  it('come in order when the service answers other requesters first', async () => {
    const setup = await start();
    setup.service.reversed = true;
    const all = Array.from({ length: 5 }, () => raw(setup));
    for (let round = 0; round < 20; round++) {
      all.forEach((client, i) => {
        client.lines(`SET k${i} ${round}`, `GET k${i}`, 'PING', `INCR n${i}`);
      });
      await Promise.all(
        all.map((client) =>
          client.expect(`${OK}$${`${round}`.length}\r\n${round}\r\n+PONG\r\n:${round + 1}\r\n`),
        ),
      );
    }
  });

  it('are many to a write: one turn, one write', async () => {
    const setup = await start();
    const client = raw(setup);
    let chunks = 0;
    client.socket.on('data', () => chunks++);
    const lines = Array.from({ length: 1000 }, (_, i) => `SET key${i} v`);
    client.lines(...lines);
    await client.expect(OK.repeat(1000));
    expect(chunks).toBeLessThan(50);
  });
});

describe('the way to the service', () => {
  it('is query for runs of reads, submit for what has a write in it', async () => {
    const setup = await start();
    const client = raw(setup);
    client.lines('GET a', 'EXISTS a');
    await client.expect('$-1\r\n:0\r\n');
    client.lines('GET a', 'SET a 1', 'GET a');
    await client.expect(`$-1\r\n${OK}$1\r\n1\r\n`);
    expect(setup.service.log).toEqual([
      { query: true, count: 2 },
      { query: false, count: 3 },
    ]);
  });

  it('keeps writes behind queries that are not answered yet, and reads behind writes with them', async () => {
    const setup = await start();
    const { service } = setup;
    service.holding = true;
    const client = raw(setup);
    const sent = async (length: number): Promise<void> => {
      while (service.log.length < length) await new Promise((resolve) => setImmediate(resolve));
    };
    client.lines('GET a');
    await sent(1);
    client.lines('SET a 1', 'GET a');
    const other = raw(setup);
    other.lines('SET b 1');
    await sent(2);
    expect(service.log).toEqual([
      { query: true, count: 1 },
      { query: false, count: 1 },
    ]);
    service.release();
    await sent(3);
    client.lines('GET a');
    await sent(4);
    service.holding = false;
    service.release();
    await client.expect(`$-1\r\n${OK}$1\r\n1\r\n$1\r\n1\r\n`);
    expect(service.log.slice(2)).toEqual([
      { query: false, count: 2 },
      { query: false, count: 1 },
    ]);
  });

  it('goes through the log for a read the state machine declines, and for those behind it', async () => {
    const setup = await start();
    const { service } = setup;
    const client = raw(setup);
    client.lines('SET soon v PX 100', 'SET other w');
    await client.expect(OK + OK);
    service.nowMs = () => service.timeMs + 100;
    service.log.length = 0;
    client.lines('GET other', 'GET soon', 'GET other', 'PING', 'GET soon');
    await client.expect('$1\r\nw\r\n$1\r\nv\r\n$1\r\nw\r\n+PONG\r\n$1\r\nv\r\n');
    expect(service.log).toEqual([
      { query: true, count: 3 },
      { query: true, count: 1 },
      { query: false, count: 2 },
      { query: false, count: 1 },
    ]);
    service.timeMs += 100;
    client.lines('GET soon');
    await client.expect('$-1\r\n');
  });

  it('waits for room when the service has none, and loses nothing', async () => {
    const setup = await start({ pipelineMax: 10 });
    const { service } = setup;
    service.refusing = true;
    const client = raw(setup);
    const count = 500;
    client.lines(...Array.from({ length: count }, () => 'INCR n'));
    client.lines('GET n');
    const other = raw(setup);
    other.lines('PING');
    await other.expect('+PONG\r\n');
    expect(client.text).toBe('');
    service.admit();
    await client.expect(
      `${Array.from({ length: count }, (_, i) => `:${i + 1}\r\n`).join('')}$3\r\n${count}\r\n`,
    );
  });

  it('forgets a client that is gone', async () => {
    const setup = await start();
    setup.service.holding = true;
    const client = raw(setup);
    client.lines('SET a 1');
    while (setup.service.log.length < 1) await new Promise((resolve) => setImmediate(resolve));
    client.socket.resetAndDestroy();
    while (setup.server.clients > 0) await new Promise((resolve) => setImmediate(resolve));
    setup.service.release();
    expect(setup.machine.statistics.keys).toBe(0);
  });
});

describe('what was not done', () => {
  it('is said in two ways: not executed, or unknown', async () => {
    const setup = await start();
    const client = raw(setup);
    setup.service.fate = Outcome.notExecuted;
    client.lines('SET a 1', 'INCR b');
    const never = '-TRYAGAIN not executed: the command was not and will not be executed\r\n';
    await client.expect(never + never);
    setup.service.fate = Outcome.unknown;
    client.lines('SET a 1', 'PING');
    await client.expect('-UNKNOWN outcome: the command may or may not have been executed\r\n+PONG\r\n');
    client.lines('GET a');
    await client.expect(never);
    setup.service.fate = Outcome.done;
    client.lines('SET a 1');
    await client.expect(OK);
  });

  it('is not executed when the replica has stopped', async () => {
    const setup = await start();
    setup.service.stopped = new IndelibleError(ErrorCode.stopped, 'stopped');
    const client = raw(setup);
    client.lines('SET a 1', 'PING', 'GET a');
    await client.until((text) => text.split('\r\n').length === 4);
    expect(client.text).toMatch(/^-TRYAGAIN not executed.*\r\n\+PONG\r\n-TRYAGAIN not executed.*\r\n$/);
  });

  it('is an error of its own when the store is too small for the command', async () => {
    const setup = await start();
    setup.service.stopped = new IndelibleError(ErrorCode.commandTooLarge, 'a command has 9 bytes, 8 fit');
    const client = raw(setup);
    client.lines('SET a 1');
    await client.expect('-ERR not executed: a command has 9 bytes, 8 fit\r\n');
  });

  it('leaves a failed WATCH unwatched', async () => {
    const setup = await start();
    const client = raw(setup);
    setup.service.fate = Outcome.unknown;
    client.lines('WATCH a');
    await client.until((text) => text.endsWith('\r\n'));
    expect(client.text).toMatch(/^-TRYAGAIN/);
    client.text = '';
    setup.service.fate = Outcome.done;
    client.lines('MULTI', 'INCR n', 'EXEC');
    await client.expect(`${OK}+QUEUED\r\n*1\r\n:1\r\n`);
  });
});

describe('limits of a port', () => {
  it('are checked before anything is logged', async () => {
    const setup = await start({ keyBytesMax: 10, valueBytesMax: 20, memoryBytesMax: 200 });
    const client = raw(setup);
    client.lines('SET 12345678901 v', 'SET k 123456789012345678901', 'WATCH 12345678901', 'GET 12345678901');
    await client.expect(
      '-ERR key longer than 10 bytes\r\n-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n' +
        '-ERR key longer than 10 bytes\r\n-ERR key longer than 10 bytes\r\n',
    );
    expect(setup.service.log).toEqual([]);
    for (let i = 0; i < 20; i++) client.lines(`SET k${i} v`);
    await client.until((text) => text.split('\r\n').length === 21);
    expect(client.text).toContain("-OOM command not allowed when used memory > 'maxmemory'.\r\n");
  });

  it('are refused when they make no sense', async () => {
    const code = { code: 'ERR_INDELIBLE_ARGUMENT' };
    await expect(start({ port: 70_000 })).rejects.toMatchObject(code);
    await expect(start({ keyBytesMax: 0 })).rejects.toMatchObject(code);
    await expect(start({ valueBytesMax: 2 ** 30 })).rejects.toMatchObject(code);
    await expect(start({ outputBytesMax: 10 })).rejects.toMatchObject(code);
  });
});

describe('the port', () => {
  it('in use is an error with a code, and what to do', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as { port: number };
    await expect(start({ port })).rejects.toMatchObject({
      code: 'ERR_INDELIBLE_NETWORK',
      message: expect.stringContaining('in use'),
      path: `127.0.0.1:${port}`,
    });
    await new Promise((resolve) => holder.close(resolve));
    await expect(start({ host: '203.0.113.1' })).rejects.toMatchObject({ code: 'ERR_INDELIBLE_NETWORK' });
  });

  it('closes with its clients answered', async () => {
    const setup = await start();
    const client = raw(setup);
    setup.service.holding = true;
    client.lines('SET a 1');
    while (setup.service.log.length < 1) await new Promise((resolve) => setImmediate(resolve));
    const closed = setup.server.close();
    setup.service.release();
    expect(await client.end()).toBe(OK);
    await closed;
    expect(setup.server.clients).toBe(0);
  });
});
