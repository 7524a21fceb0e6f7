/** Sessions as the state has them: what is executed and answered, and what a checkpoint keeps of them. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Executor } from '../../../lib/replica/executor.js';
import { Outcome } from '../../../lib/replica/service.js';
import { readSessions, writeSessions } from '../../../lib/replica/sessions/session-image.js';
import { SessionTable } from '../../../lib/replica/sessions/session-table.js';
import type { SessionBounds } from '../../../lib/replica/sessions/session-terms.js';
import { restoreImage, takeImage } from '../../../lib/replica/state-image.js';
import type { CheckpointMeta } from '../../../lib/storage/checkpoint-format.js';
import { BOUNDS, batchOf, Counting, Listening, OPEN, type TestRun, termsOf } from './session-batches.js';

const { answeredBefore, outOfOrder, sessionGone, skipped } = Outcome;

/** A replica's state, fed with batches. */
class World {
  readonly machine = new Counting();
  readonly table = new SessionTable();
  readonly executor = new Executor(this.machine, { through: 0, timeMs: 0 }, this.table);
  readonly asker = new Listening();
  timeMs = 1;

  /** Executes one batch; `isOwn`: it was proposed here, so that somebody hears. */
  run(runs: readonly TestRun[], bounds: SessionBounds = BOUNDS, isOwn = true): void {
    const { executor } = this;
    const asked = runs.map((run) => ({ ...run, requester: this.asker }));
    const { batch, runs: requests } = batchOf(asked, this.timeMs, bounds);
    const slot = executor.appliedThrough + 1;
    if (isOwn) executor.expect(slot, batch.digest, requests);
    executor.skips.see(slot, batch, executor.appliedThrough);
    executor.apply(slot, batch);
  }

  /** What was heard since. */
  get heard(): readonly (string | number)[] {
    return this.asker.heard.splice(0);
  }

  open(bounds: SessionBounds = BOUNDS): number {
    this.run([{ texts: [''], terms: OPEN }], bounds);
    this.asker.heard.pop();
    return this.table.openedEver;
  }
}

const texts = (count: number, from = 1): string[] => Array.from({ length: count }, (_, i) => `c${from + i}`);

let world: World;
beforeEach(() => {
  world = new World();
});

