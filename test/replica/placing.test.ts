/**
 * Where requests go, in random histories: leads that begin and end, windows and logs that are full, leaders
 * that answer late, clocks that stand still and jump. Each request has one outcome, those of a requester in
 * the order asked; no history makes a replica take turn after turn without anything coming of it; and when
 * time has passed nothing is left.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Executor } from '../../lib/replica/executor.js';
import type { Forwarder } from '../../lib/replica/forwarder.js';
import { TUNING_DEFAULT } from '../../lib/replica/options.js';
import { type Deciding, Placing } from '../../lib/replica/placing.js';
import type { Queries } from '../../lib/replica/queries.js';
import type { ReplicatedClock } from '../../lib/replica/replicated-clock.js';
import type { RequestRun } from '../../lib/replica/runs.js';
import { Outcome, type Requester } from '../../lib/replica/service.js';
import type { StateMachine } from '../../lib/replica/state-machine.js';
import type { Submissions } from '../../lib/replica/submissions.js';
import type { Runtime } from '../../lib/runtime.js';
import { type Batch, BatchKind, type Digest } from '../../lib/types.js';

const BODY = Buffer.from([1, 0, 0, 0, 7]);
const TIMEOUT_MS = 1000;
const TUNING = { ...TUNING_DEFAULT, requestTimeoutMs: TIMEOUT_MS, leaderWaitMs: 400, batchBytesTarget: 64 };
const MACHINE = {
  execute() {},
  query: () => true,
} as unknown as StateMachine;

class Asker implements Requester {
  asked = 0;
  readonly heard: number[] = [];
  outcome(first: number, count: number): void {
    for (let i = 0; i < count; i++) this.heard.push(first + i);
  }
  drain(): void {}
}

/** The way to another leader: it answers what it was sent when the history says so, in order. */
class OtherLeader {
  isReady = false;
  sent: (readonly [RequestRun, isQuery: boolean])[] = [];
  get isSettled(): boolean {
    return this.sent.length === 0;
  }
  settle(): boolean {
    return this.isSettled;
  }
  get owesQueries(): boolean {
    return this.sent.some(([, isQuery]) => isQuery);
  }
  isOverdue(nowMs: number): boolean {
    return this.sent.some(([{ deadlineMs }]) => deadlineMs <= nowMs);
  }
  forward(submissions: Submissions, queries: Queries): void {
    if (!this.isReady) return;
    for (const ask of queries.takeGathered()) this.sent.push([ask, true]);
    for (let each = submissions.take(); each !== undefined; each = submissions.take()) {
      for (const run of each.runs) this.sent.push([run, false]);
    }
  }
  answer(): void {
    const sent = this.sent;
    this.sent = [];
    for (const [{ requester, first, count }, isQuery] of sent) {
      requester.outcome(first, count, isQuery ? Outcome.notExecuted : Outcome.unknown, BODY, 0, 0);
    }
  }
  tick(): void {}
  close(): void {
    this.answer();
  }
}

class History {
  nowMs = 0;
  readonly other: OtherLeader = new OtherLeader();
  readonly writers: Asker[] = [new Asker(), new Asker()];
  readonly readers: Asker[] = [new Asker(), new Asker()];
  readonly executor: Executor = new Executor(MACHINE, { through: 0, timeMs: 0 });
  readonly placing: Placing;
  readonly core = { role: 'leader', ballot: 65537, leader: 1, proposer: { lastSlot: 0 } };
  hasWindow = true;
  hasRoom = true;
  isTimeKnown = true;
  isReserve = false;
  isGrowth = true;
  /** The other leader confirms reads that are answered here. */
  confirms = true;
  private readonly log: Batch[] = [];
  private reads = 0;

  constructor() {
    const clock = { now: () => 0, atLeast() {} };
    Object.defineProperty(clock, 'isKnown', { get: () => this.isTimeKnown });
    this.placing = new Placing({
      executor: this.executor,
      forwarder: this.other as unknown as Forwarder,
      tuning: TUNING,
      batchBytesMax: 1 << 20,
      runtime: { monotonicMs: () => this.nowMs } as unknown as Runtime,
      clock: clock as unknown as ReplicatedClock,
      grows: () => this.isGrowth,
    });
    Object.defineProperty(this.core, 'canPropose', {
      get: () => this.core.role === 'leader' && this.hasWindow,
    });
    Object.assign(this.core, {
      room: this,
      propose: (batch: Batch) => (this.hasRoom ? this.log.push(batch) : 0),
      read: (readId: number) => {
        this.reads = readId;
        return this.core.role === 'leader' || (this.confirms && this.core.leader > 1);
      },
    });
  }

