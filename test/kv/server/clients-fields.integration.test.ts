/** The fields that clients and Redis's own tools look for, and what they say. */
import { afterEach, describe, expect, it } from 'vitest';
import { RawClient } from '../client.js';
import { type RealRedis, startRedis } from '../differential/real-redis.js';
import { closeAll, raw, type Setup, start } from '../setup.js';

let redis: RealRedis | undefined;

afterEach(async () => {
  await redis?.close();
  redis = undefined;
  await closeAll();
});

async function ask(client: RawClient, request: string): Promise<string> {
  client.text = '';
  client.lines(request, 'ECHO done');
  const end = '$4\r\ndone\r\n';
  const text = await client.until((all) => all.endsWith(end));
  return text.slice(text.indexOf('\r\n') + 2, -end.length);
}

function fieldsOf(line: string): Record<string, string> {
  return Object.fromEntries(
    line
      .trim()
      .split(' ')
      .map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string]),
  );
}

function infoOf(text: string): Record<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return Object.fromEntries(lines.map((line) => line.split(/:(.*)/s).slice(0, 2) as [string, string]));
}

describe('CLIENT INFO', () => {
  it('has the fields of Redis, in its order, and then those of the library', async () => {
    redis = await startRedis();
    const theirs = new RawClient(redis.port);
    const names = Object.keys(fieldsOf(await ask(theirs, 'CLIENT INFO')));
    theirs.close();
    const ours = Object.keys(fieldsOf(await ask(raw(await start()), 'CLIENT INFO')));
    expect(ours).toEqual([...names, 'lib-name', 'lib-ver']);
  });

  it('tells the truth', async () => {
    const setup = await start();
    const [one, two] = [raw(setup), raw(setup)];
    await ask(two, 'PING');
    const own = fieldsOf(await ask(one, 'CLIENT INFO'));
    expect(own).toMatchObject({ flags: 'N', multi: '-1', cmd: 'client|info', resp: '2', 'argv-mem': '10' });
    expect(own['events']).toBe('r');
    expect(Number(own['fd'])).toBeGreaterThan(0);
    await ask(two, 'CLIENT SETNAME other');
    await ask(two, 'CLIENT NO-EVICT ON');
    two.lines('MULTI', `SET key ${'v'.repeat(5000)}`, 'ECHO last');
    two.socket.write('SET half');
    const list = async (): Promise<Record<string, string>> =>
      fieldsOf((await ask(one, 'CLIENT LIST')).split('\n').find((line) => line.includes('name=other')) ?? '');
    let other = await list();
    while (other['qbuf'] !== '8') other = await list();
    expect(other).toMatchObject({ name: 'other', flags: 'xe', multi: '2', cmd: 'echo' });
    expect(Number(other['multi-mem'])).toBeGreaterThan(5000);
    expect(Number(other['tot-mem'])).toBeGreaterThan(Number(other['multi-mem']));
    expect(other['id']).not.toBe(own['id']);
  });

  it('cannot be made to lie by what a client sends', async () => {
    const setup = await start();
    const client = raw(setup);
    client.socket.write('*2\r\n$6\r\nclient\r\n$12\r\nno cmd=x\nid=9\r\n');
    await client.until((text) => text.includes('unknown subcommand'));
    expect((await ask(raw(setup), 'CLIENT LIST')).trim().split('\n')).toHaveLength(2);
    expect(fieldsOf(await ask(client, 'CLIENT INFO'))).toMatchObject({ cmd: 'client|info' });
  });
});

describe('CLIENT LIST and KILL', () => {
  it('find clients by their ids, in the order asked for', async () => {
    const setup = await start();
    const [one, two] = [raw(setup), raw(setup)];
    const ids = [await ask(one, 'CLIENT INFO'), await ask(two, 'CLIENT INFO')].map(
      (line) => fieldsOf(line)['id'],
    );
    const list = (await ask(one, `CLIENT LIST ID ${ids[1]} 999 ${ids[0]}`)).trim().split('\n');
    expect(list.map((line) => fieldsOf(line)['id'])).toEqual([ids[1], ids[0]]);
    one.text = '';
    one.lines(`CLIENT KILL ID 1 ID ${ids[1]}`);
    await one.expect(':1\r\n');
    await two.end();
  });
});

async function info(setup: Setup, sections = ''): Promise<Record<string, string>> {
  return infoOf(await ask(raw(setup), `INFO ${sections}`));
}

describe('INFO', () => {
  it('has what Redis’s own tools read, each a field of Redis too', async () => {
    redis = await startRedis();
    const theirs = new RawClient(redis.port);
    const known = infoOf(await ask(theirs, 'INFO everything'));
    theirs.close();
    const fields = Object.keys(await info(await start())).filter(
      (name) => !/^(indelible_|errorstat_)/.test(name),
    );
    const own = ['server_name', 'node_version'];
    expect(fields.filter((name) => !(name in known) && !own.includes(name))).toEqual([]);
    for (const name of [
      ...[
        'redis_version',
        'run_id',
        'process_id',
        'cluster_enabled',
        'used_cpu_sys',
        'used_cpu_user',
        'loading',
      ],
      ...['rdb_bgsave_in_progress', 'aof_rewrite_in_progress', 'total_error_replies', 'evicted_keys', 'role'],
    ]) {
      expect(fields, name).toContain(name);
    }
  });

  it('counts commands, those refused, and errors', async () => {
    const setup = await start();
    const client = raw(setup);
    client.lines(
      'SET a x',
      'GET a',
      'GET a',
      'GET',
      'INCR a',
      'SELECT 7',
      'HELLO 9',
      'MULTI',
      'GET a',
      'EXEC',
      'QUIT',
    );
    await client.end();
    expect(await info(setup, 'commandstats errorstats stats')).toMatchObject({
      cmdstat_set: 'calls=1,rejected_calls=0',
      cmdstat_get: 'calls=3,rejected_calls=1',
      errorstat_ERR: 'count=3',
      errorstat_NOPROTO: 'count=1',
      total_error_replies: '4',
    });
    expect(await info(setup)).not.toHaveProperty('cmdstat_get');
    expect(await info(setup, 'all')).toHaveProperty('cmdstat_get');
    await ask(raw(setup), 'CONFIG RESETSTAT');
    const after = await info(setup, 'everything');
    expect(after).not.toHaveProperty('cmdstat_get');
    expect(after['total_error_replies']).toBe('0');
  });

  it('counts bytes and processor time', async () => {
    const setup = await start();
    await ask(raw(setup), `ECHO ${'x'.repeat(10_000)}`);
    const fields = await info(setup);
    for (const name of ['total_net_input_bytes', 'total_net_output_bytes']) {
      expect(Number(fields[name])).toBeGreaterThan(10_000);
    }
    expect(Number(fields['used_cpu_user'])).toBeGreaterThan(0);
    expect(fields['run_id']).toMatch(/^[0-9a-f]{40}$/);
    expect(fields['maxmemory_human']).toBe('1.00G');
  });
});

describe('CONFIG GET', () => {
  it('tells the time-outs', async () => {
    const setup = await start({ timeoutSeconds: 77, keepaliveSeconds: 0 });
    expect(await ask(raw(setup), 'CONFIG GET t*')).toBe(
      '$13\r\ntcp-keepalive\r\n$1\r\n0\r\n$7\r\ntimeout\r\n$2\r\n77\r\n',
    );
  });

  it('is of a port that closes who says nothing', async () => {
    const client = raw(await start({ timeoutSeconds: 1 }));
    expect(await client.end()).toBe('');
  });
});
