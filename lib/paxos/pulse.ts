/**
 * A leader's heartbeat: when it is due, what it says, and whether a quorum still answers it.
 *
 * 1. Who has heard no quorum within the last election timeout is told to lead no longer (check-quorum), for
 *    its followers cannot turn to another while they hear it. Anything said at the ballot led is a sign of
 *    life; a read asks for more (read.ts).
 * 2. A heartbeat goes out on its timer, and as soon as there is something learned that followers do not know.
 * 3. Not every round is marked for finding what followers lost: reads make many (progress.ts).
 */
import type { Ballot, Digest, Slot } from '../types.js';
import type { Configurations } from './configurations.js';
import type { Heartbeat } from './messages.js';
import type { Timing } from './options.js';
import type { Progress } from './progress.js';
import type { MemberSet, Quorum } from './quorum.js';
import type { ReadIndex } from './read.js';

export class Pulse {
  private readonly timing: Timing;
  private readonly configurations: Configurations;
  /** Of the ballot that is led, or was last. */
  private quorum: Quorum;
  private readonly reads: ReadIndex;
  private readonly progress: Progress;
  private ticksToHeartbeat = 0;
  private ticksToMark = 0;
  private ticks = 0;
  /** Heard of since the last tick. */
  private heardOf: MemberSet = 0;
  /** At which tick each member was heard of last, in the order of the configuration. */
  private heardAt: number[];
  private advertised: Slot = 0;

  constructor(timing: Timing, configurations: Configurations, reads: ReadIndex, progress: Progress) {
    this.timing = timing;
    this.configurations = configurations;
    this.quorum = configurations.quorum;
    this.reads = reads;
    this.progress = progress;
    this.heardAt = this.quorum.configuration.members.map(() => 0);
  }

  /** A new ballot is led. */
  begin(): void {
    this.reads.reset();
    this.progress.reset();
    this.ticksToHeartbeat = this.timing.heartbeatTicks;
    this.ticksToMark = 0;
    this.ticks = 0;
    this.heardOf = 0;
    this.quorum = this.configurations.quorum;
    this.heardAt = this.quorum.configuration.members.map(() => 0);
  }

  /** A member has said something at the ballot led: anything will do. */
  heard(member: MemberSet): void {
    this.heardOf |= member;
  }

  /** One tick of leading. @returns false when no quorum was heard of for an election timeout. */
  tick(): boolean {
    this.ticksToMark--;
    this.ticksToHeartbeat--;
    this.ticks++;
    let lately: MemberSet = this.reads.self;
    for (let at = 0; at < this.heardAt.length; at++) {
      const member: MemberSet = 1 << at;
      if ((this.heardOf & member) !== 0) this.heardAt[at] = this.ticks;
      if (this.ticks - this.heardAt[at]! < this.timing.electionTicks) lately |= member;
    }
    this.heardOf = 0;
    return this.quorum.isReached(lately);
  }

  isDue(learnedThrough: Slot): boolean {
    return this.ticksToHeartbeat <= 0 || learnedThrough > this.advertised;
  }

  /** The next heartbeat, to be sent now. */
  beat(ballot: Ballot, learnedThrough: Slot, chain: Digest, lastSlot: Slot): Heartbeat {
    this.ticksToHeartbeat = this.timing.heartbeatTicks;
    this.advertised = learnedThrough;
    const round = this.reads.nextRound();
    if (this.ticksToMark <= 0) {
      this.ticksToMark = this.timing.heartbeatTicks;
      this.progress.mark(round);
    }
    return { type: 'heartbeat', ballot, round, learnedThrough, chainSlot: learnedThrough, chain, lastSlot };
  }
}
