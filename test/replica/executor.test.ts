import { beforeEach, describe, expect, it } from 'vitest';
import { BATCH_HEADER_BYTES, writeBatchHeader } from '../../lib/replica/batch.js';
import { Executor as Real } from '../../lib/replica/executor.js';
import { Outcome, type Requester } from '../../lib/replica/service.js';
import { writeSkipRecord } from '../../lib/replica/skip-record.js';
import type { CommandView, ResultWriter, StateMachine } from '../../lib/replica/state-machine.js';
import { digestOf } from '../../lib/storage/crc64.js';
import { type Ballot, type Batch, BatchKind } from '../../lib/types.js';

/** Remembers what it was given, and answers with it. */
class Echo implements StateMachine {
  readonly seen: { text: string; slot: number; ordinal: number; timeMs: number }[] = [];

  execute(command: CommandView, result: ResultWriter): void {
    const { slot, ordinal, timeMs } = command;
    if (command.text() === 'throw') throw new Error('on purpose');
    this.seen.push({ text: command.text(), slot, ordinal, timeMs });
    result.writeText(`${command.text()}!`);
  }
  query(command: CommandView, result: ResultWriter): boolean {
    result.writeText(command.text());
    return true;
  }
  checkpoint(): Iterable<Uint8Array> {
    return [];
  }
  restore(): void {}
}

const batchOf = (texts: readonly string[], timeMs = 1, sequence = 1, ballot = 65537): Batch => {
  const body = texts.flatMap((text) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    return [length, Buffer.from(text)];
  });
  const bytes = Buffer.concat([Buffer.alloc(BATCH_HEADER_BYTES), ...body]);
  writeBatchHeader(bytes, { count: texts.length, timeMs, ballot: ballot as Ballot, sequence });
  return { kind: BatchKind.commands, digest: digestOf(bytes, 0, bytes.length), bytes };
};

/** The record that skips a command. */
const skipOf = (slot: number, ordinal: number, timeMs = 1, ballot = 65537): Batch => {
  const stamp = { timeMs, ballot: ballot as Ballot, sequence: 9 };
  const bytes = writeSkipRecord({ slot, ordinal, reason: 'a test', ...stamp });
  return { kind: BatchKind.commands, digest: digestOf(bytes, 0, bytes.length), bytes };
};

const NOOP: Batch = { kind: BatchKind.noop, digest: 0 as Batch['digest'], bytes: new Uint8Array(0) };

class Asker implements Requester {
  readonly heard: [first: number, count: number, outcome: number, results: string][] = [];
  outcome(
    first: number,
    count: number,
    outcome: Outcome,
    results: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.heard.push([first, count, outcome, Buffer.from(results).toString('latin1', start, end)]);
  }
  drain(): void {}
}

/** Looks at each slot just before it is applied. */
class Executor extends Real {
  override apply(slot: number, batch: Batch): void {
    const { seenThrough } = this.skips;
    if (slot === seenThrough + 1) this.skips.see(slot, batch, this.appliedThrough);
    super.apply(slot, batch);
  }
}

const NEVER = Number.POSITIVE_INFINITY;

