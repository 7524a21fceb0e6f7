/**
 * A leader's heartbeat: when it is due, what it says, and whether a quorum still answers it.
 *
 * 1. Who has heard no quorum for an election timeout is told to lead no longer (check-quorum). Anything said
 *    at the ballot led is a sign of life; a read asks for more (read.ts).
 * 2. A heartbeat goes out on its timer, and as soon as there is something learned that followers do not know.
 * 3. Not every round is marked for finding what followers lost: reads make many (progress.ts).
 */
import type { Ballot, Digest, Slot } from '../types.js';
import type { Heartbeat } from './messages.js';
import type { Timing } from './options.js';
import type { Progress } from './progress.js';
import type { MemberSet, Quorum } from './quorum.js';
import type { ReadIndex } from './read.js';

export class Pulse {
  private readonly timing: Timing;
  private readonly quorum: Quorum;
  private readonly reads: ReadIndex;
  private readonly progress: Progress;
  private ticksToHeartbeat = 0;
  private ticksToMark = 0;
  private ticksToQuorumCheck = 0;
  private heardOf: MemberSet = 0;
  private advertised: Slot = 0;

  constructor(timing: Timing, quorum: Quorum, reads: ReadIndex, progress: Progress) {
    this.timing = timing;
    this.quorum = quorum;
    this.reads = reads;
    this.progress = progress;
  }

  /** A new ballot is led. */
  begin(): void {
    this.reads.reset();
    this.progress.reset();
    this.ticksToHeartbeat = this.timing.heartbeatTicks;
    this.ticksToMark = 0;
    this.ticksToQuorumCheck = this.timing.electionTicks;
    this.heardOf = 0;
  }

  /** A member has said something at the ballot led: anything will do. */
  heard(member: MemberSet): void {
    this.heardOf |= member;
  }

  /** One tick of leading. @returns false when no quorum was heard for an election timeout. */
  tick(): boolean {
    this.ticksToMark--;
    this.ticksToHeartbeat--;
    if (--this.ticksToQuorumCheck > 0) return true;
    if (!this.quorum.isReached(this.heardOf | this.reads.self)) return false;
    this.ticksToQuorumCheck = this.timing.electionTicks;
    this.heardOf = 0;
    return true;
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
