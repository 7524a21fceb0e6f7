/**
 * When a replica leaves it to the others: while its store stalls it takes no votes and does not ask to lead;
 * if it leads then, or short of disk, or halted, it hands over where another can.
 */
import type { ReplicaCore } from '../paxos/replica.js';
import type { DiskWatch } from './disk.js';
import type { Halt } from './executor.js';
import { Stall } from './stall.js';

export class StandingBack {
  readonly stall: Stall = new Stall();
  private readonly disk: DiskWatch;
  private readonly stallMsMax: number;

  /** @param stallMsMax milliseconds for which nothing of what was to has become durable */
  constructor(disk: DiskWatch, stallMsMax: number) {
    this.disk = disk;
    this.stallMsMax = stallMsMax;
  }

  /** The store has not come on for too long. */
  get isStalled(): boolean {
    return this.stall.lasts(this.stallMsMax);
  }

  /** Looked at once a tick. @param leads whether it leads, and runs */
  tick(core: ReplicaCore, leads: boolean, halt: Halt | undefined): void {
    const { isStalled } = this;
    const { isShort } = this.disk;
    core.standsBack = isStalled;
    core.room.isShort = isShort;
    if (!leads) return;
    if (isStalled || (isShort && !core.room.isReserve)) core.handOver();
    // Where nobody has come further, somebody has to lead: a skip needs it.
    else if (halt !== undefined) core.handOver(halt.slot);
  }
}
