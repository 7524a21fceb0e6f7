/** Submissions against a plain list of commands: random calls, and what waits, is taken and is bounded. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BATCH_HEADER_BYTES, commandLength } from '../../lib/replica/batch.js';
import { isNobody, type RequestRun } from '../../lib/replica/runs.js';
import type { Requester } from '../../lib/replica/service.js';
import { type Submission, Submissions } from '../../lib/replica/submissions.js';

const LIMITS = { commandBytesMax: 300, batchBytesTarget: 512, batchBytesMax: 1024, waitingBytesMax: 4096 };
const RUN_BYTES = 64;

interface Waiting {
  readonly who: number;
  readonly number: number;
  readonly text: string;
  readonly deadlineMs: number;
}

/** Requests in a buffer that has other bytes around them. */
function bodyOf(commands: readonly Uint8Array[], before = 0, behind = 0) {
  const parts = commands.flatMap((command) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(command.length);
    return [length, command];
  });
  const bytes = Buffer.concat([Buffer.alloc(before, 0xee), ...parts, Buffer.alloc(behind, 0xdd)]);
  return { bytes, start: before, end: bytes.length - behind };
}

function textsIn(batch: Submission): string[] {
  const texts: string[] = [];
  for (let at = BATCH_HEADER_BYTES; at < batch.end; ) {
    const end = at + 4 + commandLength(batch.bytes, at, batch.end);
    texts.push(batch.bytes.toString('hex', at + 4, end));
    at = end;
  }
  return texts;
}

class Tested {
  readonly submissions = new Submissions(LIMITS);
  readonly drains = [0, 0, 0];
  readonly askers: readonly Requester[] = [0, 1, 2].map((who) => ({
    outcome() {},
    drain: () => {
      this.drains[who]!++;
    },
  }));
  readonly next = [1, 1, 1];
  waiting: Waiting[] = [];
  stalled = new Set<number>();
  gone = new Set<Waiting>();

  add(who: number, commands: readonly Uint8Array[], deadlineMs: number, before: number): void {
    const { bytes, start, end } = bodyOf(commands, before, before);
    const number = this.next[who]!;
    const heldBytes = this.submissions.bytes;
    const fits = heldBytes === 0 || heldBytes + (end - start) <= LIMITS.waitingBytesMax;
    const asker = this.askers[who]!;
    expect(this.submissions.add(asker, number, commands.length, bytes, start, end, deadlineMs)).toBe(fits);
    if (!fits) return void this.stalled.add(who);
    this.next[who]! += commands.length;
    commands.forEach((command, at) => {
      const text = Buffer.from(command).toString('hex');
      this.waiting.push({ who, number: number + at, text, deadlineMs });
    });
  }

  /** What these runs ask for is the same as these. */
  compare(runs: readonly RequestRun[], waiting: readonly Waiting[]): void {
    const asked = runs.flatMap(({ requester, first, count }) =>
      Array.from({ length: count }, (_, at) => [
        isNobody(requester) ? -1 : this.askers.indexOf(requester),
        first + at,
      ]),
    );
    expect(asked).toEqual(waiting.map((one) => [this.gone.has(one) ? -1 : one.who, one.number]));
  }

  take(): Submission | undefined {
    const heldBytes = this.submissions.bytes;
    const batch = this.submissions.take();
    if (batch === undefined) {
      expect([this.waiting, heldBytes]).toEqual([[], 0]);
      return undefined;
    }
    const weight = batch.end - BATCH_HEADER_BYTES + RUN_BYTES * batch.runs.length;
    expect(heldBytes - this.submissions.bytes).toBe(weight);
    const taken = this.waiting.splice(0, batch.count);
    expect(textsIn(batch)).toEqual(taken.map(({ text }) => text));
    this.compare(batch.runs, taken);
    expect([batch.bytes.length, batch.bytes.byteOffset % 8]).toEqual([batch.end, 0]);
    return batch;
  }

  putBack(): void {
    const before = [...this.waiting];
    const heldBytes = this.submissions.bytes;
    const batch = this.take();
    if (batch !== undefined) this.submissions.putBack(batch);
    expect(this.submissions.bytes).toBe(heldBytes);
    this.waiting = before;
  }

  expire(nowMs: number): void {
    const overdue = this.waiting.filter(({ deadlineMs }) => deadlineMs <= nowMs);
    if (overdue.length > 0) expect(this.submissions.hasOverdue(nowMs)).toBe(true);
    this.waiting = this.waiting.filter(({ deadlineMs }) => deadlineMs > nowMs);
    this.compare(this.submissions.takePastDeadline(nowMs), overdue);
    expect(this.submissions.hasOverdue(nowMs)).toBe(false);
  }

