import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BATCH_HEADER_BYTES, commandLength } from '../../lib/replica/batch.js';
import type { Requester } from '../../lib/replica/service.js';
import { Submissions } from '../../lib/replica/submissions.js';

const LIMITS = { commandBytesMax: 300, batchBytesTarget: 512, batchBytesMax: 1024, waitingBytesMax: 4096 };

const requester = (): Requester & { drained: number } => ({
  drained: 0,
  outcome: () => {},
  drain() {
    this.drained++;
  },
});

const bodyOf = (commands: readonly Uint8Array[]): Buffer =>
  Buffer.concat(
    commands.flatMap((command) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(command.length);
      return [length, command];
    }),
  );

/** Takes everything and lists each command with who asked for it and under which number. */
const takeAll = (submissions: Submissions): [Requester, number, string][] => {
  const found: [Requester, number, string][] = [];
  for (let batch = submissions.take(); batch !== undefined; batch = submissions.take()) {
    expect(batch.end).toBeLessThanOrEqual(LIMITS.batchBytesMax);
    expect(batch.runs.reduce((sum, run) => sum + run.count, 0)).toBe(batch.count);
    let at = BATCH_HEADER_BYTES;
    for (const run of batch.runs) {
      for (let i = 0; i < run.count; i++) {
        const length = commandLength(batch.bytes, at, batch.end);
        found.push([run.requester, run.first + i, batch.bytes.toString('hex', at + 4, at + 4 + length)]);
        at += 4 + length;
      }
    }
    expect(at).toBe(batch.end);
  }
  return found;
};

describe('submissions', () => {
  it('keep every command, in order, with its requester and number, however they are cut into batches', () => {
    const command = fc.uint8Array({ maxLength: 300 });
    const add = fc.record({ who: fc.nat(2), commands: fc.array(command, { minLength: 1, maxLength: 6 }) });
    fc.assert(
      fc.property(fc.array(add, { maxLength: 12 }), fc.boolean(), (adds, interleaved) => {
        const submissions = new Submissions({ ...LIMITS, waitingBytesMax: 1 << 20 });
        const askers = [requester(), requester(), requester()];
        const next = [1, 1, 1];
        const given: [Requester, number, string][] = [];
        const taken: [Requester, number, string][] = [];
        for (const { who, commands } of adds) {
          const asker = askers[who]!;
          const body = bodyOf(commands);
          expect(submissions.add(asker, next[who]!, commands.length, body, 0, body.length)).toBe(true);
          for (const bytes of commands) given.push([asker, next[who]!++, Buffer.from(bytes).toString('hex')]);
          if (interleaved) taken.push(...takeAll(submissions));
        }
        taken.push(...takeAll(submissions));
        expect(taken).toEqual(given);
        expect(submissions.isEmpty).toBe(true);
      }),
    );
  });

  it('copy what they are given, and never change a batch that was taken', () => {
    const submissions = new Submissions(LIMITS);
    const asker = requester();
    const body = bodyOf([Buffer.from('first')]);
    submissions.add(asker, 1, 1, body, 0, body.length);
    const batch = submissions.take()!;
    const before = Buffer.from(batch.bytes);
    body.fill(0xff);
    for (let i = 0; i < 50; i++) submissions.add(asker, 2 + i, 1, bodyOf([Buffer.alloc(60, i)]), 0, 64);
    expect(batch.bytes.equals(before)).toBe(true);
    expect(batch.bytes.toString('utf8', BATCH_HEADER_BYTES + 4)).toBe('first');
  });

  it('refuse past the bound, take nothing then, and wake the refused once there is room again', () => {
    const submissions = new Submissions(LIMITS);
    const asker = requester();
    const body = bodyOf([Buffer.alloc(250)]);
    let accepted = 0;
    while (submissions.add(asker, accepted + 1, 1, body, 0, body.length)) accepted++;
    expect(accepted).toBeLessThanOrEqual(LIMITS.waitingBytesMax / body.length);
    expect(accepted).toBeGreaterThanOrEqual(Math.floor(LIMITS.waitingBytesMax / (body.length + 64)));
    submissions.wakeStalled();
    expect(asker.drained).toBe(0);
    expect(takeAll(submissions)).toHaveLength(accepted);
    submissions.wakeStalled();
    expect(asker.drained).toBe(1);
  });

  it('give back a batch to the front of the line', () => {
    const submissions = new Submissions(LIMITS);
    const asker = requester();
    submissions.add(asker, 1, 1, bodyOf([Buffer.from('a')]), 0, 5);
    const first = submissions.take()!;
    submissions.add(asker, 2, 1, bodyOf([Buffer.from('b')]), 0, 5);
    submissions.putBack(first);
    expect(takeAll(submissions).map(([, number]) => number)).toEqual([1, 2]);
  });

  it('refuse an oversize command and a body that is not what it says', () => {
    const submissions = new Submissions(LIMITS);
    const asker = requester();
    const oversize = bodyOf([Buffer.alloc(301)]);
    expect(() => submissions.add(asker, 1, 1, oversize, 0, oversize.length)).toThrow(
      expect.objectContaining({ code: 'ERR_INDELIBLE_COMMAND_TOO_LARGE' }),
    );
    const body = bodyOf([Buffer.from('x')]);
    for (const [count, end] of [
      [2, 5],
      [1, 4],
      [1, 3],
      [0, 5],
    ] as const) {
      expect(() => submissions.add(asker, 1, count, body, 0, end)).toThrow(RangeError);
    }
    expect(submissions.isEmpty).toBe(true);
  });

  it('forget a requester that has gone away', () => {
    const submissions = new Submissions(LIMITS);
    const asker = requester();
    submissions.add(asker, 1, 1, bodyOf([Buffer.from('a')]), 0, 5);
    submissions.abandon(asker);
    expect(takeAll(submissions)[0]![0]).not.toBe(asker);
  });
});
