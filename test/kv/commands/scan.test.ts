import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Glob } from '../../../lib/kv/commands/glob.js';
import { hashKey } from '../../../lib/kv/store/hash.js';
import { Machine } from '../machine.js';
import { seeded } from '../random.js';

const FILE = 'test/kv/commands/scan.test.ts';

/** One SCAN: the next cursor and the keys. */
function scan(machine: Machine, cursor: string, ...options: string[]): [string, string[]] {
  const words = machine.do('SCAN', cursor, ...options).split('\r\n');
  return [words[2]!, words.slice(5).filter((_word, i) => i % 2 === 0 && words[i + 5] !== '')];
}

function scanAll(machine: Machine, ...options: string[]): string[] {
  const keys: string[] = [];
  let cursor = '0';
  do {
    const [next, some] = scan(machine, cursor, ...options);
    keys.push(...some);
    cursor = next;
  } while (cursor !== '0');
  return keys;
}

describe('SCAN', () => {
  it('gives each key once while nothing changes', () => {
    const machine = new Machine();
    const names = Array.from({ length: 1000 }, (_, i) => `key${i}`);
    for (const name of names) machine.do('SET', name, 'v');
    for (const count of ['1', '7', '100', '5000']) {
      expect(scanAll(machine, 'COUNT', count).sort()).toEqual([...names].sort());
    }
  });

  it('gives what is there throughout, while the table grows and shrinks under it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 120 }), (count, pace) => {
        const machine = new Machine();
        for (let i = 0; i < 200; i++) machine.do('SET', `stays${i}`, 'v');
        const seen = new Set<string>();
        let cursor = '0';
        let round = 0;
        do {
          const [next, keys] = scan(machine, cursor, 'COUNT', `${count}`);
          for (const key of keys) seen.add(key);
          cursor = next;
          for (let i = 0; i < pace && round < 20; i++) machine.do('SET', `comes${round}-${i}`, 'v');
          for (let i = 0; i < pace && round >= 20; i++) machine.do('DEL', `comes${round - 20}-${i}`);
          round++;
        } while (cursor !== '0');
        for (let i = 0; i < 200; i++) expect(seen.has(`stays${i}`)).toBe(true);
      }),
      seeded(FILE, 6),
    );
  });

  it('gives keys with one hash together, however small COUNT is', () => {
    const machine = new Machine();
    machine.do('DBSIZE');
    const seed = Buffer.from([...machine.kv.checkpoint()][0]!).readUInt32LE(8);
    const names = new Map<number, string>();
    const pairs: string[] = [];
    for (let i = 0; pairs.length < 6; i++) {
      const name = `key${i}`;
      const hash = hashKey(Buffer.from(name), 0, name.length, seed);
      const other = names.get(hash);
      if (other !== undefined) pairs.push(name, other);
      else names.set(hash, name);
    }
    for (const name of pairs) machine.do('SET', name, 'v');
    expect(scanAll(machine, 'COUNT', '1').sort()).toEqual([...pairs].sort());
    expect(scan(machine, '0', 'COUNT', '1')[1]).toHaveLength(2);
  });

  it('takes MATCH and TYPE', () => {
    const machine = new Machine();
    for (let i = 0; i < 50; i++) machine.do('SET', `${i % 2 === 0 ? 'even' : 'odd'}${i}`, 'v');
    expect(scanAll(machine, 'MATCH', 'even*')).toHaveLength(25);
    expect(scanAll(machine, 'MATCH', 'even*', 'TYPE', 'string', 'COUNT', '3')).toHaveLength(25);
    expect(scanAll(machine, 'TYPE', 'list')).toEqual([]);
  });

  it('answers a cursor from elsewhere', () => {
    const machine = new Machine();
    machine.do('SET', 'a', 'v');
    expect(scan(machine, '18446744073709551615')).toEqual(['0', []]);
    expect(scan(machine, '4294967296')).toEqual(['0', []]);
  });

  it('gives the same on a replica that was restored from a checkpoint', () => {
    const machine = new Machine();
    for (let i = 0; i < 3000; i++) machine.do('SET', `key${i}`, 'v');
    for (let i = 0; i < 2900; i++) machine.do('DEL', `key${i}`);
    const other = new Machine();
    other.kv.restore(machine.kv.checkpoint());
    expect(scanAll(other, 'COUNT', '7')).toEqual(scanAll(machine, 'COUNT', '7'));
    expect(other.do('KEYS', '*')).toBe(machine.do('KEYS', '*'));
  });
});

describe('glob patterns', () => {
  it.each([
    ['*', 'anything', true],
    ['h?llo', 'hello', true],
    ['h?llo', 'hllo', false],
    ['h*llo', 'heeeello', true],
    ['h[ae]llo', 'hallo', true],
    ['h[ae]llo', 'hillo', false],
    ['h[^e]llo', 'hello', false],
    ['h[a-c]llo', 'hbllo', true],
    ['h[c-a]llo', 'hbllo', true],
    ['h\\*llo', 'h*llo', true],
    ['h\\*llo', 'hello', false],
    ['a[', 'a[', false],
    ['a[b', 'ab', true],
    ['*a*b*c', 'xxaxxbxxc', true],
    ['*a*b*c', 'xxaxxbxx', false],
    ['', '', true],
    ['', 'a', false],
    ['a\\', 'a\\', true],
  ])('%s and %s: %s', (pattern, text, matches) => {
    expect(new Glob(Buffer.from(pattern)).matches(Buffer.from(text), 0, text.length)).toBe(matches);
  });

  it('ends soon for a pattern that is made to take long', () => {
    const glob = new Glob(Buffer.from(`${'*a'.repeat(200)}b`));
    const text = Buffer.from('a'.repeat(5000));
    expect(glob.matches(text, 0, text.length)).toBe(false);
  });
});
