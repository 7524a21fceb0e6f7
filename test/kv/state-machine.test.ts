import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXPIRED_REMOVED_MAX } from '../../lib/kv/limits.js';
import { bulk, encode, encodeExec, Machine } from './machine.js';
import { seeded } from './random.js';

const FILE = 'test/kv/state-machine.test.ts';
const OK = '+OK\r\n';
const NIL = '$-1\r\n';

describe('expiry', () => {
  it('goes by the time of the commands', () => {
    const machine = new Machine();
    machine.do('SET', 'a', 'v', 'PX', '100');
    machine.timeMs += 99;
    expect(machine.do('GET', 'a')).toBe(bulk('v'));
    machine.timeMs += 1;
    expect(machine.do('GET', 'a')).toBe(NIL);
  });

  it('never goes back, though a command carries an earlier time', () => {
    const machine = new Machine();
    machine.do('SET', 'a', 'v', 'PX', '100');
    machine.timeMs += 200;
    machine.do('PERSIST', 'b');
    machine.timeMs -= 150;
    expect(machine.do('GET', 'a')).toBe(NIL);
  });

  it('declines a query only where the replica’s clock and the log disagree', () => {
    const machine = new Machine();
    machine.do('SET', 'short', 'v', 'PX', '100');
    machine.do('SET', 'long', 'v', 'PX', '100000');
    machine.do('SET', 'ever', 'v');
    const now = machine.timeMs + 100;
    expect(machine.ask(now - 1, 'GET', 'short')).toBe(bulk('v'));
    expect(machine.ask(now, 'GET', 'short')).toBeUndefined();
    expect(machine.ask(now, 'MGET', 'ever', 'short')).toBeUndefined();
    expect(machine.ask(now, 'GET', 'long')).toBe(bulk('v'));
    expect(machine.ask(now, 'GET', 'ever')).toBe(bulk('v'));
    expect(machine.ask(now, 'GET', 'none')).toBe(NIL);
    expect(machine.ask(now, 'DBSIZE')).toBeUndefined();
    machine.timeMs = now;
    expect(machine.do('GET', 'short')).toBe(NIL);
    expect(machine.ask(now, 'GET', 'short')).toBe(NIL);
    expect(machine.ask(now, 'DBSIZE')).toBe(':2\r\n');
  });

  it('shows in a query the time that is left by the replica’s clock', () => {
    const machine = new Machine();
    machine.do('SET', 'a', 'v', 'PX', '1000');
    expect(machine.ask(machine.timeMs + 400, 'PTTL', 'a')).toBe(':600\r\n');
    expect(machine.ask(machine.timeMs - 400, 'PTTL', 'a')).toBe(':1000\r\n');
  });

  it('changes nothing in a query', () => {
    const machine = new Machine();
    machine.do('SET', 'a', 'v', 'PX', '10');
    const digest = machine.kv.digest();
    machine.ask(machine.timeMs + 5000, 'GET', 'a');
    machine.ask(machine.timeMs + 5000, 'SET', 'b', 'v');
    expect(machine.ask(machine.timeMs, 'SET', 'b', 'v')).toBeUndefined();
    expect(machine.kv.digest()).toBe(digest);
  });

  it('removes a bounded number of keys with each command, the longest expired first', () => {
    const machine = new Machine();
    machine.do('SET', 'k00', 'v', 'PX', '50');
    const entryBytes = machine.kv.statistics.usedBytes;
    for (let i = 1; i < 50; i++) machine.do('SET', `k${String(i).padStart(2, '0')}`, 'v', 'PX', `${100 + i}`);
    machine.timeMs += 1000;
    expect(machine.do('DBSIZE')).toBe(':0\r\n');
    expect(machine.kv.statistics).toMatchObject({ keys: 0, expiring: 0 });
    expect(machine.kv.statistics.usedBytes).toBe(entryBytes * (50 - EXPIRED_REMOVED_MAX));
    expect(machine.do('GET', 'k49')).toBe(NIL);
    expect(machine.do('KEYS', '*')).toBe('*0\r\n');
    machine.do('DBSIZE');
    expect(machine.do('DBSIZE')).toBe(':0\r\n');
    expect(machine.kv.statistics.usedBytes).toBe(0);
  });
});

