import { describe, expect, it } from 'vitest';
import {
  COMMANDS_MAX,
  GetEntry,
  GetReply,
  isSetReply,
  SET_BYTES,
  SetEntry,
} from '../../../bench/cluster/keys.js';
import { COMMANDS } from '../../../lib/kv/commands/table.js';
import { KvStateMachine } from '../../../lib/kv/state-machine.js';
import { CommandCursor, ResultBuffer } from '../../../lib/replica/cursor.js';

const opcodeOf = (name: string): number => COMMANDS.find((spec) => spec.name === name)!.opcode;

/** Hands one entry of a body to the state machine; gives the result's bytes. */
function ask(machine: KvStateMachine, method: 'execute' | 'query', entry: Buffer): Buffer {
  const cursor = new CommandCursor();
  cursor.bytes = entry;
  cursor.start = 4;
  cursor.end = entry.length;
  cursor.timeMs = 1;
  const result = new ResultBuffer();
  result.open();
  if (method === 'execute') machine.execute(cursor, result);
  else machine.query(cursor, result, 1);
  return Buffer.from(result.buffer.subarray(4, result.end));
}

describe('the commands of the load', () => {
  it('have 64 bytes, with their length in front', () => {
    const set = new SetEntry(opcodeOf('set'), { prefix: 'test---:', keys: COMMANDS_MAX });
    expect(SET_BYTES).toBe(64);
    expect(set.bytes.length).toBe(4 + SET_BYTES);
    expect(set.bytes.readUInt32LE(0)).toBe(SET_BYTES);
  });

  it('set distinct keys, which read back as what they were set to and as nothing else', () => {
    const machine = new KvStateMachine();
    const set = new SetEntry(opcodeOf('set'), { prefix: 'test---:', keys: COMMANDS_MAX });
    const get = new GetEntry(opcodeOf('get'), { prefix: 'test---:', keys: COMMANDS_MAX });
    const reply = new GetReply();
    const numbers = [0, 1, 2, 255, 256, 65_535, 1_000_000, 2 ** 32 - 1];
    for (const n of numbers) {
      set.number(n);
      const answer = ask(machine, 'execute', set.bytes);
      expect(isSetReply(answer, 0, answer.length)).toBe(true);
    }
    expect(machine.statistics.keys).toBe(numbers.length);
    for (const n of numbers) {
      get.number(n);
      const answer = ask(machine, 'query', get.bytes);
      expect(reply.holds(n, answer, 0, answer.length)).toBe(true);
      expect(reply.holds((n + 1) % 2 ** 32, answer, 0, answer.length)).toBe(false);
    }
  });

  it('go over fewer keys where they are told to, and the last command on a key holds', () => {
    const machine = new KvStateMachine();
    const set = new SetEntry(opcodeOf('set'), { prefix: 'test---:', keys: 3 });
    const get = new GetEntry(opcodeOf('get'), { prefix: 'test---:', keys: 3 });
    const reply = new GetReply();
    for (let n = 0; n < 8; n++) {
      set.number(n);
      ask(machine, 'execute', set.bytes);
    }
    expect(machine.statistics.keys).toBe(3);
    for (const n of [5, 6, 7]) {
      get.number(n);
      const answer = ask(machine, 'query', get.bytes);
      expect(reply.holds(n, answer, 0, answer.length)).toBe(true);
      expect(reply.holds(n - 3, answer, 0, answer.length)).toBe(false);
    }
  });

  it('that were never executed are not taken for ones that were', () => {
    const get = new GetEntry(opcodeOf('get'), { prefix: 'test---:', keys: COMMANDS_MAX });
    get.number(7);
    const answer = ask(new KvStateMachine(), 'query', get.bytes);
    expect(new GetReply().holds(7, answer, 0, answer.length)).toBe(false);
    const error = Buffer.from('-OOM\r');
    expect(isSetReply(error, 0, error.length)).toBe(false);
  });
});
