import { describe, expect, it } from 'vitest';
import { bulk, encode, encodeExec, HASH_KEY, Machine } from './machine.js';

const OTHER_KEY = Buffer.from('OTHER SIXTEEN BY');

/** The head of a checkpoint: its magic and seed, and the key of the hashes if it has one. */
function headOf(machine: Machine): { magic: string; seed: number; key: string } {
  const bytes = Buffer.concat([...machine.kv.checkpoint()]);
  return {
    magic: bytes.toString('latin1', 0, 8),
    seed: bytes.readUInt32LE(8),
    key: bytes.toString('latin1', 8240, 8256),
  };
}

/** A checkpoint as older versions wrote it: the same without the key. */
function olderImage(machine: Machine): Buffer {
  const bytes = Buffer.concat([...machine.kv.checkpoint()]);
  bytes.write('INDELKV1', 'latin1');
  return Buffer.concat([bytes.subarray(0, 8240), bytes.subarray(8256)]);
}

function fill(machine: Machine): void {
  for (let i = 0; i < 500; i++) machine.do('SET', `key${i}`, `${i}`);
  for (let i = 0; i < 100; i++) machine.do('DEL', `key${i}`);
}

describe('the key of the hashes', () => {
  it('is what the first command executed brings, whatever it is', () => {
    for (const first of [encode(['GET', 'a'], 7, true, HASH_KEY), encode(['FLUSHALL'], 0, false, HASH_KEY)]) {
      const machine = new Machine();
      machine.run(first);
      machine.run(encode(['SET', 'a', 'v'], 0, false, OTHER_KEY));
      machine.run(encode(['FLUSHALL'], 0, false, OTHER_KEY));
      expect(headOf(machine)).toEqual({ magic: 'INDELKV2', seed: 0, key: HASH_KEY.toString() });
    }
  });

  it('is not in the digest, and makes the order', () => {
    const one = new Machine();
    const other = new Machine();
    other.hashKey = OTHER_KEY;
    for (const machine of [one, other]) fill(machine);
    expect(other.kv.digest()).toBe(one.kv.digest());
    expect(other.do('KEYS', '*')).not.toBe(one.do('KEYS', '*'));
  });

  it('is made of time and slot where the first command has none, or is malformed', () => {
    const machine = new Machine();
    machine.do('SET', 'a', 'v');
    for (const first of [encode(['SET', 'a', 'v']), Buffer.from([2, 99]), Buffer.from([2, 4, 1, 2, 3])]) {
      const older = new Machine();
      // What another command left behind is not taken for this one's.
      older.ask(0, 'GET', 'a');
      older.run(first);
      older.do('SET', 'a', 'v');
      expect(headOf(older).seed).toBeGreaterThan(0);
      expect(headOf(older).key).toBe('\0'.repeat(16));
    }
    const zero = new Machine();
    zero.hashKey = Buffer.alloc(16);
    zero.do('SET', 'a', 'v');
    expect(headOf(zero).seed).toBeGreaterThan(0);
  });

  it('stays in checkpoints, and so does having none', () => {
    for (const key of [HASH_KEY, undefined]) {
      const machine = new Machine();
      machine.hashKey = key;
      const before = new Machine();
      before.kv.restore(machine.kv.checkpoint());
      expect(before.do('SET', 'a', 'v')).toBe('+OK\r\n');
      expect(headOf(before).key).toBe(HASH_KEY.toString());
      fill(machine);
      const restored = new Machine();
      restored.kv.restore(machine.kv.checkpoint());
      expect(headOf(restored)).toEqual(headOf(machine));
      expect(restored.do('KEYS', '*')).toBe(machine.do('KEYS', '*'));
    }
  });
});

describe('a state that an older version began', () => {
  function older(): Machine {
    const machine = new Machine();
    machine.hashKey = undefined;
    fill(machine);
    return machine;
  }

  it('is read from its checkpoint, and keeps its order and its versions', () => {
    const machine = older();
    const restored = new Machine();
    restored.kv.restore([olderImage(machine)]);
    expect(restored.do('KEYS', '*')).toBe(machine.do('KEYS', '*'));
    for (const name of ['key1', 'key200', 'never']) expect(restored.watch(name)).toEqual(machine.watch(name));
    expect(restored.kv.digest()).toBe(machine.kv.digest());
    for (const each of [machine, restored]) each.do('SET', 'new', 'v');
    expect(restored.do('KEYS', '*')).toBe(machine.do('KEYS', '*'));
  });

  it('gets a key when it is emptied; what was watched before counts as changed', () => {
    const flush = encode(['FLUSHALL'], 0, false, HASH_KEY);
    for (const empty of [flush, encodeExec([flush])]) {
      const machine = older();
      const watched = [machine.watch('never'), machine.watch('key7')];
      machine.run(empty);
      expect(headOf(machine)).toMatchObject({ seed: 0, key: HASH_KEY.toString() });
      for (const one of watched) {
        expect(machine.run(encodeExec([encode(['SET', 'a', 'v'])], { watched: [one] }))).toBe('*-1\r\n');
      }
      machine.do('SET', 'a', 'v');
      expect(machine.do('GET', 'a')).toBe(bulk('v'));
    }
    const kept = older();
    kept.run(encode(['FLUSHALL']));
    expect(headOf(kept).seed).toBeGreaterThan(0);
  });
});
