/** Submissions of sessions: what a batch says of them has room of its own, and fits. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BATCH_HEADER_BYTES, commandLength } from '../../lib/replica/batch.js';
import type { Requester } from '../../lib/replica/service.js';
import { sessionBytesMax } from '../../lib/replica/sessions/session-runs.js';
import { SESSION_NEW, type SessionTerms } from '../../lib/replica/sessions/session-terms.js';
import { type Submission, Submissions } from '../../lib/replica/submissions.js';

const LIMITS = {
  commandBytesMax: 300,
  batchBytesTarget: 1000,
  batchBytesMax: 1024,
  waitingBytesMax: 1 << 20,
};
const asker = (): Requester => ({ outcome() {}, drain() {} });

function bodyOf(...commands: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    commands.flatMap((command) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(command.length);
      return [length, command];
    }),
  );
}

function takeAll(submissions: Submissions): Submission[] {
  const all: Submission[] = [];
  for (let batch = submissions.take(); batch !== undefined; batch = submissions.take()) all.push(batch);
  return all;
}

/** The room in which its runs say of sessions what they have to say. */
function roomOf({ bytes, end, runs }: Submission): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + end, sessionBytesMax(runs.length));
}

function commandsIn(batch: Submission): string[] {
  const found: string[] = [];
  for (let at = BATCH_HEADER_BYTES; at < batch.end; ) {
    const end = at + 4 + commandLength(batch.bytes, at, batch.end);
    found.push(batch.bytes.toString('hex', at + 4, end));
    at = end;
  }
  return found;
}

describe('what a batch says of sessions', () => {
  const command = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.uint8Array({ minLength: 200, maxLength: 300 }),
  );
  const add = fc.record({
    who: fc.nat(3),
    commands: fc.array(command, { minLength: 1, maxLength: 9 }),
  });

  it('fits into the largest batch, in room of its own, with the number of each first command', () => {
    fc.assert(
      fc.property(fc.array(add, { minLength: 1, maxLength: 30 }), (adds) => {
        const submissions = new Submissions(LIMITS);
        // The first of them belongs to no session.
        const askers = [asker(), asker(), asker(), asker()];
        const next = [1, 1, 1, 1];
        for (const { who, commands } of adds) {
          const body = bodyOf(...commands);
          const first = next[who]!;
          const terms = { session: who, sequence: first, answeredThrough: first - 1 };
          const given = who === 0 ? undefined : terms;
          submissions.add(askers[who]!, first, commands.length, body, 0, body.length, 100, given);
          next[who]! += commands.length;
        }
        const batches = takeAll(submissions);
        // As they get their places, one after the other: header, and behind the commands what runs say.
        for (const batch of batches) {
          batch.bytes.fill(0, 0, BATCH_HEADER_BYTES);
          roomOf(batch).fill(0xff);
        }
        expect(batches.every((batch) => roomOf(batch).every((byte) => byte === 0xff))).toBe(true);
        const sizes = adds.flatMap(({ commands }) => commands.map(({ length }) => 4 + length));
        for (const [at, { count, end, runs }] of batches.entries()) {
          sizes.splice(0, count);
          expect(end + (count > 1 ? sessionBytesMax(runs.length) : 0)).toBeLessThanOrEqual(
            LIMITS.batchBytesMax,
          );
          const wouldEnd = end + (sizes[0] ?? 0) + sessionBytesMax(runs.length + 1);
          const isFull = end >= LIMITS.batchBytesTarget || wouldEnd > LIMITS.batchBytesMax;
          expect(isFull || at === batches.length - 1).toBe(true);
          for (const { requester, first, terms } of runs) {
            const who = askers.indexOf(requester);
            if (who === 0) expect(terms).toBeUndefined();
            else expect(terms).toMatchObject({ session: who, sequence: first });
          }
        }
        const asked = adds.flatMap(({ commands }) => commands.map((one) => Buffer.from(one).toString('hex')));
        expect(batches.flatMap(commandsIn)).toEqual(asked);
      }),
      { numRuns: 200 },
    );
  });

  it('has room behind a batch that fills its memory to the last byte', () => {
    const large = { ...LIMITS, commandBytesMax: 1 << 20, batchBytesTarget: 1 << 20, batchBytesMax: 2 << 20 };
    for (const short of [0, 1, 20, 60]) {
      const submissions = new Submissions(large);
      const body = bodyOf(new Uint8Array((1 << 20) - BATCH_HEADER_BYTES - 4 - short).fill(7));
      submissions.add(asker(), 1, 1, body, 0, body.length);
      const batch = submissions.take()!;
      roomOf(batch).fill(0xff);
      expect(batch.bytes.subarray(BATCH_HEADER_BYTES).equals(body)).toBe(true);
    }
  });

  it.each<[string, number, SessionTerms | undefined, SessionTerms | undefined]>([
    ['go on where the next number follows', 1, terms(5, 1), terms(5, 3)],
    ['end where a number is missing', 2, terms(5, 1), terms(5, 4)],
    ['end where a number is repeated', 2, terms(5, 1), terms(5, 1)],
    ['end with another session', 2, terms(5, 1), terms(6, 3)],
    ['end where a session begins or ends', 2, undefined, terms(5, 3)],
    ['are one each where sessions are opened', 2, terms(SESSION_NEW, 0), terms(SESSION_NEW, 2)],
  ])('runs %s', (_, runs, first, then) => {
    const submissions = new Submissions(LIMITS);
    const requester = asker();
    const body = bodyOf(Buffer.from('a'), Buffer.from('b'));
    submissions.add(requester, 1, 2, body, 0, body.length, 100, first);
    submissions.add(requester, 3, 2, body, 0, body.length, 100, then);
    const batch = submissions.take()!;
    expect(batch.runs.map(({ count }) => count)).toEqual(runs === 1 ? [4] : [2, 2]);
    expect(batch.runs.map((run) => run.terms)).toEqual(runs === 1 ? [first] : [first, then]);
  });

  function terms(session: number, sequence: number): SessionTerms {
    return { session, sequence, answeredThrough: 0 };
  }
});