describe('the executor', () => {
  let machine: Echo;
  let executor: Executor;
  beforeEach(() => {
    machine = new Echo();
    executor = new Executor(machine, { through: 0, timeMs: 0 });
  });

  it('applies slots in order, each once (contract 16)', () => {
    executor.apply(1, batchOf(['a', 'b']));
    executor.apply(2, NOOP);
    executor.apply(3, batchOf(['c']));
    expect(machine.seen.map(({ text, slot, ordinal }) => [text, slot, ordinal])).toEqual([
      ['a', 1, 0],
      ['b', 1, 1],
      ['c', 3, 0],
    ]);
    expect(() => executor.apply(3, batchOf(['c']))).toThrow(expect.objectContaining({ contract: 16 }));
    expect(() => executor.apply(5, batchOf(['d']))).toThrow(expect.objectContaining({ contract: 16 }));
  });

  it('gives a state machine copies of its own when it asks for them', () => {
    const kept: Uint8Array[] = [];
    const keeper = Object.assign(new Echo(), {
      execute: (command: CommandView) => kept.push(command.copy()),
    });
    const batch = batchOf(['a', 'b']);
    new Executor(keeper, { through: 0, timeMs: 0 }).apply(1, batch);
    batch.bytes.fill(0);
    expect(kept.map((bytes) => Buffer.from(bytes).toString())).toEqual(['a', 'b']);
  });

  it('hands over large results in parts, so that a batch of small commands cannot take all memory', () => {
    const large = 'x'.repeat(400 << 10);
    const asker = new Asker();
    const other = new Asker();
    const batch = batchOf([...Array<string>(7).fill(large), 'small', 'last']);
    const runs = [
      { requester: asker, first: 5, count: 8, deadlineMs: NEVER },
      { requester: other, first: 1, count: 1, deadlineMs: NEVER },
    ];
    executor.expect(1, batch.digest, runs);
    executor.apply(1, batch);
    expect(asker.heard.map(([first, count]) => [first, count])).toEqual([
      [5, 3],
      [8, 3],
      [11, 2],
    ]);
    expect(asker.heard.map(([, , , results]) => results.match(/x!/g)?.length)).toEqual([3, 3, 1]);
    expect(asker.heard[2]?.[3].endsWith('small!')).toBe(true);
    expect(other.heard.map(([first, count, , results]) => [first, count, results.slice(4)])).toEqual([
      [1, 1, 'last!'],
    ]);
  });

  it('answers the requesters of a slot, each with its own results, once it is applied (contract 17)', () => {
    const [one, two] = [new Asker(), new Asker()];
    const batch = batchOf(['a', 'bb', 'c']);
    executor.expect(1, batch.digest, [
      { requester: one, first: 7, count: 2, deadlineMs: NEVER },
      { requester: two, first: 1, count: 1, deadlineMs: NEVER },
    ]);
    expect(one.heard).toEqual([]);
    executor.apply(1, batch);
    expect(one.heard).toEqual([[7, 2, Outcome.done, '\x02\0\0\0a!\x03\0\0\0bb!']]);
    expect(two.heard).toEqual([[1, 1, Outcome.done, '\x02\0\0\0c!']]);
  });

  it('says not executed when another batch took the slot, and executes only that one', () => {
    const asker = new Asker();
    executor.expect(1, batchOf(['mine']).digest, [
      { requester: asker, first: 1, count: 1, deadlineMs: NEVER },
    ]);
    executor.apply(1, batchOf(['theirs']));
    expect(asker.heard).toEqual([[1, 1, Outcome.notExecuted, '']]);
    expect(machine.seen.map(({ text }) => text)).toEqual(['theirs']);
  });

  it('does not take an equal command of another proposal for its own', () => {
    const asker = new Asker();
    executor.expect(1, batchOf(['same'], 1, 1).digest, [
      { requester: asker, first: 1, count: 1, deadlineMs: NEVER },
    ]);
    executor.apply(1, batchOf(['same'], 1, 2));
    expect(asker.heard).toEqual([[1, 1, Outcome.notExecuted, '']]);
  });

  it('answers everyone who proposed here in the same slot, in whichever ballot', () => {
    const [first, second] = [new Asker(), new Asker()];
    const [early, late] = [batchOf(['early'], 1, 1), batchOf(['late'], 1, 2)];
    executor.expect(1, early.digest, [{ requester: first, first: 1, count: 1, deadlineMs: NEVER }]);
    executor.expect(1, late.digest, [{ requester: second, first: 1, count: 1, deadlineMs: NEVER }]);
    executor.apply(1, early);
    expect(first.heard).toEqual([[1, 1, Outcome.done, '\x06\0\0\0early!']]);
    expect(second.heard).toEqual([[1, 1, Outcome.notExecuted, '']]);
    executor.expect(2, early.digest, [{ requester: first, first: 2, count: 1, deadlineMs: 5 }]);
    executor.expect(2, late.digest, [{ requester: second, first: 2, count: 1, deadlineMs: 9 }]);
    executor.expire(9);
    expect(first.heard.at(-1)).toEqual([2, 1, Outcome.unknown, '']);
    expect(second.heard.at(-1)).toEqual([2, 1, Outcome.unknown, '']);
  });

  it('says unknown when the deadline passes, and when a checkpoint jumps over the slot', () => {
    const [late, jumped] = [new Asker(), new Asker()];
    executor.expect(1, batchOf(['a']).digest, [{ requester: late, first: 1, count: 1, deadlineMs: 100 }]);
    executor.expect(2, batchOf(['b']).digest, [{ requester: jumped, first: 1, count: 1, deadlineMs: 200 }]);
    executor.expire(99);
    expect(late.heard).toEqual([]);
    executor.expire(100);
    expect(late.heard).toEqual([[1, 1, Outcome.unknown, '']]);
    executor.jump(5, 50);
    expect(jumped.heard).toEqual([[1, 1, Outcome.unknown, '']]);
    expect(executor.appliedThrough).toBe(5);
  });

  it('never lets the time fall, whatever the leaders’ clocks did', () => {
    executor.apply(1, batchOf(['a'], 1000));
    executor.apply(2, batchOf(['b'], 400));
    executor.apply(3, batchOf(['c'], 1001));
    expect(machine.seen.map(({ timeMs }) => timeMs)).toEqual([1000, 1000, 1001]);
  });

  it('executes nothing of a leader behind what a later one took, and says so', () => {
    const [asker, other] = [new Asker(), new Asker()];
    const stale = batchOf(['old'], 900, 7, 65537);
    executor.apply(1, batchOf(['before'], 1, 1, 65537));
    executor.apply(2, batchOf(['new'], 500, 1, 131074));
    executor.expect(3, stale.digest, [{ requester: asker, first: 1, count: 1, deadlineMs: NEVER }]);
    executor.apply(3, stale);
    executor.apply(4, batchOf(['newer'], 501, 2, 131074));
    expect(machine.seen.map(({ text }) => text)).toEqual(['before', 'new', 'newer']);
    expect(machine.seen.at(-1)!.timeMs).toBe(501);
    expect(asker.heard).toEqual([[1, 1, Outcome.notExecuted, '']]);
    expect(executor.ballotThrough).toBe(131074);
    // The same from a checkpoint on.
    const copy = new Echo();
    const next = new Executor(copy, { through: 2, timeMs: 500, ballot: 131074 as Ballot });
    next.apply(3, stale);
    next.jump(7, 500, 196609 as Ballot);
    next.expect(8, stale.digest, [{ requester: other, first: 1, count: 1, deadlineMs: NEVER }]);
    next.apply(8, batchOf(['newer'], 501, 2, 131074));
    expect(copy.seen).toEqual([]);
    expect(other.heard).toEqual([[1, 1, Outcome.notExecuted, '']]);
  });

  it('halts where the state machine throws, and says at which command', () => {
    executor.apply(1, batchOf(['a', 'throw', 'b']));
    expect(executor.halt).toMatchObject({
      slot: 1,
      ordinal: 1,
      error: { code: 'ERR_INDELIBLE_STATE_MACHINE', message: expect.stringContaining('slot 1') },
    });
    expect(executor.appliedThrough).toBe(0);
    expect(machine.seen.map(({ text }) => text)).toEqual(['a']);
    expect(() => executor.apply(1, batchOf(['a']))).toThrow(expect.objectContaining({ contract: 16 }));
  });

  it('does not execute what is skipped, and answers around it, each requester in order', () => {
    const skip = skipOf(1, 2);
    const batch = batchOf(['a', 'b', 'throw', 'c', 'd']);
    const [one, two] = [new Asker(), new Asker()];
    const runs = [
      { requester: one, first: 7, count: 4, deadlineMs: NEVER },
      { requester: two, first: 1, count: 1, deadlineMs: NEVER },
    ];
    executor.expect(1, batch.digest, runs);
    executor.skips.see(1, batch, 0);
    executor.skips.see(2, skip, 0);
    executor.apply(1, batch);
    executor.apply(2, skip);
    expect(executor.appliedThrough).toBe(2);
    expect(machine.seen.map(({ text, ordinal }) => [text, ordinal])).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 3],
      ['d', 4],
    ]);
    expect(one.heard.map(([first, count, outcome]) => [first, count, outcome])).toEqual([
      [7, 2, Outcome.done],
      [9, 1, Outcome.skipped],
      [10, 1, Outcome.done],
    ]);
    expect(one.heard[2]?.[3].slice(4)).toBe('c!');
    expect(two.heard.map(([first, count, , results]) => [first, count, results.slice(4)])).toEqual([
      [1, 1, 'd!'],
    ]);
  });

  it('skips the first of a run, its last, and several of one slot', () => {
    const batch = batchOf(['throw', 'a', 'throw']);
    const asker = new Asker();
    executor.expect(1, batch.digest, [{ requester: asker, first: 1, count: 3, deadlineMs: NEVER }]);
    executor.skips.see(1, batch, 0);
    executor.skips.see(2, skipOf(1, 0), 0);
    executor.skips.see(3, skipOf(1, 2), 0);
    executor.apply(1, batch);
    expect(asker.heard.map(([first, count, outcome]) => [first, count, outcome])).toEqual([
      [1, 1, Outcome.skipped],
      [2, 1, Outcome.done],
      [3, 1, Outcome.skipped],
    ]);
  });

  it('goes on behind a halt once it is put back and knows of the skip, and never executes it twice', () => {
    const batch = batchOf(['a', 'throw']);
    executor.apply(1, batch);
    expect(executor.halt).toBeDefined();
    executor.rewind({ through: 0, timeMs: 0 });
    for (const [slot, each] of [batch, NOOP, skipOf(1, 1)].entries()) executor.skips.see(slot + 1, each, 0);
    executor.apply(1, batch);
    expect(executor.halt).toBeUndefined();
    executor.apply(2, NOOP);
    executor.apply(3, skipOf(1, 1));
    expect(executor.appliedThrough).toBe(3);
  });

  it('is out of its halt with the state of a peer', () => {
    executor.apply(1, batchOf(['throw']));
    executor.jump(3, 10);
    expect(executor.halt).toBeUndefined();
    executor.apply(4, batchOf(['a']));
    expect(machine.seen).toHaveLength(1);
  });

  it('stops where a command is skipped that it has executed (contract 32)', () => {
    executor.apply(1, batchOf(['a']));
    const diverged = expect.objectContaining({ contract: 32 });
    expect(() => executor.apply(2, skipOf(1, 0))).toThrow(diverged);
    const restored = new Executor(machine, { through: 0, timeMs: 0 });
    restored.skips.see(1, batchOf(['a']), 0);
    restored.skips.see(2, NOOP, 0);
    restored.skips.see(3, skipOf(1, 0), 0);
    // Whose checkpoint ends in front of the record had executed the command.
    expect(() => restored.jump(2, 10)).toThrow(diverged);
  });

  it('knows no skip of what comes behind its record', () => {
    executor.apply(1, skipOf(1, 0));
    executor.skips.see(2, skipOf(3, 0), 1);
    executor.apply(2, skipOf(3, 0));
    executor.apply(3, batchOf(['a']));
    expect(machine.seen).toHaveLength(1);
  });

  it('holds the record of a skip for a batch of its time and ballot', () => {
    executor.apply(1, NOOP);
    executor.apply(2, skipOf(1_000_000, 0, 500, 131073));
    expect([executor.timeMs, executor.ballotThrough]).toEqual([500, 131073]);
  });

  it('refuses a batch that is cut short', () => {
    const whole = batchOf(['abc']);
    for (let length = 1; length < whole.bytes.length; length++) {
      const cut = { ...whole, bytes: whole.bytes.subarray(0, length) };
      expect(() => new Executor(machine, { through: 0, timeMs: 0 }).apply(1, cut)).toThrow(
        expect.objectContaining({ code: 'ERR_INDELIBLE_STORE_CORRUPT' }),
      );
    }
  });
});
