import { describe, expect, it } from 'vitest';
import { ballotOf } from '../../lib/paxos/ballot.js';
import { Progress } from '../../lib/paxos/progress.js';
import { Quorum } from '../../lib/paxos/quorum.js';
import { Room } from '../../lib/paxos/room.js';
import { configurationOf } from './cluster.js';

const SILENT_TICKS = 5;

/** A leader's view of itself, replica 1, and of so many other members. */
function roomOf(members: number): {
  room: Room;
  progress: Progress;
  hear(id: number, isShort: boolean): void;
} {
  const progress = new Progress();
  const room = new Room(1, { quorum: new Quorum(configurationOf(members)) }, progress, SILENT_TICKS);
  const rest = { coveredThrough: 0, learnedThrough: 0, appliedThrough: 0, trimThrough: 0 };
  const hear = (id: number, isShort: boolean): void =>
    progress.take(id, { type: 'heartbeaten', ballot: ballotOf(1, 1), round: 1, ...rest, isShort });
  return { room, progress, hear };
}

describe('what disks have left is the reserve', () => {
  it('once those with room are no quorum, whoever they are', () => {
    const { room, hear } = roomOf(3);
    hear(2, false);
    hear(3, false);
    expect(room.isReserve).toBe(false);
    hear(3, true);
    expect(room.isReserve, 'two of three have room').toBe(false);
    hear(2, true);
    expect(room.isReserve).toBe(true);
    hear(3, false);
    expect(room.isReserve).toBe(false);
    room.isShort = true;
    expect(room.isReserve).toBe(true);
  });

  it('where a member is silent, so that those who vote are the short ones', () => {
    const { room, progress, hear } = roomOf(3);
    hear(2, false);
    hear(3, true);
    expect(room.isReserve).toBe(false);
    for (let tick = 0; tick < SILENT_TICKS; tick++) progress.tick();
    expect(room.isReserve).toBe(true);
  });

  it('not because members are silent: then there is no quorum, and that is told otherwise', () => {
    const { room, progress, hear } = roomOf(3);
    hear(2, false);
    hear(3, false);
    for (let tick = 0; tick < SILENT_TICKS; tick++) progress.tick();
    expect(room.isReserve).toBe(false);
  });

  it('not in a new lead, before anybody was heard', () => {
    const { room } = roomOf(3);
    room.isShort = true;
    expect(room.isReserve).toBe(false);
  });

  it('of a replica alone, when it is short itself', () => {
    const { room } = roomOf(1);
    expect(room.isReserve).toBe(false);
    room.isShort = true;
    expect(room.isReserve).toBe(true);
  });
});