  get deciding(): Deciding {
    return this.core as unknown as Deciding;
  }

  ask(who: number, count: number, isQuery: boolean): void {
    const asker = (isQuery ? this.readers : this.writers)[who]!;
    const body = Buffer.concat(Array.from({ length: count }, () => BODY));
    const form = isQuery ? 'query' : 'submit';
    if (this.placing[form](asker, asker.asked + 1, count, body, 0, body.length)) asker.asked += count;
  }

  /** Turns as long as the host would, without anything new to do. */
  turn(): void {
    for (let turns = 0, goesOn = true; goesOn; turns++) {
      const before = this.log.length;
      this.placing.place(this.deciding);
      this.placing.serve();
      goesOn = this.placing.canGoOn(this.deciding);
      if (goesOn)
        expect(this.log.length, `turn ${turns} goes on, and nothing came of it`).toBeGreaterThan(before);
    }
  }

  /** The oldest slot is chosen: with what was proposed there, or with something else. */
  choose(isOwn: boolean): void {
    const slot = this.executor.appliedThrough + 1;
    if (slot > this.log.length) return;
    const noop = { kind: BatchKind.noop, digest: 1 as Digest, bytes: Buffer.alloc(0) };
    const batch = isOwn ? this.log[slot - 1]! : noop;
    this.executor.skips.see(slot, batch, slot - 1);
    this.executor.apply(slot, batch);
    this.placing.queries.ready(this.reads, slot);
  }

  /** What was asked for last is confirmed: it needs so many slots more than are applied. */
  confirm(more: number): void {
    this.placing.queries.ready(this.reads, this.executor.appliedThrough + more);
  }

  follow(leader: number): void {
    this.core.role = leader === 1 ? 'leader' : 'follower';
    this.core.leader = leader;
    if (leader === 1) this.core.ballot += 65536;
    this.other.isReady = leader > 1;
    // As the core does when a lead ends.
    if (leader !== 1) this.placing.queries.lost(this.reads);
  }

  passes(ms: number): void {
    this.nowMs += ms;
    this.placing.tick(this.deciding, this.nowMs);
  }
}

type Step = (history: History) => void;
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.nat(1), fc.integer({ min: 1, max: 30 }), fc.boolean()).map(
    ([who, count, isQuery]) =>
      (history: History) =>
        history.ask(who, count, isQuery),
  ),
  fc.constant((history: History) => history.turn()),
  fc.boolean().map((isOwn) => (history: History) => history.choose(isOwn)),
  fc.constantFrom(0, 1, 2).map((leader) => (history: History) => history.follow(leader)),
  fc
    .constantFrom('hasWindow', 'hasRoom', 'isTimeKnown', 'isReserve', 'isGrowth', 'confirms')
    .map((what) => (history: History) => {
      history[what] = !history[what];
    }),
  fc.constantFrom(1, 10, 60, 350, 1200, 20_000).map((ms) => (history: History) => history.passes(ms)),
  fc.constant((history: History) => history.other.answer()),
  fc.constantFrom(0, 0, 3).map((more) => (history: History) => history.confirm(more)),
);

it('every request has one outcome, in order and in time, and no turn is in vain', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const history = new History();
      for (const each of steps) {
        each(history);
        history.turn();
      }
      // A leader that is asked answers, or is hung up on; everything else fires by itself.
      for (let waited = 0; waited < 3 * TIMEOUT_MS; waited += 50) {
        history.passes(50);
        history.turn();
        history.other.answer();
      }
      for (const { heard, asked } of [...history.writers, ...history.readers]) {
        expect(heard).toEqual(Array.from({ length: asked }, (_, i) => i + 1));
      }
    }),
    { numRuns: 1000 },
  );
});

it('what found no room in the log is refused as growth when disks are short too', () => {
  const history = new History();
  history.ask(0, 1, false);
  history.turn();
  history.hasRoom = false;
  // Its session is open now, and it has a number in it, and no place.
  history.choose(true);
  history.turn();
  history.isReserve = true;
  history.passes(50);
  history.turn();
  expect(history.writers[0]!.heard).toEqual([1]);
  history.hasRoom = true;
  history.isGrowth = false;
  history.ask(0, 1, false);
  history.turn();
  history.choose(true);
  expect(history.writers[0]!.heard).toEqual([1, 2]);
});
