/** When a replica leaves it to the others. */
import type { ReplicaCore } from '../../../lib/paxos/replica.js';
import type { DiskWatch } from '../../../lib/replica/disk.js';
import { StandingBack } from '../../../lib/replica/standing-back.js';
import { mustBe, type Schedule } from './schedule.js';

const STALL_MS_MAX = 500;

function stalled(): void {
  let handOvers = 0;
  const room = { isShort: false, isReserve: false };
  const core = { standsBack: false, room, handOver: () => ++handOvers };
  const back = new StandingBack({ isShort: false } as DiskWatch, STALL_MS_MAX);
  const lookAt = (nowMs: number, durableThrough: number): void => {
    back.stall.look(nowMs, 9, durableThrough);
    back.tick(core as unknown as ReplicaCore, true, undefined);
  };
  lookAt(0, 4);
  lookAt(STALL_MS_MAX - 1, 4);
  mustBe([core.standsBack, handOvers], [false, 0], 'a disk that may yet come on');
  lookAt(STALL_MS_MAX, 4);
  mustBe([core.standsBack, handOvers], [true, 1], 'whether it stands back, and hand-overs');
  lookAt(STALL_MS_MAX + 1, 5);
  mustBe([core.standsBack, handOvers], [false, 1], 'the disk has come on');
}

export const standingBack: Schedule = {
  name: 'a leader whose disk has stalled stands back, and hands over',
  run: stalled,
};
