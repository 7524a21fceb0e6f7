/** When a replica leaves it to the others. */
import type { ReplicaCore } from '../../../lib/paxos/replica.js';
import { Backlog } from '../../../lib/replica/backlog.js';
import { CoreEffects, type CoreEffectsParts } from '../../../lib/replica/core-effects.js';
import type { DiskWatch } from '../../../lib/replica/disk.js';
import { StandingBack } from '../../../lib/replica/standing-back.js';
import { type Ballot, type Batch, BatchKind, type Digest } from '../../../lib/types.js';
import { mustBe, type Schedule } from './schedule.js';

const STALL_MS_MAX = 500;
const BALLOT = 65537 as Ballot;
const BATCH: Batch = { kind: BatchKind.commands, digest: 1 as Digest, bytes: new Uint8Array(100) };

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

function behind(): void {
  let staged = 0;
  const backlog = new Backlog(2 * BATCH.bytes.length);
  const parts = {
    storage: { stageVote: () => ++staged > 0 },
    standingBack: { isStalled: false },
    groups: { backlog },
  };
  const effects = new CoreEffects(parts as unknown as CoreEffectsParts);
  const taken = [1, 2, 3].map((slot) => effects.persistVote(slot, BALLOT, BATCH, false));
  mustBe([taken, staged], [[true, true, false], 2], 'votes that a store which is behind was given');
  backlog.committed(2);
  backlog.durable(2);
  mustBe(effects.persistVote(3, BALLOT, BATCH, false), true, 'a vote when the store has caught up');
}

export const standingBack: readonly Schedule[] = [
  { name: 'a leader whose disk has stalled stands back, and hands over', run: stalled },
  { name: 'a store that falls behind is given no more than its bound', run: behind },
];
