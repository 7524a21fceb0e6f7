import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { ErrorCode, IndelibleError } from '../../lib/errors.js';
import { createKvServer, type KvServer, type KvServerOptions } from '../../lib/kv/server.js';
import { KvStateMachine } from '../../lib/kv/state-machine.js';
import { Outcome } from '../../lib/replica/service.js';
import { RawClient } from './client.js';
import { LocalService } from './local-service.js';

interface Setup {
  readonly server: KvServer;
  readonly service: LocalService;
  readonly machine: KvStateMachine;
}

const clients: RawClient[] = [];
const redises: Redis[] = [];
const servers: KvServer[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const redis of redises.splice(0)) redis.disconnect();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function start(options: Partial<KvServerOptions> = {}): Promise<Setup> {
  const machine = new KvStateMachine();
  const service = new LocalService(machine);
  const server = await createKvServer({
    service,
    port: 0,
    statistics: () => machine.statistics,
    status: () => ({
      replicaId: 2,
      role: 'follower',
      leaderId: 1,
      replicas: 3,
      chosenSlot: 9,
      appliedSlot: 8,
      durability: 'process',
    }),
    ...options,
  });
  servers.push(server);
  return { server, service, machine };
}

function raw(setup: Setup): RawClient {
  const client = new RawClient(setup.server.port);
  clients.push(client);
  return client;
}

function redis(setup: Setup, options: object = {}): Redis {
  const client = new Redis({
    port: setup.server.port,
    host: '127.0.0.1',
    retryStrategy: () => null,
    ...options,
  });
  redises.push(client);
  return client;
}

const OK = '+OK\r\n';

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
      '-ERR EXEC without MULTI\r\n-ERR DISCARD without MULTI\r\n+OK\r\n-ERR MULTI calls can not be nested\r\n' +
        "-ERR WATCH inside MULTI is not allowed\r\n*0\r\n+OK\r\n-ERR wrong number of arguments for 'get' command\r\n" +
        '+QUEUED\r\n-EXECABORT Transaction discarded because of previous errors.\r\n+OK\r\n+QUEUED\r\n+OK\r\n$-1\r\n',
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

describe('ioredis', () => {
  it('does its ordinary work', async () => {
    const client = redis(await start());
    expect(await client.set('a', 'ä€😀')).toBe('OK');
    expect(await client.get('a')).toBe('ä€😀');
    const binary = Buffer.from([0, 13, 10, 255]);
    await client.set(binary, binary);
    expect(await client.getBuffer(binary)).toEqual(binary);
    expect(await client.mget('a', 'none')).toEqual(['ä€😀', null]);
    const results = await client.pipeline().incr('n').get('n').incr('a').exec();
    expect(results?.[0]).toEqual([null, 1]);
    expect(results?.[1]).toEqual([null, '1']);
    expect(results?.[2]?.[0]).toMatchObject({ message: 'ERR value is not an integer or out of range' });
    expect(await client.multi().set('t', '1').incr('t').exec()).toEqual([
      [null, 'OK'],
      [null, 2],
    ]);
    expect(await client.info('replication')).toContain('indelible_role:follower');
    expect(await client.call('WAIT', '1', '10')).toBe(1);
  });

  it('pipelines a hundred thousand commands', async () => {
    const setup = await start();
    const client = redis(setup);
    const count = 100_000;
    const pipeline = client.pipeline();
    for (let i = 0; i < count; i++) pipeline.set(`key${i}`, `${i}`);
    await pipeline.exec();
    expect(await client.dbsize()).toBe(count);
    const keys: string[] = [];
    for await (const some of client.scanStream({ count: 5000 })) keys.push(...(some as string[]));
    expect(new Set(keys).size).toBe(count);
  });

  it('retries a transaction that lost its race', async () => {
    const setup = await start();
    const workers = Array.from({ length: 4 }, () => redis(setup));
    await Promise.all(
      workers.map(async (client) => {
        for (let done = 0; done < 10; ) {
          await client.watch('n');
          const value = Number((await client.get('n')) ?? 0);
          const result = await client
            .multi()
            .set('n', value + 1)
            .exec();
          if (result !== null) done++;
        }
      }),
    );
    expect(await workers[0]!.get('n')).toBe('40');
  });
});

