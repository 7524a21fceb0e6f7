/** A port gives the state a key for its hashes, which no client learns. */
import { afterEach, describe, expect, it } from 'vitest';
import { createKvServer } from '../../../lib/kv/server.js';
import { closeAll, OK, raw, type Setup, start } from '../setup.js';

afterEach(closeAll);

function keyOf({ machine }: Setup): string {
  const bytes = Buffer.concat([...machine.checkpoint()]);
  expect(bytes.readUInt32LE(8)).toBe(0);
  return bytes.toString('hex', 8240, 8256);
}

const NONE = '00'.repeat(16);

describe('the hashes of the state', () => {
  it('hang on a key of the port that is first, whatever its first command is', async () => {
    const keys = new Set<string>();
    for (const lines of [
      ['SET a b'],
      ['FLUSHALL'],
      ['MULTI', 'SET a b', 'EXEC'],
      ['CLIENT REPLY OFF', 'SET a b', 'CLIENT REPLY ON'],
      ['WATCH a', 'MULTI', 'FLUSHDB', 'EXEC'],
      ['SET a b', 'GET a'],
    ]) {
      const setup = await start();
      expect(keyOf(setup)).toBe(NONE);
      const client = raw(setup);
      client.lines(...lines, 'QUIT');
      await client.end();
      keys.add(keyOf(setup));
    }
    expect(keys.has(NONE)).toBe(false);
    expect(keys.size).toBe(6);
  });

  it('keep it, whatever other ports draw, and commands carry none when one was executed', async () => {
    const setup = await start();
    const client = raw(setup);
    client.lines('SET a b');
    await client.expect(OK);
    const key = keyOf(setup);
    const other = await createKvServer({ service: setup.service, port: 0 });
    try {
      const second = raw({ ...setup, server: other });
      second.lines('SET c d', 'FLUSHALL');
      await second.expect(OK + OK);
    } finally {
      await other.close();
    }
    const bytes: number[] = [];
    const submit = setup.service.submit.bind(setup.service);
    setup.service.submit = (...given) => {
      bytes.push(given[5] - given[4]);
      return submit(...given);
    };
    client.lines('GETSET a b');
    await client.expect('$-1\r\n');
    // Length, opcode, flags, memory limit, and the two arguments with their lengths.
    expect(bytes).toEqual([4 + 2 + 4 + 5 + 5]);
    expect(keyOf(setup)).toBe(key);
  });
});