  abandon(who: number): void {
    this.submissions.abandon(this.askers[who]!);
    this.stalled.delete(who);
    for (const one of this.waiting) if (one.who === who) this.gone.add(one);
  }

  wake(): void {
    const before = [...this.drains];
    const wakes = this.submissions.bytes <= LIMITS.waitingBytesMax / 2;
    this.submissions.wakeStalled();
    const told = this.drains.map((drains, who) => drains - before[who]!);
    expect(told).toEqual([0, 1, 2].map((who) => Number(wakes && this.stalled.has(who))));
    if (wakes) this.stalled.clear();
  }

  check(): void {
    expect(this.submissions.isEmpty).toBe(this.waiting.length === 0);
    const bytes = this.waiting.reduce((sum, { text }) => sum + 4 + text.length / 2, 0);
    expect(this.submissions.bytes).toBeGreaterThanOrEqual(bytes + (bytes > 0 ? RUN_BYTES : 0));
    expect(this.submissions.bytes).toBeLessThanOrEqual(bytes + this.waiting.length * RUN_BYTES);
  }
}

const command = fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 200, maxLength: 300 }));
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      commands: fc.array(command, { minLength: 1, maxLength: 6 }),
      who: fc.nat(2),
      deadlineMs: fc.constantFrom(100, 200, 300, Number.POSITIVE_INFINITY),
      before: fc.constantFrom(0, 0, 3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ abandon: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ expire: fc.constantFrom(99, 100, 250) }) },
  { weight: 3, arbitrary: fc.constantFrom('take' as const, 'putBack' as const, 'wake' as const) },
);

