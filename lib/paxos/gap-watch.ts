/**
 * A leader above a gap: phase 1 was answered by somebody who had forgotten what this replica has not learned,
 * and nobody who could tell it is heard any more. Those who are heard know of it by their votes, in a new
 * phase 1.
 */
import type { Slot } from '../types.js';
import type { Configurations } from './configurations.js';
import { reachTicks, type Timing } from './options.js';
import type { Progress } from './progress.js';

export class GapWatch {
  private readonly configurations: Configurations;
  private readonly timing: Timing;
  private readonly progress: Progress;
  private ticks = 0;

  constructor(configurations: Configurations, timing: Timing, progress: Progress) {
    this.configurations = configurations;
    this.timing = timing;
    this.progress = progress;
  }

  /**
   * One tick of leading with slots through `gapThrough` not told by phase 1.
   * @returns true after an election timeout in which nobody could have told them.
   */
  tick(learnedThrough: Slot, gapThrough: Slot): boolean {
    const isOpen = learnedThrough < gapThrough && !this.isTold(gapThrough);
    this.ticks = isOpen ? this.ticks + 1 : 0;
    if (this.ticks < this.timing.electionTicks) return false;
    this.ticks = 0;
    return true;
  }

  private isTold(gapThrough: Slot): boolean {
    return this.configurations.peers.some((id) => {
      const peer = this.progress.of(id);
      return (
        peer !== undefined && peer.learnedThrough >= gapThrough && peer.silentTicks < reachTicks(this.timing)
      );
    });
  }
}
