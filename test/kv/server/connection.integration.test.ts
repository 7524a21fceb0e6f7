import { afterEach, describe, expect, it } from 'vitest';
import { closeAll, OK, raw, redis, start } from '../setup.js';

afterEach(closeAll);

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
      `$-1\r\n${OK}$2\r\nme\r\n` +
        '-ERR Client names cannot contain spaces, newlines or special characters.\r\n:1\r\n',
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
