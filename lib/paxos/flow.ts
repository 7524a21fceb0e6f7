/**
 * What is usual between one word of a leader and the next, or between the answers of a quorum, and so from
 * when on a silence is out of the ordinary. Time is counted in ticks: whoever ticks does not run while its
 * process stands still, so its own stalls are not taken for somebody else's silence.
 *
 * 1. A silence is suspect once it is twice as long as the longest one of late, and never before the floor:
 *    what was steady for long may falter for a moment.
 * 2. A silence that reaches the ceiling is suspect whatever was usual, and teaches nothing: who was away for
 *    so long was away, and not slow.
 * 3. Before enough of the flow is known the ceiling holds, so that a process which has just been started, and
 *    those it talks to, may take their time.
 * 4. A silence that was suspect teaches no more than what made it so: one long silence makes the next one
 *    that is suspect twice as long, and only several lead to the ceiling.
 * 5. Memory is bounded, and what was long ago is forgotten.
 */

/** A silence that is so many times longer than what is usual is suspect. */
const SUSPECT_TIMES = 2;

/** The longest silence is kept for so many periods, each so many ceilings long; and what has to be known. */
const PERIODS = 8;
const PERIOD_CEILINGS = 30;
const KNOWN_CEILINGS = 4;

export class Flow {
  private readonly floorTicks: number;
  private readonly ceilingTicks: number;
  /** The longest silences, by periods; the current one is at `period`. */
  private readonly longest: number[] = new Array(PERIODS).fill(0);
  private period = 0;
  private periodTicks = 0;
  private knownTicks = 0;
  private suspect: number;

  constructor(floorTicks: number, ceilingTicks: number) {
    this.floorTicks = Math.min(floorTicks, ceilingTicks);
    this.ceilingTicks = ceilingTicks;
    this.suspect = ceilingTicks;
  }

  /** A silence of so many ticks is out of the ordinary. */
  get suspectTicks(): number {
    return this.suspect;
  }

  /** One tick of listening to somebody. */
  tick(): void {
    this.knownTicks++;
    this.periodTicks++;
    if (this.periodTicks >= PERIOD_CEILINGS * this.ceilingTicks) {
      this.periodTicks = 0;
      this.period = (this.period + 1) % PERIODS;
      this.longest[this.period] = 0;
      this.judge();
    } else if (this.knownTicks === KNOWN_CEILINGS * this.ceilingTicks) {
      this.judge();
    }
  }

  /** A silence of so many ticks has ended with word of the same lead. */
  ended(silentTicks: number): void {
    const ticks = Math.min(silentTicks, this.suspect);
    if (silentTicks >= this.ceilingTicks || ticks <= this.longest[this.period]!) return;
    this.longest[this.period] = ticks;
    this.judge();
  }

  private judge(): void {
    if (this.knownTicks < KNOWN_CEILINGS * this.ceilingTicks) return;
    const suspect = SUSPECT_TIMES * Math.max(...this.longest);
    this.suspect = Math.min(Math.max(suspect, this.floorTicks), this.ceilingTicks);
  }
}
