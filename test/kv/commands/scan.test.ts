import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Glob } from '../../../lib/kv/commands/glob.js';
import { KEY_BYTES_MAX, STEP_BYTES, STEPS_MAX } from '../../../lib/kv/limits.js';
import { HashKey } from '../../../lib/kv/store/hash-key.js';
import { encode, encodeExec, HASH_KEY, Machine } from '../machine.js';
import { seeded } from '../random.js';
import { murmurCollisions } from '../store/murmur-collisions.js';

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
    const key = HashKey.read(HASH_KEY, 0);
    const names = new Map<number, string>();
    const pairs: string[] = [];
    for (let i = 0; pairs.length < 6; i++) {
      const name = `key${i}`;
      const hash = key.hash(Buffer.from(name), 0, name.length);
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
    for (let i = 0; i < 50; i++) {
      expect(other.do('RANDOMKEY')).toBe(machine.do('RANDOMKEY'));
      for (const each of [machine, other]) each.do('SET', 'key2950', `${i}`);
    }
  });

  it('spreads keys that a hash without a secret would put into one place', () => {
    const machine = new Machine();
    const names = murmurCollisions(11).map((name) => name.toString('latin1'));
    for (const name of names) machine.do('SET', name, 'v');
    expect(scan(machine, '0', 'COUNT', '1')[0]).not.toBe('0');
    expect(machine.do('SCAN', '0', 'COUNT', '10').length).toBeLessThan(20 * 120);
    const old = new Machine();
    old.hashKey = undefined;
    for (const name of names) old.do('SET', name, 'v');
    expect(old.do('SCAN', '0', 'COUNT', '10')).toContain('*2048\r\n');
  });
});

describe('the work of one command', () => {
  const TOO_MUCH = `-ERR the command takes more than ${STEPS_MAX} steps\r\n`;
  const LONG = 'z'.repeat(KEY_BYTES_MAX);
  const HARD = `*${'z'.repeat(KEY_BYTES_MAX / 2)}q`;

  it('is bounded where a pattern takes long', () => {
    const machine = new Machine();
    machine.do('SET', LONG, 'v');
    for (const argv of [
      ['KEYS', HARD],
      ['SCAN', '0', 'MATCH', HARD],
    ]) {
      expect(machine.do(...argv)).toBe(TOO_MUCH);
      expect(machine.ask(machine.timeMs, ...argv)).toBe(TOO_MUCH);
    }
    expect(machine.do('KEYS', `*[${'a'.repeat(100_000)}]q`)).toBe('*0\r\n');
  });

  it('is that of all commands of a transaction together', () => {
    const machine = new Machine();
    machine.do('SET', 'long', 'v'.repeat(900_000));
    const each = 900_000 / STEP_BYTES;
    const fitting = Math.floor(STEPS_MAX / each);
    const commands = Array.from({ length: fitting + 3 }, () => encode(['SETRANGE', 'long', '0', 'x']));
    commands.push(encode(['SET', 'short', 'v']), encode(['COPY', 'long', 'other']));
    const replies = machine.run(encodeExec(commands)).split('\r\n');
    const wanted = [`*${commands.length}`, ...Array.from({ length: fitting }, () => ':900000')];
    wanted.push(...Array.from({ length: 3 }, () => TOO_MUCH.trim()), '+OK', TOO_MUCH.trim(), '');
    expect(replies).toEqual(wanted);
    expect(machine.do('EXISTS', 'other')).toBe(':0\r\n');
  });

  it('is the same on a replica whose table has another size', () => {
    const machine = new Machine();
    for (let i = 0; i < 4000; i++) machine.do('SET', `key${i}`, 'v');
    for (let i = 0; i < 3990; i++) machine.do('DEL', `key${i}`);
    machine.do('SET', LONG, 'v');
    const other = new Machine();
    other.kv.restore(machine.kv.checkpoint());
    const commands = ['KEYS', 'KEYS', 'KEYS'].map((name, i) =>
      encode([name, `*${'z'.repeat(300 * (i + 1))}q`]),
    );
    commands.push(...Array.from({ length: 40 }, () => encode(['RANDOMKEY'])));
    commands.push(encode(['COPY', LONG, 'c']), encode(['SCAN', '0', 'MATCH', 'key*']));
    expect(other.run(encodeExec(commands))).toBe(machine.run(encodeExec(commands)));
    expect(other.kv.digest()).toBe(machine.kv.digest());
  });

  it('counts a bounded number of keys past their expiry', () => {
    const machine = new Machine();
    const count = 70_000;
    for (let i = 0; i < count; i += 1000) {
      const sets = Array.from({ length: 1000 }, (_, at) => encode(['SET', `k${i + at}`, 'v', 'PX', '1000']));
      machine.run(encodeExec(sets));
    }
    machine.timeMs += 2000;
    expect(machine.do('DBSIZE')).toBe(`:${count - 16 - 65_536}\r\n`);
  });
});

