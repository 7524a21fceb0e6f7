/**
 * What a replica does at the end of a configuration: with it its ballots end. Who led goes on in the next
 * one, or hands over (contract 27). Which configuration governs a slot is in configurations.ts.
 */
import type { Ballot, Batch, Slot } from '../types.js';
import type { Configurations } from './configurations.js';
import type { Effects } from './effects.js';
import type { Leadership } from './leadership.js';
import type { Leading } from './leading.js';

export class Succession {
  private readonly configurations: Configurations;
  private readonly leadership: Leadership;
  private readonly leading: Leading;
  private readonly effects: Effects;
  /** It led when the configuration ended, and votes in the next one. */
  private succeeds = false;

  constructor(configurations: Configurations, leadership: Leadership, leading: Leading, effects: Effects) {
    this.configurations = configurations;
    this.leadership = leadership;
    this.leading = leading;
    this.effects = effects;
  }

  /**
   * If the batch learned in `slot` ends the configuration, its ballots end: who leads says once more what it
   * has learned, and asks one of the new voters to campaign if it is none. @returns true if it does
   */
  ends(slot: Slot, ballot: Ballot, batch: Batch): boolean {
    if (!this.configurations.isStop(batch)) return false;
    const isLeading = this.leading.proposer.ballot !== undefined;
    if (isLeading) this.leading.beat();
    const cookie = this.configurations.stopped(slot, ballot, batch);
    this.succeeds = isLeading && this.leadership.votes && !this.leadership.standsBack;
    if (isLeading && !this.succeeds) this.leading.handOver(0);
    this.begins(cookie);
    return true;
  }

  /** Another configuration is in force, by the stop-sign with that cookie or (undefined) by a checkpoint. */
  begins(cookie?: string): void {
    // Followers wait for the heir.
    if (this.leadership.role !== 'follower') this.leadership.stepDown();
    this.effects.configured(this.configurations.current, cookie);
  }

  /** Campaigns in the new configuration, unless somebody leads in it by now. */
  succeed(): void {
    if (!this.succeeds) return;
    this.succeeds = false;
    const { role, leader, areBallotsSpent } = this.leadership;
    if (role !== 'follower' || leader !== 0 || areBallotsSpent) return;
    this.leadership.campaign();
  }
}
