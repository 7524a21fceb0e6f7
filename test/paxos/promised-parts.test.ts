/** How a promised answer is cut into parts (contract 6: nothing is left out, however long it is). */
import { expect, test } from 'vitest';
import { BATCH_BYTES_MAX, FRAME_BYTES_MAX } from '../../lib/limits.js';
import { Acceptor } from '../../lib/paxos/acceptor.js';
import { Campaign } from '../../lib/paxos/campaign.js';
import type { Effects } from '../../lib/paxos/effects.js';
import { Quorum } from '../../lib/paxos/quorum.js';
import { type Ballot, BatchKind, type Digest, type SlotRange } from '../../lib/types.js';
import { encodeMessage } from '../../lib/wire/codec.js';
import { Writer } from '../../lib/wire/writer.js';
import { configurationOf } from './cluster.js';

const BALLOT = 65537 as Ballot;

const acceptorWith = (votes: number, bytesEach: number, uncertain: readonly SlotRange[]): Acceptor =>
  new Acceptor(
    {
      promised: BALLOT,
      trimThrough: 0,
      voting: true,
      uncertain,
      votes: Array.from({ length: votes }, (_, at) => ({
        slot: at + 1,
        ballot: BALLOT,
        kind: BatchKind.commands,
        digest: at as Digest,
        available: true,
      })),
    },
    { readVote: () => new Uint8Array(bytesEach) } as unknown as Effects,
  );

test('every part fits into a frame, even beside thousands of uncertain ranges and largest batches', () => {
  const uncertain = Array.from({ length: 20_000 }, (_, at) => ({ from: 10 + 3 * at, through: 11 + 3 * at }));
  const parts = acceptorWith(3, BATCH_BYTES_MAX, uncertain).promisedAnswer(1, 0);
  for (const part of parts) {
    const writer = new Writer();
    const tail = encodeMessage(writer, part);
    expect(writer.length + tail.length).toBeLessThanOrEqual(FRAME_BYTES_MAX);
  }
  expect(parts.flatMap((part) => part.votes.map(({ slot }) => slot))).toEqual([1, 2, 3]);
  expect(parts.flatMap((part) => part.uncertain)).toEqual(uncertain);
});

test('a campaign heeds the uncertain ranges of an answer, in whatever order its parts arrive', () => {
  const parts = acceptorWith(2, 700_000, [{ from: 3, through: 4 }]).promisedAnswer(1, 0);
  expect(parts.length).toBeGreaterThan(2);
  for (const order of [parts, [...parts].reverse()]) {
    const campaign = new Campaign(BALLOT, 1, new Quorum(configurationOf(3)));
    for (const part of order) campaign.take(1, part);
    for (const part of acceptorWith(0, 0, []).promisedAnswer(1, 0)) campaign.take(2, part);
    // 1 is uncertain at slots 3 and 4, so only 2 is clean there: no quorum, no free choice.
    expect(campaign.recovery(0)).toBeUndefined();
    for (const part of acceptorWith(0, 0, []).promisedAnswer(1, 0)) campaign.take(3, part);
    expect(campaign.recovery(0)?.batches).toHaveLength(4);
  }
});
