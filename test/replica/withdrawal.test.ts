import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BATCH_HEADER_BYTES } from '../../lib/replica/batch.js';
import type { Requester } from '../../lib/replica/service.js';
import { Submissions } from '../../lib/replica/submissions.js';
import { withdraw } from '../../lib/replica/withdrawal.js';

const LIMITS = {
  commandBytesMax: 1000,
  batchBytesTarget: 100_000,
  batchBytesMax: 200_000,
  waitingBytesMax: 1e6,
};

const bodyOf = (commands: readonly Uint8Array[]): Buffer =>
  Buffer.concat(
    commands.flatMap((command) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(command.length);
      return [length, Buffer.from(command)];
    }),
  );

describe('what is withdrawn from a batch', () => {
  it('is gone with its bytes, and everything else stays as it was, in order', () => {
    const asked = fc.record({
      who: fc.nat(3),
      commands: fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(asked, { minLength: 1, maxLength: 12 }), fc.nat(3), (all, goes) => {
        const requesters = Array.from({ length: 4 }, (): Requester => ({ outcome() {}, drain() {} }));
        const submissions = new Submissions(LIMITS);
        const next = [0, 0, 0, 0];
        for (const { who, commands } of all) {
          const body = bodyOf(commands);
          submissions.add(requesters[who]!, next[who]!, commands.length, body, 0, body.length);
          next[who]! += commands.length;
        }
        const submission = submissions.take()!;
        const out = withdraw(submission, ({ requester }) => requester === requesters[goes]);
        const stays = all.filter(({ who }) => who !== goes).flatMap(({ commands }) => commands);
        expect(submission.bytes.subarray(BATCH_HEADER_BYTES)).toEqual(bodyOf(stays));
        expect(submission.end).toBe(submission.bytes.length);
        expect(submission.count).toBe(stays.length);
        expect(submission.runs.every(({ requester }) => requester !== requesters[goes])).toBe(true);
        const gone = all.filter(({ who }) => who === goes).flatMap(({ commands }) => commands).length;
        expect(out.reduce((sum, { count }) => sum + count, 0)).toBe(gone);
      }),
    );
  });

  it('includes what a requester had asked that has given up and gone', () => {
    const submissions = new Submissions(LIMITS);
    const body = bodyOf([Buffer.from('old')]);
    const gone = { outcome() {}, drain() {}, hasGivenUp: true };
    const left: Requester = { outcome() {}, drain() {} };
    submissions.add(gone, 1, 1, body, 0, body.length);
    submissions.add(left, 1, 1, body, 0, body.length);
    submissions.abandon(gone);
    submissions.abandon(left);
    const submission = submissions.take()!;
    expect(withdraw(submission, ({ requester }) => requester.hasGivenUp === true)).toHaveLength(1);
    // Who only closed its connection wanted what it had sent before.
    expect(submission.count).toBe(1);
  });
});
