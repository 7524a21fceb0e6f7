import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KvStateMachine } from '../../lib/kv/state-machine.js';
import { BATCH_HEADER_BYTES, writeBatchHeader } from '../../lib/replica/batch.js';
import { Executor } from '../../lib/replica/executor.js';
import type { Requester } from '../../lib/replica/service.js';
import type { StateMachine } from '../../lib/replica/state-machine.js';
import type { Digest } from '../../lib/types.js';
import { BatchKind } from '../../lib/types.js';
import { encode, encodeExec } from './machine.js';
import { seeded } from './random.js';

const FILE = 'test/kv/lookahead.test.ts';

/** A batch of the log with these commands. */
function batchOf(slot: number, commands: readonly Uint8Array[]): Buffer {
  const parts = commands.flatMap((command) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(command.length);
    return [length, command];
  });
  const bytes = Buffer.concat([Buffer.alloc(BATCH_HEADER_BYTES), ...parts]);
  writeBatchHeader(bytes, {
    count: commands.length,
    timeMs: 1000 + slot,
    ballot: 65537 as never,
    sequence: slot,
  });
  return bytes;
}

/** Executes batches as a replica does; gives all results, one behind the other. */
function execute(machine: StateMachine, batches: readonly Buffer[]): string {
  const executor = new Executor(machine, { through: 0, timeMs: 0 });
  const heard: Buffer[] = [];
  const asker: Requester = {
    outcome: (_first, _count, _outcome, results, start, end) => {
      heard.push(Buffer.from(results.subarray(start, end)));
    },
    drain() {},
  };
  batches.forEach((bytes, i) => {
    const slot = i + 1;
    const digest = slot as Digest;
    const count = bytes.readUInt32LE(4);
    executor.expect(slot, digest, [{ requester: asker, first: 1, count, deadlineMs: 1e15 }]);
    const batch = { kind: BatchKind.commands, digest, bytes };
    executor.skips.see(slot, batch, slot - 1);
    executor.apply(slot, batch);
  });
  return Buffer.concat(heard).toString('latin1');
}

it('changes nothing: what is executed with it answers and ends as without', () => {
  const key = fc.oneof(
    fc.constantFrom('a', 'b', ''),
    fc.string({ maxLength: 9 }),
    fc.constant('k'.repeat(300)),
  );
  const words = fc.oneof(
    fc.tuple(fc.constant('SET'), key, fc.string({ maxLength: 200 })),
    fc.tuple(fc.constantFrom('GET', 'DEL', 'INCR', 'GETDEL', 'PERSIST'), key),
    fc.tuple(fc.constantFrom('APPEND', 'GETSET'), key, fc.string({ maxLength: 20 })),
    fc.tuple(fc.constantFrom('MSET', 'MGET'), key, key, key, key),
    fc.tuple(fc.constant('PEXPIRE'), key, fc.constantFrom('0', '1', '3')),
    fc.tuple(fc.constantFrom('FLUSHALL', 'DBSIZE')),
  );
  const plain = fc.tuple(words, fc.constantFrom(0, 1 << 20)).map(([argv, limit]) => encode(argv, limit));
  const exec = fc.array(words, { maxLength: 3 }).map((all) => encodeExec(all.map((argv) => encode(argv))));
  const command = fc.oneof(plain, plain, exec, fc.uint8Array({ maxLength: 12 }));
  const batches = fc.array(fc.array(command, { minLength: 1, maxLength: 150 }), {
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(
    fc.property(batches, (all) => {
      const bodies = all.map((commands, i) => batchOf(i + 1, commands));
      const machine = new KvStateMachine();
      const blind = new KvStateMachine();
      const withoutForesight: StateMachine = {
        execute: (view, result) => blind.execute(view, result),
        query: (view, result, nowMs) => blind.query(view, result, nowMs),
        checkpoint: () => blind.checkpoint(),
        restore: (chunks) => blind.restore(chunks),
      };
      expect(execute(machine, bodies)).toBe(execute(withoutForesight, bodies));
      expect(machine.digest()).toBe(blind.digest());
    }),
    seeded(FILE, 150),
  );
});
