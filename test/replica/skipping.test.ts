/** When a leader has a skip decided, and when it refuses. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Progress } from '../../lib/paxos/progress.js';
import { Quorum } from '../../lib/paxos/quorum.js';
import type { Halt } from '../../lib/replica/executor.js';
import type { Skip } from '../../lib/replica/skip-record.js';
import { Skipping } from '../../lib/replica/skipping.js';
import type { Ballot } from '../../lib/types.js';

const BALLOT = 65537 as Ballot;
const SKIP: Skip = { slot: 7, ordinal: 2, reason: 'why' };
const HALT: Halt = { slot: 7, ordinal: 2, error: new Error('why') };
const TIMEOUT_TICKS = 50;

class World {
  readonly proposed: Skip[] = [];
  readonly progress: Progress = new Progress();
  /** Looked at for skips, and the skips found: with slot and ordinal. */
  seenThrough = 9;
  readonly learned: Skip[] = [];
  readonly proposer: { ballot: Ballot | undefined; recoveredThrough: number; lastSlot: number } = {
    ballot: BALLOT,
    recoveredThrough: 8,
    lastSlot: 9,
  };
  halt: Halt | undefined = HALT;
  hasRoom = true;
  fate = 'open';
  readonly skipping: Skipping;

  constructor() {
    const world = this;
    const members = [1, 2, 3].map((id) => ({ id, storeUuid: String(id) }));
    const { progress, proposer } = this;
    const quorum = new Quorum({ number: 1, members });
    const core = { self: 1, leader: 0, quorum, progress, proposer };
    this.skipping = new Skipping({
      core: core as unknown as ConstructorParameters<typeof Skipping>[0]['core'],
      executor: {
        get halt() {
          return world.halt;
        },
        skips: {
          get seenThrough() {
            return world.seenThrough;
          },
          has: (slot, ordinal) =>
            world.learned.some((skip) => skip.slot === slot && skip.ordinal === ordinal),
        } as ConstructorParameters<typeof Skipping>[0]['executor']['skips'],
      },
      tickMs: 10,
      timeoutMs: TIMEOUT_TICKS * 10,
      propose: (skip) => (this.hasRoom ? this.proposed.push(skip) : 0),
    });
  }

  ask(skip = SKIP): void {
    const settle = (fate: string): void => {
      this.fate = fate;
    };
    this.skipping.ask(skip).then(
      () => settle('skipped'),
      (error: { code: string }) => settle(error.code.replace('ERR_INDELIBLE_', '')),
    );
  }

  /** The follower `from` tells how far it has applied. */
  tells(from: number, appliedThrough: number): void {
    const far = {
      learnedThrough: appliedThrough,
      appliedThrough,
      trimThrough: 0,
      coveredThrough: 9,
      isShort: false,
    };
    this.progress.take(from, { type: 'heartbeaten', ballot: BALLOT, round: 1, ...far });
  }

  /** A tick of the host, in which those are heard of. */
  async tick(...heard: number[]): Promise<void> {
    for (const from of heard) this.tells(from, 6);
    this.progress.tick();
    this.skipping.tick();
    await Promise.resolve();
    await Promise.resolve();
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});

describe('a skip', () => {
  it('is proposed once, when a quorum has told since how far it has applied, and is done when that goes on', async () => {
    world.tells(2, 6);
    world.ask();
    await world.tick();
    await world.tick();
    expect(world.proposed).toEqual([]);
    await world.tick(2);
    await world.tick();
    await world.tick(2, 3);
    expect(world.proposed).toEqual([SKIP]);
    expect(world.fate).toBe('open');
    world.halt = undefined;
    await world.tick();
    expect(world.fate).toBe('skipped');
  });

  it.each([
    ['what earlier ballots may have chosen', { recoveredThrough: 10 }],
    ['what it has proposed itself', { lastSlot: 10 }],
  ])('waits for %s', async (_, open) => {
    Object.assign(world.proposer, open);
    world.ask();
    for (let i = 0; i < 5; i++) await world.tick(2);
    expect(world.proposed).toEqual([]);
    world.seenThrough = 10;
    await world.tick(2);
    expect(world.proposed).toEqual([SKIP]);
  });

  it('is refused where a replica has applied the slot, also if it was heard of long ago, or only now', async () => {
    world.tells(3, 7);
    for (let i = 0; i < 20; i++) await world.tick();
    world.ask();
    await world.tick(2);
    expect(world.fate).toBe('DIVERGED');
    world = new World();
    world.ask();
    await world.tick();
    world.tells(3, 12);
    await world.tick(2);
    expect([world.fate, world.proposed]).toEqual(['DIVERGED', []]);
  });

  it('of an earlier lead is open here: nobody who went on by it is called diverged, and it is joined', async () => {
    world.proposer.recoveredThrough = 10;
    world.tells(3, 12);
    world.ask();
    await world.tick(2, 3);
    world.seenThrough = 10;
    world.learned.push(SKIP);
    // The state cannot be put back yet.
    await world.tick(2);
    world.ask();
    await world.tick(2);
    expect([world.fate, world.proposed]).toEqual(['open', []]);
    world.halt = undefined;
    await world.tick();
    expect([world.fate, world.proposed]).toEqual(['skipped', []]);
  });

  it('is refused at another place, and by who does not lead', async () => {
    for (const [change, code] of [
      [{ slot: 8 }, 'NOT_HALTED'],
      [{ ordinal: 1 }, 'NOT_HALTED'],
    ] as const) {
      world.ask({ ...SKIP, ...change });
      await world.tick();
      expect(world.fate).toBe(code);
    }
    world.proposer.ballot = undefined;
    world.ask();
    await world.tick();
    expect(world.fate).toBe('NOT_EXECUTED');
  });

  it('ends without a quorum, or without room, in its time', async () => {
    for (const heard of [[], [2]]) {
      world = new World();
      world.hasRoom = false;
      world.ask();
      for (let i = 0; i < TIMEOUT_TICKS; i++) await world.tick(...heard);
      expect(world.fate).toBe('open');
      await world.tick();
      expect(world.fate).toBe('NOT_EXECUTED');
    }
  });

  it('is unknown once it was proposed, and the lead is lost, its time over, or the replica stopped', async () => {
    const ends: ((world: World) => Promise<void> | void)[] = [
      (each) => {
        each.proposer.ballot = undefined;
      },
      async (each) => {
        for (let i = 0; i < TIMEOUT_TICKS; i++) await each.tick(2);
      },
      (each) => each.skipping.stop(new Error('stopped')),
    ];
    for (const end of ends) {
      world = new World();
      world.ask();
      for (let i = 0; i < 3; i++) await world.tick(2);
      expect(world.proposed).toEqual([SKIP]);
      await end(world);
      await world.tick();
      expect(world.fate).toBe('UNKNOWN');
    }
  });

  it('is one with another that is asked for meanwhile', async () => {
    world.ask();
    const second = world.skipping.ask({ ...SKIP, reason: 'another' });
    for (let i = 0; i < 3; i++) await world.tick(2);
    world.halt = undefined;
    await world.tick();
    await second;
    expect(world.proposed).toEqual([SKIP]);
  });
});
