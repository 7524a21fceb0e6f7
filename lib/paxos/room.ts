/**
 * Which members have room on their disks, as far as a leader knows: each follower says with every answer to a
 * heartbeat whether what is left to it is its reserve.
 *
 * 1. Nothing is promised or voted for otherwise because of it: it only says whether more should be asked for.
 * 2. A member that has not been heard in this lead counts as one with room, so that a new leader refuses
 *    nobody; one that has fallen silent does not, for it does not vote.
 */
import type { ReplicaId } from '../types.js';
import type { Configurations } from './configurations.js';
import type { Progress } from './progress.js';

export class Room {
  /** What is left to this replica is its reserve; set by the host. */
  isShort = false;
  private readonly self: ReplicaId;
  private readonly configurations: Pick<Configurations, 'quorum'>;
  private readonly progress: Progress;
  private readonly silentTicksMax: number;

  constructor(
    self: ReplicaId,
    configurations: Pick<Configurations, 'quorum'>,
    progress: Progress,
    silentTicksMax: number,
  ) {
    this.self = self;
    this.configurations = configurations;
    this.progress = progress;
    this.silentTicksMax = silentTicksMax;
  }

  /** Some member is short, and those with room are no quorum: what is voted for would take the reserve. */
  get isReserve(): boolean {
    const { quorum } = this.configurations;
    let withRoom = 0;
    let isAnyShort = false;
    for (const { id } of quorum.configuration.members) {
      const peer = id === this.self ? undefined : this.progress.of(id);
      const isShort = id === this.self ? this.isShort : peer?.isShort === true;
      if (isShort) isAnyShort = true;
      else if (peer === undefined || peer.silentTicks < this.silentTicksMax) withRoom++;
    }
    return isAnyShort && withRoom < quorum.size;
  }
}
