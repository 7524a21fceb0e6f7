/** Commands of the port's own in a transaction take effect with it, or not at all. */
import { afterEach, describe, expect, it } from 'vitest';
import { Outcome } from '../../../lib/replica/service.js';
import { bulk } from '../machine.js';
import { closeAll, OK, raw, start } from '../setup.js';

afterEach(closeAll);

const QUEUED = '+QUEUED\r\n';

describe('in a transaction that is executed, commands of the port', () => {
  it('see what those before them did, and so does what comes behind EXEC', async () => {
    const client = raw(await start());
    client.lines('MULTI', 'CLIENT SETNAME n', 'CLIENT GETNAME', 'EXEC', 'CLIENT GETNAME', 'PING');
    await client.expect(`${OK}${QUEUED}${QUEUED}*2\r\n${OK}${bulk('n')}${bulk('n')}+PONG\r\n`);
  });

  it('change the version of the protocol from where they stand', async () => {
    const client = raw(await start());
    client.lines('MULTI', 'GET a', 'HELLO 3', 'GET a', 'EXEC', 'GET a');
    const text = await client.until((all) => all.endsWith('_\r\n_\r\n'));
    expect(text.startsWith(`${OK}${QUEUED.repeat(3)}*3\r\n$-1\r\n%7\r\n`)).toBe(true);
  });

  it('end other connections', async () => {
    const setup = await start();
    const other = raw(setup);
    other.lines('CLIENT ID');
    const id = (await other.until((text) => text.endsWith('\r\n'))).slice(1, -2);
    const client = raw(setup);
    client.lines('MULTI', `CLIENT KILL ID ${id}`, 'CONFIG RESETSTAT', 'EXEC', 'INFO stats');
    await other.end();
    const text = await client.until((all) => all.includes('total_commands_processed'));
    expect(text.startsWith(`${OK}${QUEUED}${QUEUED}*2\r\n:1\r\n${OK}`)).toBe(true);
    expect(text).toContain('total_commands_processed:1\r\n');
  });
});

const EFFECTS = [
  'CLIENT SETNAME zz',
  'CLIENT NO-EVICT on',
  'HELLO 3',
  'CLIENT SETINFO lib-name x',
  'CONFIG RESETSTAT',
];

describe('in a transaction that is not executed, commands of the port', () => {
  it('do nothing, if a watched key has changed', async () => {
    const setup = await start();
    const other = raw(setup);
    other.lines('CLIENT ID');
    const id = (await other.until((text) => text.endsWith('\r\n'))).slice(1, -2);
    other.text = '';
    const client = raw(setup);
    client.lines(
      'WATCH w',
      'SET w 2',
      'MULTI',
      ...EFFECTS,
      `CLIENT KILL ID ${id}`,
      'CLIENT KILL TYPE normal',
    );
    client.lines('EXEC', 'CLIENT INFO', 'GET none', 'QUIT');
    const text = await client.end();
    expect(text).toContain(`${OK}${QUEUED.repeat(7)}*-1\r\n$`);
    expect(text).toMatch(/ name= .* flags=N .* cmd=client\|info .* resp=2 lib-name= /);
    expect(text.endsWith(`$-1\r\n${OK}`)).toBe(true);
    other.lines('PING');
    await other.expect('+PONG\r\n');
  });

  it.each([
    [Outcome.unknown, '-UNKNOWN outcome'],
    [Outcome.notExecuted, '-TRYAGAIN not executed'],
  ])('do nothing, if its outcome is %s', async (fate, error) => {
    const setup = await start();
    const client = raw(setup);
    setup.service.fate = fate;
    client.lines('MULTI', ...EFFECTS, 'EXEC', 'CLIENT INFO', 'QUIT');
    const text = await client.end();
    expect(text).toContain(`${OK}${QUEUED.repeat(5)}${error}`);
    expect(text).toMatch(/ name= .* flags=N .* resp=2 lib-name= /);
  });

  it('do nothing, if it is discarded, spoilt or too large', async () => {
    const client = raw(await start());
    client.lines('MULTI', ...EFFECTS, 'DISCARD', 'MULTI', ...EFFECTS, 'NOSUCH', 'EXEC');
    client.lines('MULTI', ...EFFECTS, ...Array.from({ length: 2000 }, () => 'COMMAND'), 'EXEC');
    client.lines('CLIENT INFO', 'QUIT');
    const text = await client.end();
    expect(text.match(/-EXECABORT/g)).toHaveLength(2);
    expect(text).toMatch(/ name= .* flags=N .* resp=2 lib-name= /);
  });
});

describe('CLIENT REPLY in a transaction', () => {
  it.each(['ON', 'OFF', 'SKIP', 'oFf'])('%s is refused when it is queued', async (mode) => {
    const client = raw(await start());
    client.lines('MULTI', 'PING before', `CLIENT REPLY ${mode}`, 'SET a 1', 'EXEC', 'GET a');
    await client.expect(
      `${OK}${QUEUED}-ERR CLIENT REPLY inside MULTI is not allowed\r\n${QUEUED}` +
        '-EXECABORT Transaction discarded because of previous errors.\r\n$-1\r\n',
    );
  });

  it('is an error of its own if it asks for nothing that there is', async () => {
    const client = raw(await start());
    client.lines('MULTI', 'CLIENT REPLY bogus', 'SET a 1', 'EXEC');
    await client.expect(`${OK}${QUEUED}${QUEUED}*2\r\n-ERR syntax error\r\n${OK}`);
  });
});