describe('replicas', () => {
  const word = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const number = fc.integer({ min: -3, max: 400 }).map(String);
  const command = fc.oneof(
    fc.tuple(fc.constant('SET'), word, number),
    fc.tuple(fc.constant('SET'), word, number, fc.constant('PX'), number),
    fc.tuple(fc.constant('SET'), word, number, fc.constant('NX'), fc.constant('GET')),
    fc.tuple(fc.constant('MSET'), word, number, word, number),
    fc.tuple(fc.constant('DEL'), word, word),
    fc.tuple(fc.constant('INCRBY'), word, number),
    fc.tuple(fc.constant('APPEND'), word, number),
    fc.tuple(fc.constant('PEXPIRE'), word, number),
    fc.tuple(fc.constant('PERSIST'), word),
    fc.tuple(fc.constant('GET'), word),
    fc.tuple(fc.constant('DBSIZE')),
    fc.tuple(fc.constant('SCAN'), fc.constant('0'), fc.constant('COUNT'), fc.constant('2')),
    fc.tuple(fc.constantFrom('FLUSHALL', 'DBSIZE', 'DBSIZE')),
  );
  const steps = fc.array(fc.record({ command, waitMs: fc.nat(60), clockMs: fc.nat(1000) }), {
    maxLength: 60,
  });

  it('with different clocks, or restored in between, stay the same and answer the same', () => {
    fc.assert(
      fc.property(steps, fc.nat(60), (all, restoreAt) => {
        const one = new Machine();
        const other = new Machine();
        let third = new Machine();
        all.forEach(({ command: argv, waitMs, clockMs }, i) => {
          for (const machine of [one, other, third])
            machine.timeMs = one.timeMs + (machine === one ? waitMs : 0);
          other.ask(other.timeMs + clockMs, 'GET', 'a');
          other.ask(other.timeMs + clockMs, 'DBSIZE');
          if (i === restoreAt) {
            const timeMs = third.timeMs;
            const copy = new Machine();
            copy.kv.restore(third.kv.checkpoint());
            third = copy;
            third.timeMs = timeMs;
          }
          const reply = one.do(...argv);
          expect(other.do(...argv)).toBe(reply);
          expect(third.do(...argv)).toBe(reply);
          expect(other.kv.digest()).toBe(one.kv.digest());
          expect(third.kv.digest()).toBe(one.kv.digest());
          expect(third.kv.statistics.usedBytes).toBe(one.kv.statistics.usedBytes);
        });
      }),
      seeded(FILE, 150),
    );
  });

  it('take a checkpoint as of the call through FLUSHALL and all', () => {
    const machine = new Machine();
    for (let i = 0; i < 2000; i++) machine.do('SET', `key${i}`, 'v'.repeat(100));
    const digest = machine.kv.digest();
    const chunks = machine.kv.checkpoint()[Symbol.iterator]();
    const kept: Uint8Array[] = [Buffer.from(chunks.next().value as Uint8Array)];
    machine.do('SET', 'key5', 'changed');
    machine.do('FLUSHALL');
    machine.do('SET', 'key6', 'new');
    for (let next = chunks.next(); next.done !== true; next = chunks.next()) {
      kept.push(Buffer.from(next.value));
    }
    const other = new Machine();
    other.kv.restore(kept);
    expect(other.kv.digest()).toBe(digest);
    expect(machine.do('DBSIZE')).toBe(':1\r\n');
  });

  it('that grew into their state in other ways give images of it that restore to one state', () => {
    const grown = new Machine();
    for (let i = 0; i < 3000; i++) grown.do('SET', `key${i}`, 'v'.repeat(i % 300));
    for (let i = 0; i < 3000; i += 2) grown.do('DEL', `key${i}`);
    for (let i = 0; i < 3000; i += 3) grown.do('APPEND', `key${i}`, 'w'.repeat(90));
    const once = new Machine();
    once.kv.restore(grown.kv.checkpoint());
    const again = new Machine();
    again.kv.restore(once.kv.checkpoint());
    for (const machine of [once, again]) {
      expect(machine.kv.digest()).toBe(grown.kv.digest());
      expect(machine.do('KEYS', '*')).toBe(grown.do('KEYS', '*'));
    }
  });

  it('may abandon a checkpoint and take another', () => {
    const machine = new Machine();
    for (let i = 0; i < 2000; i++) machine.do('SET', `key${i}`, 'v'.repeat(100));
    for (const _chunk of machine.kv.checkpoint()) break;
    machine.kv.checkpoint();
    machine.do('SET', 'key5', 'changed');
    const digest = machine.kv.digest();
    const other = new Machine();
    other.kv.restore(machine.kv.checkpoint());
    expect(other.kv.digest()).toBe(digest);
  });

  it('keep their state when a checkpoint turns out to be invalid', () => {
    const machine = new Machine();
    machine.do('SET', 'a', 'v');
    const digest = machine.kv.digest();
    expect(() => machine.kv.restore([Buffer.from('nonsense')])).toThrow(
      expect.objectContaining({ code: 'ERR_INDELIBLE_CHECKPOINT_INVALID' }),
    );
    expect(machine.kv.digest()).toBe(digest);
  });
});

