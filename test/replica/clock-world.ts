/** Replicas' clocks without replicas: walls that jump and drift, messages that take a while, one leader. */
import { ReplicatedClock } from '../../lib/replica/replicated-clock.js';

/** Real time at which every world begins, ms since 1970. */
export const BEGIN_MS = 1_800_000_000_000;
const STEP_MS = 10;

class Member {
  clock: ReplicatedClock;
  /** How far its wall clock is ahead of real time, and by how much more each millisecond. */
  wallAheadMs = 0;
  wallDrift = 0;
  monotonicDrift = 0;
  isUp = true;
  private readonly world: ClockWorld;
  private readonly id: number;

  constructor(world: ClockWorld, id: number) {
    this.world = world;
    this.id = id;
    this.clock = this.newClock();
  }

  /** Its process is started anew. */
  restart(): void {
    this.clock = this.newClock();
    this.isUp = true;
  }

  private newClock(): ReplicatedClock {
    const { world, id } = this;
    // A monotonic clock begins anywhere.
    const zeroMs = world.elapsedMs - 5000 * id;
    return new ReplicatedClock({
      self: id,
      members: world.ids,
      boundMs: 500,
      clocks: {
        monotonicMs: () => (world.elapsedMs - zeroMs) * (1 + this.monotonicDrift),
        wallMs: () => Math.floor(world.realMs + this.wallAheadMs + world.elapsedMs * this.wallDrift),
      },
    });
  }
}

export class ClockWorld {
  elapsedMs = 0;
  /** One way, for every message. */
  delayMs = 1;
  readonly ids: readonly number[];
  readonly members: readonly Member[];
  /** The last stamp of any batch, which all replicas have applied. */
  stampMs = 0;
  private leader = 0;
  private readonly onTheWay: { readonly atMs: number; readonly run: () => void }[] = [];

  constructor(size = 3) {
    this.ids = Array.from({ length: size }, (_, index) => index + 1);
    this.members = this.ids.map((id) => new Member(this, id));
  }

  get realMs(): number {
    return BEGIN_MS + this.elapsedMs;
  }
  get leading(): ReplicatedClock {
    return this.of(this.leader).clock;
  }
  /** How far replicated time is ahead of real time. */
  get aheadMs(): number {
    return this.stamp() - this.realMs;
  }

  of(id: number): Member {
    return this.members[id - 1]!;
  }

  lead(id: number): void {
    if (this.leader !== 0) this.of(this.leader).clock.lead(false);
    this.leader = id;
    this.leading.atLeast(this.stampMs);
    this.leading.lead(true);
    this.ask();
  }

  /** Stamps a batch, as the leader does. */
  stamp(): number {
    this.leading.atLeast(this.stampMs);
    this.stampMs = Math.max(this.stampMs, this.leading.now());
    return this.stampMs;
  }

  /** Lets time pass; the leader looks every step, and asks as often as it does in a replica. */
  pass(ms: number, look: () => void = () => {}): void {
    const endMs = this.elapsedMs + ms;
    while (this.elapsedMs < endMs) {
      this.elapsedMs += STEP_MS;
      for (let i = 0; i < this.onTheWay.length; ) {
        if (this.onTheWay[i]!.atMs > this.elapsedMs) i++;
        else this.onTheWay.splice(i, 1)[0]!.run();
      }
      if (this.leader !== 0) {
        this.leading.look();
        if (this.elapsedMs % (this.leading.isKnown ? 500 : 50) === 0) this.ask();
      }
      look();
    }
  }

  private ask(): void {
    const asker = this.of(this.leader);
    if (!asker.isUp) return;
    const { clock } = asker;
    const question = clock.ask();
    for (const id of this.ids) {
      if (id === this.leader) continue;
      this.deliver(() => {
        if (!this.of(id).isUp) return;
        const answer = this.of(id).clock.told(question);
        this.deliver(() => clock.answered(id, answer));
      });
    }
  }

  private deliver(run: () => void): void {
    this.onTheWay.push({ atMs: this.elapsedMs + this.delayMs, run });
  }
}