/** Redis's rules, one way after the other. */
function matchesSlowly(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  const [first = '', ...others] = pattern;
  const rest = others.join('');
  if (first === '*')
    return matchesSlowly(rest, text) || (text !== '' && matchesSlowly(pattern, text.slice(1)));
  if (text === '') return false;
  if (first === '?') return matchesSlowly(rest, text.slice(1));
  if (first === '\\' && rest !== '')
    return rest[0] === text[0] && matchesSlowly(rest.slice(1), text.slice(1));
  if (first !== '[') return first === text[0] && matchesSlowly(rest, text.slice(1));
  const inverted = rest[0] === '^';
  let at = inverted ? 1 : 0;
  let found = false;
  for (; at < rest.length && rest[at] !== ']'; at++) {
    if (rest[at] === '\\' && at + 1 < rest.length) found ||= rest[++at] === text[0];
    else if (rest[at + 1] === '-' && at + 2 < rest.length) {
      const ends = [rest[at]!, rest[at + 2]!].sort();
      found ||= text[0]! >= ends[0]! && text[0]! <= ends[1]!;
      at += 2;
    } else found ||= rest[at] === text[0];
  }
  return found !== inverted && matchesSlowly(rest.slice(at + 1), text.slice(1));
}

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
    expect(glob.steps).toBeLessThan(2 * 5000 + 400);
  });

  it('looks at a class in one step, however it is written', () => {
    const glob = new Glob(Buffer.from(`*[${'a-c'.repeat(30_000)}]q`));
    const text = Buffer.from('z'.repeat(KEY_BYTES_MAX));
    expect(glob.matches(text, 0, text.length)).toBe(false);
    expect(glob.steps).toBeLessThan(2 * KEY_BYTES_MAX);
  });

  it('gives up after as many steps as it is allowed', () => {
    const glob = new Glob(Buffer.from(`*${'z'.repeat(500)}q`));
    const text = Buffer.from('z'.repeat(5000));
    expect(glob.matches(text, 0, text.length, 1000)).toBeUndefined();
    expect(glob.steps).toBeLessThanOrEqual(1001);
    expect(glob.matches(text, 0, text.length)).toBe(false);
  });

  it('says what a matcher that tries everything says', () => {
    const piece = fc.constantFrom('a', 'b', '*', '?', '[ab]', '[^a]', '[b-a]', '\\*', '\\a', '[', '[^', '\\');
    const text = fc.array(fc.constantFrom('a', 'b', '*', '['), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), text, (pieces, letters) => {
        const [pattern, whole] = [pieces.join(''), letters.join('')];
        const glob = new Glob(Buffer.from(pattern));
        expect(glob.matches(Buffer.from(whole), 0, whole.length)).toBe(matchesSlowly(pattern, whole));
      }),
      seeded(FILE, 3000),
    );
  });
});