describe('a transaction', () => {
  it('executes its commands as one, and goes on after an error', () => {
    const machine = new Machine();
    const commands = [
      ['SET', 'a', 'x'],
      ['INCR', 'a'],
      ['INCR', 'b'],
      ['GET', 'a'],
    ].map((argv) => encode(argv));
    expect(machine.run(encodeExec(commands))).toBe(
      `*4\r\n${OK}-ERR value is not an integer or out of range\r\n:1\r\n${bulk('x')}`,
    );
  });

  it.each<[string, (machine: Machine) => void]>([
    ['set', (machine) => machine.do('SET', 'a', '1')],
    ['given the same value', (machine) => machine.do('APPEND', 'a', 'x')],
    ['deleted', (machine) => machine.do('DEL', 'a')],
    ['deleted and made again', (machine) => [machine.do('DEL', 'a'), machine.do('SET', 'a', '1')]],
    ['given an expiry', (machine) => machine.do('EXPIRE', 'a', '100')],
    ['flushed', (machine) => machine.do('FLUSHALL')],
  ])('is not executed if a watched key was %s', (_what, change) => {
    const machine = new Machine();
    machine.do('SET', 'a', '1');
    const watched = [machine.watch('a')];
    change(machine);
    expect(machine.run(encodeExec([encode(['SET', 'b', '1'])], { watched }))).toBe('*-1\r\n');
    expect(machine.do('GET', 'b')).toBe(NIL);
  });

  it('is not executed if a watched key has expired', () => {
    const machine = new Machine();
    machine.do('SET', 'a', '1', 'PX', '100');
    const watched = [machine.watch('a')];
    machine.timeMs += 100;
    expect(machine.run(encodeExec([encode(['PERSIST', 'b'])], { watched }))).toBe('*-1\r\n');
  });

  it('is not executed if a watched key that was absent came and went', () => {
    const machine = new Machine();
    machine.do('SET', 'other', '1');
    const watched = [machine.watch('a')];
    machine.do('SET', 'a', '1');
    machine.do('DEL', 'a');
    expect(machine.run(encodeExec([encode(['GET', 'b'])], { watched }))).toBe('*-1\r\n');
  });

  it('is executed if the watched keys are as they were', () => {
    const machine = new Machine();
    machine.do('SET', 'a', '1');
    const watched = [machine.watch('a'), machine.watch('none')];
    machine.do('SET', 'b', '1');
    machine.do('GET', 'a');
    expect(machine.run(encodeExec([encode(['INCR', 'a'])], { watched }))).toBe('*1\r\n:2\r\n');
  });

  it('is not executed in part over the memory limit', () => {
    const machine = new Machine();
    machine.do('SET', 'a', 'v'.repeat(2000));
    const commands = [encode(['DEL', 'a']), encode(['SET', 'b', 'v'])];
    expect(machine.run(encodeExec(commands, { limitKibibytes: 1 }))).toBe(
      '-EXECABORT Transaction discarded because of: ' +
        "OOM command not allowed when used memory > 'maxmemory'.\r\n",
    );
    expect(machine.do('EXISTS', 'a')).toBe(':1\r\n');
  });

  it('gives errors for what no longer fits into its reply, and executes nothing of that', () => {
    const machine = new Machine();
    machine.do('SET', 'a', 'v'.repeat(600_000));
    const reply = machine.run(encodeExec([encode(['GET', 'a']), encode(['GETDEL', 'a'])]));
    expect(reply.length).toBeLessThan(700_000);
    expect(reply.endsWith('-ERR reply longer than 1048576 bytes\r\n')).toBe(true);
    expect(machine.do('EXISTS', 'a')).toBe(':1\r\n');
  });
});