describe('submissions, beside a list of commands', () => {
  it('take, keep, bound, give up and give back the same', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const tested = new Tested();
        for (const one of steps) {
          if (typeof one === 'string') tested[one]();
          else if ('abandon' in one) tested.abandon(one.abandon);
          else if ('expire' in one) tested.expire(one.expire);
          else tested.add(one.who, one.commands, one.deadlineMs, one.before);
          tested.check();
        }
        while (tested.take() !== undefined) tested.check();
        tested.wake();
        expect(tested.submissions.isEmpty).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('close a batch when it has reached its target, or nothing more fits', () => {
    fc.assert(
      fc.property(fc.array(fc.array(command, { minLength: 1 }), { minLength: 1 }), (adds) => {
        const submissions = new Submissions({ ...LIMITS, waitingBytesMax: 1 << 20 });
        const asker: Requester = { outcome() {}, drain() {} };
        for (const commands of adds) {
          const { bytes, start, end } = bodyOf(commands);
          submissions.add(asker, 1, commands.length, bytes, start, end);
        }
        const sizes = adds.flat().map((bytes) => 4 + bytes.length);
        for (let batch = submissions.take(); batch !== undefined; batch = submissions.take()) {
          const within = sizes.splice(0, batch.count);
          expect(batch.end - within.at(-1)!).toBeLessThan(LIMITS.batchBytesTarget);
          expect(batch.end).toBeLessThanOrEqual(LIMITS.batchBytesMax);
          const isReached = batch.end >= LIMITS.batchBytesTarget;
          if (sizes.length > 0 && !isReached)
            expect(batch.end + sizes[0]!).toBeGreaterThan(LIMITS.batchBytesMax);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('one run of requests', () => {
  it.each([
    ['goes on', 1, [3, 100]],
    ['goes on with a deadline a little later, as if it were the same', 1, [3, 150]],
    ['ends with a deadline much later', 2, [3, 151]],
    ['ends with an earlier deadline', 2, [3, 99]],
    ['ends with a gap in the numbers', 2, [4, 100]],
    ['ends with another requester', 2, [3, 100, 1]],
  ] as const)('%s', (_, runs, add) => {
    const submissions = new Submissions(LIMITS);
    const askers = [0, 1].map((): Requester => ({ outcome() {}, drain() {} }));
    const { bytes, start, end } = bodyOf([Buffer.from('a'), Buffer.from('b')]);
    submissions.add(askers[0]!, 1, 2, bytes, start, end, 100);
    const [first, deadlineMs, who = 0] = add;
    submissions.add(askers[who]!, first, 2, bytes, start, end, deadlineMs);
    expect(submissions.bytes).toBe(2 * (end - start) + RUN_BYTES * runs);
    const batch = submissions.take()!;
    expect(batch.runs.map(({ count }) => count)).toEqual(runs === 1 ? [4] : [2, 2]);
    expect(batch.runs[0]!.deadlineMs).toBe(100);
  });
});

describe('the memory of batches', () => {
  const asker: Requester = { outcome() {}, drain() {} };
  const LARGE = { ...LIMITS, commandBytesMax: 4 << 20, batchBytesMax: 8 << 20, waitingBytesMax: 1 << 30 };

  it('is shared by small ones', () => {
    const submissions = new Submissions(LIMITS);
    const buffers = Array.from({ length: 100 }, (_, at) => {
      const { bytes, start, end } = bodyOf([Buffer.from('a')]);
      submissions.add(asker, at + 1, 1, bytes, start, end);
      return submissions.take()!.bytes;
    });
    expect(new Set(buffers.map(({ buffer }) => buffer)).size).toBe(1);
    expect(new Set(buffers.map(({ byteOffset }) => byteOffset)).size).toBe(100);
  });

  it('is made for large ones, and what came before them in the batch goes with it', () => {
    const submissions = new Submissions({ ...LARGE, batchBytesTarget: 6 << 20 });
    const commands = [9, 3 << 20, 1000, 2 << 20, 40].map((length, at) => Buffer.alloc(length, at + 1));
    for (const [at, one] of commands.entries()) {
      const { bytes, start, end } = bodyOf([one]);
      submissions.add(asker, at + 1, 1, bytes, start, end);
    }
    const batch = submissions.take()!;
    expect(batch.count).toBe(commands.length);
    const { bytes, start } = bodyOf(commands, BATCH_HEADER_BYTES);
    expect(batch.bytes.subarray(start, batch.end).equals(bytes.subarray(start))).toBe(true);
  });

  it('of one is not that of another, however full it gets', () => {
    const submissions = new Submissions({ ...LARGE, batchBytesTarget: 70_000 });
    const taken = Array.from({ length: 60 }, (_, at) => {
      const { bytes, start, end } = bodyOf([Buffer.alloc(30_001 + at, at), Buffer.alloc(30_001, at + 100)]);
      submissions.add(asker, 2 * at + 1, 2, bytes, start, end);
      return submissions.take()!;
    });
    for (const [at, batch] of taken.entries()) {
      const [one, other] = textsIn(batch).map((hex) => Buffer.from(hex, 'hex'));
      expect([
        one!.equals(Buffer.alloc(30_001 + at, at)),
        other!.equals(Buffer.alloc(30_001, at + 100)),
      ]).toEqual([true, true]);
    }
  });
});

describe('what waits for a place', () => {
  it('waits since it was first found without one, and anew after there was one', () => {
    const submissions = new Submissions(LIMITS);
    const asker: Requester = { outcome() {}, drain() {} };
    const add = (first: number) => {
      const { bytes, start, end } = bodyOf([Buffer.from('a')]);
      submissions.add(asker, first, 1, bytes, start, end);
    };
    const overdue = (sinceMs: number) => submissions.takeOverdue(sinceMs)?.map(({ first }) => first);
    expect(overdue(Number.POSITIVE_INFINITY)).toBeUndefined();
    add(1);
    expect(overdue(Number.POSITIVE_INFINITY), 'it is known to wait only when it is found').toBeUndefined();
    submissions.beginWait(10);
    add(2);
    submissions.beginWait(20);
    submissions.beginWait(30);
    expect(overdue(9)).toBeUndefined();
    expect([overdue(10), overdue(19), overdue(20)]).toEqual([[1], undefined, [2]]);
    add(3);
    submissions.beginWait(40);
    submissions.endWait();
    expect(overdue(50)).toBeUndefined();
    submissions.beginWait(60);
    expect([overdue(59), overdue(60)]).toEqual([undefined, [3]]);
    expect([submissions.bytes, submissions.isEmpty]).toEqual([0, true]);
  });

  it('ends: those that were refused find out, once', () => {
    const submissions = new Submissions(LIMITS);
    let drains = 0;
    const asker: Requester = {
      outcome() {},
      drain() {
        drains++;
      },
    };
    const { bytes, start, end } = bodyOf([Buffer.alloc(280)]);
    for (let at = 1; submissions.add(asker, at, 1, bytes, start, end); at++);
    submissions.end();
    submissions.end();
    expect(drains).toBe(1);
  });
});