describe('the connection', () => {
  it('speaks RESP3 after HELLO 3', async () => {
    const setup = await start();
    const client = raw(setup);
    client.lines('HELLO 3');
    await client.until((text) => text.endsWith('*0\r\n'));
    expect(client.text).toMatch(/^%7\r\n\$6\r\nserver\r\n\$5\r\nredis\r\n/);
    client.text = '';
    client.lines(
      'GET none',
      'MGET none',
      'CONFIG GET maxclients',
      'SET a 1',
      'WATCH a',
      'SET a 2',
      'MULTI',
      'EXEC',
    );
    await client.expect(
      `_\r\n*1\r\n_\r\n%1\r\n$10\r\nmaxclients\r\n$5\r\n10000\r\n${OK}${OK}${OK}${OK}_\r\n`,
    );
    client.lines('HELLO 4', 'HELLO x', 'HELLO 3 what', 'RESET', 'GET none');
    await client.expect(
      '-NOPROTO unsupported protocol version\r\n-ERR Protocol version is not an integer or out of range\r\n' +
        "-ERR Syntax error in HELLO option 'what'\r\n+RESET\r\n$-1\r\n",
    );
  });

  it('asks for the password, if there is one', async () => {
    const setup = await start({ password: 'secret' });
    const client = raw(setup);
    client.lines('GET a', 'HELLO 3', 'AUTH wrong', 'AUTH other secret', 'PING');
    await client.until((text) => text.split('\r\n').length === 6);
    expect(client.text.split('\r\n')[1]).toMatch(/^-NOAUTH HELLO must be called/);
    const wrong = '-WRONGPASS invalid username-password pair or user is disabled.';
    const noAuth = '-NOAUTH Authentication required.';
    expect(client.text.split('\r\n').toSpliced(1, 1)).toEqual([noAuth, wrong, wrong, noAuth, '']);
    client.text = '';
    client.lines('AUTH secret', 'PING', 'RESET', 'PING', 'AUTH default secret', 'PING');
    await client.expect(`${OK}+PONG\r\n+RESET\r\n-NOAUTH Authentication required.\r\n${OK}+PONG\r\n`);
    const stranger = raw(setup);
    stranger.lines('*11');
    expect(await stranger.end()).toBe('-ERR Protocol error: unauthenticated multibulk length\r\n');
    const other = raw(setup);
    other.lines('*2', '$3', 'GET', '$20000');
    expect(await other.end()).toBe('-ERR Protocol error: unauthenticated bulk length\r\n');
    expect(await redis(setup, { password: 'secret' }).ping()).toBe('PONG');
  });

  it('has a name, and replies when it wants them', async () => {
    const setup = await start();
    const client = raw(setup);
    client.lines(
      'CLIENT GETNAME',
      'CLIENT SETNAME me',
      'CLIENT GETNAME',
      'CLIENT SETNAME "a b"',
      'CLIENT ID',
    );
    await client.expect(
      `$-1\r\n${OK}$2\r\nme\r\n-ERR Client names cannot contain spaces, newlines or special characters.\r\n:1\r\n`,
    );
    client.lines(
      'CLIENT REPLY SKIP',
      'SET a 1',
      'GET a',
      'CLIENT REPLY OFF',
      'INCR a',
      'PING',
      'CLIENT REPLY ON',
      'GET a',
    );
    await client.expect(`$1\r\n1\r\n${OK}$1\r\n2\r\n`);
    client.lines('CLIENT LIST');
    await client.until((text) => text.endsWith('\n\r\n'));
    expect(client.text).toMatch(/id=1 addr=127\.0\.0\.1:\d+ .* name=me .* cmd=client/);
  });

  it('closes after QUIT, with everything before it answered', async () => {
    const setup = await start();
    const client = raw(setup);
    client.lines('SET a 1', 'GET a', 'QUIT', 'GET a');
    expect(await client.end()).toBe(`${OK}$1\r\n1\r\n${OK}`);
  });

  it('closes after a protocol error, with everything before it answered', async () => {
    const setup = await start();
    const client = raw(setup);
    client.lines('SET a 1', 'GET a', '*x', 'GET a');
    expect(await client.end()).toBe(`${OK}$1\r\n1\r\n-ERR Protocol error: invalid multibulk length\r\n`);
  });

  it('answers a client that has said all it had to say', async () => {
    const setup = await start({ pipelineMax: 7 });
    const client = raw(setup);
    client.lines(...Array.from({ length: 100 }, () => 'INCR n'));
    client.socket.end();
    expect(await client.end()).toBe(Array.from({ length: 100 }, (_, i) => `:${i + 1}\r\n`).join(''));
  });

  it('is one of at most as many as the option says', async () => {
    const setup = await start({ clientsMax: 2 });
    const one = raw(setup).lines('PING');
    const two = raw(setup).lines('PING');
    await Promise.all([one.expect('+PONG\r\n'), two.expect('+PONG\r\n')]);
    expect(await raw(setup).end()).toBe('-ERR max number of clients reached\r\n');
  });

  it('survives whatever bytes come, and others are served meanwhile', async () => {
    const setup = await start();
    const other = raw(setup);
    for (let i = 0; i < 30; i++) {
      const bytes = Buffer.alloc(200);
      for (let at = 0; at < bytes.length; at++) bytes[at] = (i * 7919 + at * (i + 13) * 31) % 256;
      if (i % 3 === 0) bytes[0] = 0x2a;
      const client = raw(setup);
      client.socket.end(bytes);
      await client.end();
      other.lines('PING');
      await other.expect('+PONG\r\n');
    }
  });

  it('stops reading from a client that does not read, and goes on when it does', async () => {
    const setup = await start({ pipelineMax: 10 });
    const client = raw(setup);
    client.lines(`SET a ${'v'.repeat(60_000)}`);
    await client.expect(OK);
    client.socket.pause();
    setup.service.log.length = 0;
    const count = 2000;
    client.socket.write('GET a\r\n'.repeat(count));
    const other = raw(setup);
    for (let i = 0; i < 300; i++) {
      other.lines('PING');
      await other.expect('+PONG\r\n');
    }
    const asked = setup.service.log.reduce((sum, run) => sum + run.count, 0);
    expect(asked).toBeLessThan(count / 2);
    let received = 0;
    client.socket.removeAllListeners('data');
    const all = new Promise<void>((resolve) => {
      client.socket.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received === count * 60_010) resolve();
      });
    });
    client.socket.resume();
    await all;
  });

  it('is closed when far more was asked for than is read', async () => {
    const setup = await start({ outputBytesMax: 8 << 20 });
    const client = raw(setup);
    client.lines(`SET a ${'v'.repeat(60_000)}`);
    await client.expect(OK);
    client.socket.pause();
    client.socket.write('GET a\r\n'.repeat(2000));
    while (setup.server.clients > 0) await new Promise((resolve) => setImmediate(resolve));
    client.socket.resume();
    expect((await client.end()).length).toBeLessThan(2000 * 60_010);
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