describe('what waits', () => {
  it('is taken up to its bound exactly, and whatever its size where nothing waits', () => {
    const bounded = { ...LIMITS, commandBytesMax: 1000, waitingBytesMax: 400 };
    const submissions = new Submissions(bounded);
    const large = bodyOf(new Uint8Array(500));
    expect(submissions.add(asker(), 1, 1, large, 0, large.length)).toBe(true);
    submissions.take();
    const body = bodyOf(new Uint8Array(96));
    const within = Buffer.concat([Buffer.alloc(1000), bodyOf(new Uint8Array(400 - 164 - 4))]);
    expect(submissions.add(asker(), 1, 1, body, 0, body.length)).toBe(true);
    expect(submissions.bytes).toBe(100 + 64);
    const beyond = Buffer.concat([within, Buffer.alloc(1)]);
    beyond.writeUInt32LE(400 - 164 - 3, 1000);
    expect(submissions.add(asker(), 1, 1, beyond, 1000, beyond.length)).toBe(false);
    expect(submissions.add(asker(), 1, 1, within, 1000, within.length)).toBe(true);
  });

  it('wakes who was refused when exactly half of the bound is free', () => {
    const submissions = new Submissions({ ...LIMITS, commandBytesMax: 1000, waitingBytesMax: 400 });
    let drains = 0;
    const refused: Requester = { outcome() {}, drain: () => drains++ };
    const body = bodyOf(new Uint8Array(200 - 64 - 4));
    for (const who of [asker(), asker()]) submissions.add(who, 1, 1, body, 0, body.length);
    expect(submissions.add(refused, 1, 1, body, 0, body.length)).toBe(false);
    submissions.wakeStalled();
    expect(drains).toBe(0);
    const [run] = submissions.takeOut(({ requester }) => requester !== refused).slice(0, 1);
    submissions.add(run!.requester, 1, 1, body, 0, body.length);
    expect(submissions.bytes).toBe(200);
    submissions.wakeStalled();
    expect(drains).toBe(1);
  });

  it('goes on being gathered while earlier batches are taken', () => {
    const submissions = new Submissions(LIMITS);
    const requester = asker();
    const [large, small] = [bodyOf(new Uint8Array(300)), bodyOf(new Uint8Array(1))];
    for (let first = 1; first <= 4; first++) submissions.add(requester, first, 1, large, 0, large.length);
    expect(submissions.take()!.count).toBe(3);
    submissions.add(requester, 5, 1, small, 0, small.length);
    expect(takeAll(submissions).map(({ count }) => count)).toEqual([2]);
    for (let first = 6; first <= 9; first++) submissions.add(requester, first, 1, large, 0, large.length);
    submissions.take();
    submissions.add(requester, 10, 1, large, 0, large.length);
    expect(takeAll(submissions).map(({ count }) => count)).toEqual([2]);
  });

  it('is copied from where it lies, and nothing that lies behind it', () => {
    const submissions = new Submissions(LIMITS);
    const body = bodyOf(Buffer.from('only this'));
    const around = Buffer.concat([body, Buffer.alloc(3 << 20)]);
    submissions.add(asker(), 1, 1, around, 0, body.length);
    expect(submissions.take()!.bytes.subarray(BATCH_HEADER_BYTES).equals(body)).toBe(true);
  });
});
