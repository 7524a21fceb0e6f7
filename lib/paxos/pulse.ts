/**
 * A leader's heartbeat: when it is due, what it says, and whether a quorum still answers it.
 *
 * 1. Who has heard no quorum for longer than is usual (flow.ts), or in this lead none for an election
 *    timeout, is told to lead no longer (check-quorum), for its followers cannot turn to another while they
 *    hear it. Anything said at the ballot led is a sign of life; a read asks for more (read.ts).
 * 2. A heartbeat goes out on its timer, and as soon as there is something learned that followers do not know.
 * 3. Not every round is marked for finding what followers lost: reads make many (progress.ts).
 */
import type { Ballot, Digest, Slot } from '../types.js';
import type { Configurations } from './configurations.js';
import { Flow } from './flow.js';
import type { Heartbeat } from './messages.js';
import { floorTicks, type Timing } from './options.js';
import type { Progress } from './progress.js';
import type { MemberSet, Quorum } from './quorum.js';
import type { ReadIndex } from './read.js';

/** A leader's silence is out of the ordinary later than a follower's: to stand down costs all a lead. */
const PATIENCE = 3;

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
  private readonly flow: Flow;
  /** Ticks since a quorum was heard, and whether one was in this lead. */
  private silentTicks = 0;
  private isHeard = false;
  private advertised: Slot = 0;

  constructor(timing: Timing, configurations: Configurations, reads: ReadIndex, progress: Progress) {
    this.timing = timing;
    this.configurations = configurations;
    this.quorum = configurations.quorum;
    this.reads = reads;
    this.progress = progress;
    this.heardAt = this.quorum.configuration.members.map(() => 0);
    this.flow = new Flow(PATIENCE * floorTicks(timing), timing.electionTicks);
  }

  /** A new ballot is led. */
  begin(): void {
    this.reads.reset();
    this.progress.reset();
    this.ticksToHeartbeat = this.timing.heartbeatTicks;
    this.ticksToMark = 0;
    this.ticks = 0;
    this.heardOf = 0;
    this.silentTicks = 0;
    this.isHeard = false;
    this.quorum = this.configurations.quorum;
    this.heardAt = this.quorum.configuration.members.map(() => 0);
  }

  /** A member has said something at the ballot led: anything will do. */
  heard(member: MemberSet): void {
    this.heardOf |= member;
  }

  /** One tick of leading. @returns false when no quorum was heard of for longer than is usual. */
  tick(): boolean {
    this.ticksToMark--;
    this.ticksToHeartbeat--;
    this.ticks++;
    for (let at = 0; at < this.heardAt.length; at++) {
      if ((this.heardOf & (1 << at)) !== 0) this.heardAt[at] = this.ticks;
    }
    this.heardOf = 0;
    const before = this.silentTicks;
    this.silentTicks = this.quorumSilentTicks();
    if (this.isHeard && this.silentTicks < before) this.flow.ended(before);
    // As long as the lead: nobody has said anything in it yet.
    if (this.silentTicks < this.ticks) this.isHeard = true;
    this.flow.tick();
    const { electionTicks } = this.timing;
    return this.silentTicks < (this.isHeard ? this.flow.suspectTicks : electionTicks);
  }

  /** Ticks since the last moment at which a quorum had been heard of since. */
  private quorumSilentTicks(): number {
    const { self } = this.reads;
    for (let silent = 0; silent < this.timing.electionTicks; silent++) {
      let lately: MemberSet = self;
      for (let at = 0; at < this.heardAt.length; at++) {
        if (this.ticks - this.heardAt[at]! <= silent) lately |= 1 << at;
      }
      if (this.quorum.isReached(lately)) return silent;
    }
    return this.timing.electionTicks;
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