describe('a session', () => {
  it('is opened by a command that the state machine never sees, which answers its number', () => {
    const heard: Uint8Array[] = [];
    const asker = new Listening();
    asker.outcome = (_first, _count, _outcome, results, start, end) => {
      heard.push(results.slice(start, end));
    };
    const { batch, runs } = batchOf([{ texts: [''], terms: OPEN, requester: asker }]);
    world.executor.expect(1, batch.digest, runs);
    world.executor.skips.see(1, batch, 0);
    world.executor.apply(1, batch);
    expect(Buffer.from(heard[0]!).readDoubleLE(4)).toBe(1);
    expect(world.machine.executed).toEqual([]);
    expect(world.open()).toBe(2);
  });

  it('has its commands executed once, in order; a repetition has the answer it had', () => {
    const session = world.open();
    world.run([{ texts: texts(3), terms: termsOf(session, 1) }]);
    expect(world.heard).toEqual(['1', '2', '3']);
    world.run([{ texts: texts(3, 2), terms: termsOf(session, 2) }]);
    expect(world.heard).toEqual(['2', '3', '4']);
    expect(world.machine.executed).toEqual(texts(4));
    expect(world.executor.sessions.repeated).toBe(2);
  });

  it('is not executed beyond its next command', () => {
    const session = world.open();
    world.run([
      { texts: ['c2'], terms: termsOf(session, 2) },
      { texts: ['c1'], terms: termsOf(session, 1) },
    ]);
    expect(world.heard).toEqual([outOfOrder, '1']);
    expect(world.machine.executed).toEqual(['c1']);
  });

  it('keeps no answer that its holder has', () => {
    const session = world.open();
    world.run([{ texts: texts(3), terms: termsOf(session, 1) }]);
    world.run([{ texts: ['c4'], terms: termsOf(session, 4, 2) }]);
    expect(world.heard.at(-1)).toBe('4');
    world.run([{ texts: texts(4), terms: termsOf(session, 1) }]);
    expect(world.heard).toEqual([answeredBefore, answeredBefore, '3', '4']);
    expect(world.machine.executed).toEqual(texts(4));
  });

  it('keeps a sixteenth of all answers at most, the newest', () => {
    const session = world.open();
    world.machine.answerBytes = 400;
    // 1 KiB for it: two answers.
    world.run([{ texts: texts(5), terms: termsOf(session, 1) }]);
    expect(world.heard).toHaveLength(5);
    world.run([{ texts: texts(5), terms: termsOf(session, 1) }]);
    expect(world.heard).toEqual([answeredBefore, answeredBefore, answeredBefore, '4', '5']);
    expect(world.table.answerBytes).toBeLessThanOrEqual(1024);
  });

  it('is forgotten when it was not used for long, or others are used; nothing of it is executed then', () => {
    const first = world.open();
    world.timeMs = 60_001;
    world.run([{ texts: ['c1'], terms: termsOf(first, 1) }]);
    world.timeMs = 120_003;
    const second = world.open();
    expect(world.heard).toEqual(['1']);
    world.run([{ texts: ['c2'], terms: termsOf(first, 2) }]);
    expect(world.heard).toEqual([sessionGone]);
    const few = { ...BOUNDS, sessionsMax: 2 };
    const third = world.open(few);
    world.run([{ texts: ['c3'], terms: termsOf(second, 1) }], few);
    world.open(few);
    world.run([{ texts: ['c4'], terms: termsOf(third, 1) }], few);
    world.run([{ texts: ['c4'], terms: termsOf(second, 2) }], few);
    expect(world.heard).toEqual(['2', sessionGone, '3']);
    expect(world.machine.executed).toEqual(['c1', 'c3', 'c4']);
  });

  it('ends when another is opened in its place', () => {
    const session = world.open();
    world.run([{ texts: [''], terms: { ...OPEN, answeredThrough: session } }]);
    world.run([{ texts: ['c1'], terms: termsOf(session, 1) }]);
    expect(world.heard.at(-1)).toBe(sessionGone);
    expect(world.table.count).toBe(1);
  });

  it('passes over a command that is skipped, and tells who repeats it', () => {
    const session = world.open();
    const { executor, asker } = world;
    const runs = [{ texts: ['c1', 'throw', 'c3'], terms: termsOf(session, 1), requester: asker }];
    const { batch, runs: requests } = batchOf(runs);
    executor.skips.see(2, batch, 1);
    const skips = (executor.skips as unknown as { bySlot: Map<number, unknown> }).bySlot;
    skips.set(2, [{ ordinal: 1, saidAt: 3 }]);
    executor.expect(2, batch.digest, requests);
    executor.apply(2, batch);
    expect(world.heard).toEqual(['1', skipped, '2']);
    world.run([{ texts: texts(3), terms: termsOf(session, 1) }]);
    expect(world.heard).toEqual(['1', skipped, '2']);
  });

  it('shares batches with commands of none', () => {
    const session = world.open();
    world.run([
      { texts: ['a'] },
      { texts: ['c1', 'c2'], terms: termsOf(session, 1) },
      { texts: ['b'] },
      { texts: ['c2'], terms: termsOf(session, 2) },
    ]);
    expect(world.heard).toEqual(['1', '2', '3', '4', '3']);
  });
});

