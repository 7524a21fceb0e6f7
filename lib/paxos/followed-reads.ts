/**
 * Linearizable reads at a replica that does not lead: it asks the leader which slot they must have applied,
 * and answers them from its own state (read.ts is the leader's side). All reads of a turn are one question.
 *
 * 1. An answer is for the reads through the one that its question named: those asked since may need more.
 * 2. An answer counts whoever leads by then: the slot was right after these reads had been asked. But it is
 *    of this process: one that was asked for by an earlier life of this replica says nothing about its reads.
 * 3. A question without an answer is asked again now and then, and whenever another ballot is followed. Where
 *    nobody is followed any more, reads without a slot are lost at once, before any is asked for elsewhere.
 */
import type { Ballot, ReplicaId } from '../types.js';
import { NO_BALLOT } from './ballot.js';
import type { Effects } from './effects.js';
import type { Indexed } from './messages.js';

export class FollowedReads {
  private readonly effects: Effects;
  private readonly askAgainTicks: number;
  private readonly random: () => number;
  /** Reads without a slot, oldest first. */
  private waiting: number[] = [];
  /** The last one that was asked for, at which ballot, and ticks since. */
  private asked = 0;
  private askedBallot: Ballot = NO_BALLOT;
  private ticks = 0;
  /** What this process is told apart by; drawn when it is first needed. */
  private life: number | undefined;

  constructor(effects: Effects, askAgainTicks: number, random: () => number) {
    this.effects = effects;
    this.askAgainTicks = askAgainTicks;
    this.random = random;
  }

  /** A read waits for a slot. Ids rise. */
  ask(readId: number): void {
    this.waiting.push(readId);
  }

  tick(): void {
    this.ticks++;
  }

  /** Nobody is followed: there is nobody to ask. */
  lose(): void {
    const last = this.waiting[this.waiting.length - 1];
    if (last === undefined) return;
    this.waiting = [];
    this.effects.readsLost(last);
  }

  /** The end of a turn: asks `leader` of `ballot`, if there is anything to ask; 0 if nobody is followed. */
  settle(leader: ReplicaId, ballot: Ballot): void {
    const last = this.waiting[this.waiting.length - 1];
    if (last === undefined) return;
    if (leader === 0) return this.lose();
    const isDueAgain = ballot !== this.askedBallot || this.ticks >= this.askAgainTicks;
    if (last === this.asked && !isDueAgain) return;
    this.asked = last;
    this.askedBallot = ballot;
    this.ticks = 0;
    this.life ??= Math.floor(this.random() * 2 ** 53);
    this.effects.send(leader, { type: 'index', ballot, life: this.life, readId: last }, 0);
  }

  indexed({ life, readId, slot }: Indexed): void {
    if (life !== this.life) return;
    let ready = 0;
    while (ready < this.waiting.length && this.waiting[ready]! <= readId) ready++;
    for (const each of this.waiting.splice(0, ready)) this.effects.readReady(each, slot);
  }
}
