import { afterEach, describe, expect, it } from 'vitest';
import { Users } from '../../../lib/kv/acl/users.js';
import { createKvServer } from '../../../lib/kv/server.js';
import { KvStateMachine } from '../../../lib/kv/state-machine.js';
import { LocalService } from '../local-service.js';
import { closeAll, OK, raw, redis, start } from '../setup.js';

afterEach(closeAll);

const users = (...lines: readonly string[]): Users => Users.parse(lines.join('\n'), 'users.acl');

const WRONG = '-WRONGPASS invalid username-password pair or user is disabled.\r\n';
const NO_KEY = '-NOPERM this user has no permissions to access one of the keys used as arguments\r\n';
const no = (name: string): string => `-NOPERM this user has no permissions to run the '${name}' command\r\n`;

const FILE = [
  'user default off',
  'user admin on >root ~* &* +@all',
  'user reader on >r1 >r2 ~pub:* +@read +@connection +@transaction +acl|whoami',
  'user gone off >x ~* +@all',
];

describe('users on a port', () => {
  it('say who they are, and may do what their lines say', async () => {
    const setup = await start({ users: users(...FILE) });
    const client = raw(setup);
    client.lines(
      'GET pub:a',
      'AUTH reader r2',
      'ACL WHOAMI',
      'GET pub:a',
      'GET a',
      'SET pub:a 1',
      'ACL LIST',
    );
    await client.expect(
      `-NOAUTH Authentication required.\r\n${OK}$6\r\nreader\r\n$-1\r\n${NO_KEY}${no('set')}${no('acl|list')}`,
    );
    client.lines('AUTH admin root', 'SET pub:a 1', 'ACL WHOAMI', 'RESET', 'GET pub:a');
    await client.expect(`${OK}${OK}$5\r\nadmin\r\n+RESET\r\n-NOAUTH Authentication required.\r\n`);
  });

  it('are not let in by another one’s password, nor while they are off', async () => {
    const setup = await start({ users: users(...FILE) });
    for (const line of ['AUTH reader root', 'AUTH gone x', 'AUTH nobody x', 'AUTH x', 'AUTH default x']) {
      const client = raw(setup);
      client.lines(line);
      await client.expect(WRONG);
      // An address that has given a wrong password waits: the right one ends that.
      client.lines('AUTH admin root');
      await client.expect(OK);
    }
  });

  it('say who they are in HELLO', async () => {
    const setup = await start({ users: users(...FILE) });
    const client = redis(setup, { username: 'reader', password: 'r1' });
    expect(await client.call('ACL', 'WHOAMI')).toBe('reader');
    const other = raw(setup);
    other.lines('HELLO 3 AUTH reader nonsense');
    await other.expect(WRONG);
    other.lines('HELLO 2 AUTH reader r1');
    await other.until((text) => text.endsWith('*0\r\n'));
  });

  it('are default again after RESET, and held to their keys though they may use all commands', async () => {
    const setup = await start({ users: users('user default on nopass ~pub:* +@all', FILE[1]!) });
    const client = raw(setup);
    client.lines('GET a', 'GET pub:a', 'AUTH admin root', 'GET a', 'RESET', 'ACL WHOAMI', 'GET a');
    await client.expect(`${NO_KEY}$-1\r\n${OK}$-1\r\n+RESET\r\n$7\r\ndefault\r\n${NO_KEY}`);
  });

  it('are held to their lines when they queue', async () => {
    const setup = await start({ users: users(...FILE) });
    const client = raw(setup);
    client.lines('AUTH reader r1', 'MULTI', 'GET pub:a', 'GET a', 'EXEC', 'GET pub:a');
    await client.expect(
      `${OK}${OK}+QUEUED\r\n${NO_KEY}-EXECABORT Transaction discarded because of previous errors.\r\n$-1\r\n`,
    );
    client.lines('MULTI', 'SET pub:a 1', 'EXEC', 'WATCH a', 'MULTI', 'GET pub:a', 'EXEC');
    await client.expect(
      `${OK}${no('set')}-EXECABORT Transaction discarded because of previous errors.\r\n` +
        `${NO_KEY}${OK}+QUEUED\r\n*1\r\n$-1\r\n`,
    );
  });

  it('may not execute what they may not', async () => {
    const setup = await start({ users: users('user default on nopass ~* +@all -exec') });
    const client = raw(setup);
    client.lines('MULTI', 'SET a 1', 'EXEC', 'GET a');
    const why = no('exec').slice(1);
    await client.expect(`${OK}+QUEUED\r\n-EXECABORT Transaction discarded because of: ${why}$-1\r\n`);
  });

  it('change in a transaction once that is executed', async () => {
    const setup = await start({ users: users(...FILE) });
    const client = raw(setup);
    client.lines('AUTH admin root', 'MULTI', 'AUTH reader r1', 'ACL WHOAMI', 'EXEC', 'ACL WHOAMI', 'SET a 1');
    await client.expect(
      `${OK}${OK}+QUEUED\r\n+QUEUED\r\n*2\r\n${OK}$6\r\nreader\r\n$6\r\nreader\r\n${no('set')}`,
    );
  });

  it('are shown by CLIENT LIST, and killed by name', async () => {
    const setup = await start({ users: users(...FILE) });
    const admin = redis(setup, { username: 'admin', password: 'root' });
    const reader = raw(setup);
    reader.lines('AUTH reader r1');
    await reader.expect(OK);
    expect(await admin.call('CLIENT', 'LIST')).toMatch(/ user=reader /);
    await expect(admin.call('CLIENT', 'KILL', 'USER', 'nobody')).rejects.toThrow(/No such user 'nobody'/);
    expect(await admin.call('CLIENT', 'KILL', 'USER', 'reader')).toBe(1);
    await reader.end();
    expect(await admin.ping()).toBe('PONG');
  });

  it('are one, default, where no file names them', async () => {
    const setup = await start({ password: 'secret' });
    const client = raw(setup);
    client.lines(
      'AUTH default secret',
      'ACL USERS',
      'ACL GETUSER nobody',
      'ACL CAT transaction',
      'ACL CAT no',
    );
    await client.expect(
      `${OK}*1\r\n$7\r\ndefault\r\n$-1\r\n*5\r\n$5\r\nwatch\r\n$7\r\nunwatch\r\n$5\r\nmulti\r\n$4\r\nexec\r\n` +
        "$7\r\ndiscard\r\n-ERR Unknown category 'no'\r\n",
    );
  });

  it('are not given together with a password', async () => {
    const service = new LocalService(new KvStateMachine());
    const both = createKvServer({ service, port: 0, password: 'x', users: users(...FILE) });
    await expect(both).rejects.toThrow(/users and a password are both given/);
  });
});