describe('the table of sessions', () => {
  const step = fc.record({
    session: fc.integer({ min: 1, max: 5 }),
    back: fc.integer({ min: -1, max: 3 }),
    count: fc.integer({ min: 1, max: 4 }),
    answered: fc.integer({ min: 0, max: 3 }),
    opens: fc.boolean(),
    passesMs: fc.integer({ min: 0, max: 30_000 }),
  });

  it('is the same on who proposed and who did not, and behind a checkpoint', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const leader = new World();
        let follower = new World();
        const next = new Map<number, number>();
        for (const { session, back, count, answered, opens, passesMs } of steps) {
          for (const each of [leader, follower]) each.timeMs += passesMs;
          const sequence = Math.max(1, (next.get(session) ?? 1) - back);
          const answeredThrough = Math.max(0, sequence - 1 - answered);
          const runs = [
            ...(opens ? [{ texts: [''], terms: OPEN }] : []),
            { texts: texts(count, sequence), terms: termsOf(session, sequence, answeredThrough) },
          ];
          const bounds = { ...BOUNDS, sessionsMax: 3 };
          leader.run(runs, bounds);
          follower.run(runs, bounds, false);
          expect(follower.table.digest()).toBe(leader.table.digest());
          const entry = [...leader.table.all()].find((each) => each.session === session);
          next.set(session, (entry?.last ?? 0) + 1);
          const restored = new World();
          readSessions(restored.table, writeSessions(follower.table));
          expect(restored.table.digest()).toBe(leader.table.digest());
          restored.machine.restore(follower.machine.checkpoint());
          restored.executor.jump(follower.executor.appliedThrough, follower.timeMs);
          restored.timeMs = follower.timeMs;
          follower = restored;
        }
        expect(follower.machine.executed).toEqual(leader.machine.executed);
      }),
      { numRuns: 200 },
    );
  });

  it('is a section of a checkpoint, which the state machine does not see', () => {
    const session = world.open();
    world.run([{ texts: texts(2), terms: termsOf(session, 1) }]);
    const place: CheckpointMeta = {
      clusterId: 'c'.repeat(32),
      checkpointId: 1,
      throughSlot: 2,
      configuration: { number: 1, members: [] },
      chainDigest: 0,
      timeMs: 1,
    };
    const { machine, table } = world;
    const image = takeImage({ machine, sessions: table }, place);
    const bytes = Buffer.concat([...image.chunks]);
    expect(image.meta.sessionBytes).toBe(bytes.length - 'c1,c2'.length);
    // A byte at a time: the section does not end where a chunk does.
    const chunks = (): Iterable<Uint8Array> => Array.from(bytes, (byte) => Uint8Array.of(byte));
    const other = new World();
    restoreImage({ machine: other.machine, sessions: other.table }, { meta: image.meta, chunks });
    expect(other.machine.executed).toEqual(['c1', 'c2']);
    expect(other.table.digest()).toBe(table.digest());
    const { sessionBytes, ...older } = image.meta;
    const plain = { ...older, stateDigest: 'c1' };
    restoreImage(
      { machine: other.machine, sessions: other.table },
      { meta: plain, chunks: () => [Buffer.from('c1')] },
    );
    expect(other.table.openedEver).toBe(0);
  });

  it('counts in the digest of the state', () => {
    const place = { throughSlot: 0 } as CheckpointMeta;
    const state = { machine: world.machine, sessions: world.table };
    expect(takeImage(state, place).meta.stateDigest).toBe('');
    const session = world.open();
    const { stateDigest } = takeImage(state, place).meta;
    expect(stateDigest).toMatch(/^\+[0-9a-f]+$/);
    world.run([{ texts: ['c1'], terms: termsOf(session, 1) }]);
    world.machine.executed.pop();
    expect(takeImage(state, place).meta.stateDigest).not.toBe(stateDigest);
  });

  it('is refused where its bytes contradict themselves', () => {
    const session = world.open();
    world.run([{ texts: texts(2), terms: termsOf(session, 1) }]);
    const bytes = writeSessions(world.table)!;
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length), (at, value, end) => {
        const changed = Buffer.from(bytes.subarray(0, end));
        if (at < end) changed[at] = value;
        try {
          readSessions(new SessionTable(), changed);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_INDELIBLE_STORE_CORRUPT' });
        }
      }),
      { numRuns: 500 },
    );
    expect(() => readSessions(new SessionTable(), bytes.subarray(0, bytes.length - 1))).toThrow();
    expect(() => readSessions(new SessionTable(), Buffer.concat([bytes, bytes]))).toThrow();
  });
});

describe('a batch with sessions that no replica proposes', () => {
  it('is refused, whatever byte of it is another one', () => {
    const { batch } = batchOf([{ texts: ['a'] }, { texts: texts(3), terms: termsOf(1, 1) }]);
    fc.assert(
      fc.property(
        fc.nat(batch.bytes.length - 1),
        fc.nat(255),
        fc.nat(batch.bytes.length),
        (at, value, end) => {
          const bytes = Buffer.from(batch.bytes.subarray(0, end));
          if (at < end) bytes[at] = value;
          const { executor } = new World();
          try {
            executor.skips.see(1, { ...batch, bytes }, 0);
            executor.apply(1, { ...batch, bytes });
          } catch (error) {
            expect(error).toMatchObject({ code: 'ERR_INDELIBLE_STORE_CORRUPT' });
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('has runs of as many commands as it has, terms that a session may have, and bounds within bounds', () => {
    const refused = (change: (bytes: Buffer) => void): void => {
      const { batch } = batchOf([{ texts: texts(3), terms: termsOf(1, 1) }]);
      const bytes = Buffer.from(batch.bytes);
      change(bytes);
      const { executor } = new World();
      executor.skips.see(1, { ...batch, bytes }, 0);
      expect(() => executor.apply(1, { ...batch, bytes })).toThrow(
        expect.objectContaining({ code: 'ERR_INDELIBLE_STORE_CORRUPT' }),
      );
    };
    const behind = (offset: number) => (bytes: Buffer) => bytes.length - offset;
    refused((bytes) => bytes.writeUInt32LE(4, behind(48)(bytes)));
    refused((bytes) => bytes.writeUInt32LE(0, behind(48)(bytes)));
    refused((bytes) => bytes.writeDoubleLE(1.5, behind(40)(bytes)));
    refused((bytes) => bytes.writeDoubleLE(0, behind(32)(bytes)));
    refused((bytes) => bytes.writeDoubleLE(1, behind(24)(bytes)));
    refused((bytes) => bytes.writeDoubleLE(Number.MAX_SAFE_INTEGER, behind(40)(bytes)));
    refused((bytes) => bytes.writeUInt32LE(0, behind(16)(bytes)));
    refused((bytes) => bytes.writeUInt32LE(2 ** 31, behind(12)(bytes)));
    refused((bytes) => bytes.writeUInt32LE(2 ** 31, behind(4)(bytes)));
  });
});