describe('bytes that are no command', () => {
  it('get an error and change nothing, the same on every replica', () => {
    const commands = [
      encode(['SET', 'a', '1']),
      encode(['MSET', 'a', '1', 'b', '2']),
      encode(['SET', 'c', '1', 'PX', '5'], 9),
      encodeExec([encode(['SET', 'a', '1']), encode(['GET', 'a'])], { watched: [['a', 0]] }),
    ];
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.tuple(fc.constantFrom(...commands), edits, fc.nat(60)).map(([command, changes, length]) => {
        const changed = Buffer.from(command);
        for (const [place, value] of changes) changed[place % changed.length] = value;
        return changed.subarray(0, Math.max(1, length));
      }),
    );
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 20 }), (all) => {
        const one = new Machine();
        const other = new Machine();
        for (const some of all) {
          const reply = one.run(some);
          expect(reply.length).toBeGreaterThan(0);
          expect(other.run(some)).toBe(reply);
          if (reply === '-ERR malformed command\r\n') continue;
          expect(reply.endsWith('\r\n') || some[0] === 37 || some[0] === 60 || some[0] === 61).toBe(true);
        }
        expect(other.kv.digest()).toBe(one.kv.digest());
      }),
      seeded(FILE, 250),
    );
  });

  it('leave the state as it was', () => {
    const machine = new Machine();
    machine.do('SET', 'a', '1');
    const digest = machine.kv.digest();
    const truncated = encodeExec([encode(['SET', 'a', '2']), encode(['SET', 'b', '2'])]);
    for (let length = 0; length < truncated.length; length++) {
      const reply = machine.run(truncated.subarray(0, length));
      if (reply !== '-ERR malformed command\r\n') expect(reply).toMatch(/^\*[01]\r\n/);
      if (reply.startsWith('*1')) machine.do('SET', 'a', '1');
    }
    expect(machine.kv.digest()).toBe(digest);
  });
});

describe('what grows the state', () => {
  const grows = (...words: readonly string[]): boolean => {
    const bytes = encode(words);
    return new Machine().kv.grows(bytes, 0, bytes.length);
  };
  const transaction = (...commands: readonly (readonly string[])[]): boolean => {
    const bytes = encodeExec(commands.map((words) => encode(words)));
    return new Machine().kv.grows(bytes, 0, bytes.length);
  };

  it('is what may store something; reads, removals and expiries go on where disks are full', () => {
    for (const words of ['SET a b', 'APPEND a b', 'INCR a', 'MSET a b', 'COPY a b'])
      expect(grows(...words.split(' ')), words).toBe(true);
    for (const words of ['GET a', 'DEL a', 'UNLINK a', 'GETDEL a', 'EXPIRE a 5', 'PERSIST a', 'FLUSHALL'])
      expect(grows(...words.split(' ')), words).toBe(false);
  });

  it('is a transaction in which one command may', () => {
    expect(transaction(['GET', 'a'], ['DEL', 'a'])).toBe(false);
    expect(transaction(['GET', 'a'], ['SET', 'a', 'b'])).toBe(true);
  });

  it('is nothing that is no command: that changes nothing', () => {
    const { kv } = new Machine();
    for (const bytes of [[], [60], [60, 0], [60, 0, 255, 255, 255, 255], [255, 255]])
      expect(kv.grows(Buffer.from(bytes), 0, bytes.length), `${bytes}`).toBe(false);
  });
});