describe('other users', () => {
  it('take the place of those before; who is unchanged goes on, who is not is closed', async () => {
    const setup = await start({ users: users(...FILE, 'user leaves on >l ~* +@all') });
    const connect = async (name: string, password: string) => {
      const client = raw(setup);
      client.lines(`AUTH ${name} ${password}`);
      await client.expect(OK);
      return client;
    };
    const admin = await connect('admin', 'root');
    const reader = await connect('reader', 'r1');
    const leaves = await connect('leaves', 'l');
    const stranger = raw(setup);
    stranger.lines('PING');
    await stranger.expect('-NOAUTH Authentication required.\r\n');
    setup.server.useUsers(
      users(FILE[0]!, 'user admin ~* on >root &* allcommands', 'user reader on >r1 ~other:* +@read'),
    );
    expect([await reader.end(), await leaves.end()]).toEqual(['', '']);
    admin.lines('ACL USERS');
    await admin.expect('*3\r\n$5\r\nadmin\r\n$7\r\ndefault\r\n$6\r\nreader\r\n');
    stranger.lines('AUTH reader r1', 'GET other:a', 'GET pub:a');
    await stranger.expect(`${OK}$-1\r\n${NO_KEY}`);
  });

  it('are not fooled by a password that a transaction gave before', async () => {
    const setup = await start({ users: users(...FILE) });
    const client = raw(setup);
    client.lines('AUTH admin root');
    await client.expect(OK);
    setup.service.holding = true;
    client.lines('MULTI', 'AUTH reader r1', 'EXEC', 'PING');
    await client.expect(`${OK}+QUEUED\r\n`);
    setup.server.useUsers(users(...FILE.slice(0, 2), 'user reader on >r1 +@read'));
    setup.service.holding = false;
    setup.service.release();
    expect(await client.end()).toBe(`*1\r\n${OK}`);
  });
});
