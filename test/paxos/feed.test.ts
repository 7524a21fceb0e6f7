/** What each peer is sent of a leader's accepts, and when. */
import { describe, expect, test } from 'vitest';
import { ballotOf } from '../../lib/paxos/ballot.js';
import { Feed } from '../../lib/paxos/feed.js';
import type { Accept, Heartbeat } from '../../lib/paxos/messages.js';
import { BatchKind, type Digest } from '../../lib/types.js';
import { RecordedEffects } from './recorded-effects.js';

const BALLOT = ballotOf(1, 1);
const WINDOW_BYTES = 1000;

function acceptOf(slot: number, bytes = 100): Accept {
  const batch = { kind: BatchKind.commands, digest: slot as Digest, bytes: new Uint8Array(bytes) };
  return { type: 'accept', ballot: BALLOT, slot, learnedThrough: 0, ...batch };
}

function leading(): { feed: Feed; effects: RecordedEffects; sentTo(peer: number): number[] } {
  const effects = new RecordedEffects();
  const feed = new Feed([2, 3], effects, WINDOW_BYTES);
  feed.begin(5);
  const sentTo = (peer: number): number[] =>
    effects.sent.filter(({ to }) => to === peer).map(({ message }) => (message as Accept).slot);
  return { feed, effects, sentTo };
}

const HEARTBEAT: Heartbeat = {
  type: 'heartbeat',
  ballot: BALLOT,
  round: 1,
  learnedThrough: 7,
  lastSlot: 9,
} as Heartbeat;

describe('the feed of accepts', () => {
  test('tells who takes nothing of no slot before the first', () => {
    const effects = new RecordedEffects();
    const feed = new Feed([2], effects, WINDOW_BYTES);
    feed.begin(1);
    effects.choked.add(2);
    feed.beat({ ...HEARTBEAT, learnedThrough: 0, lastSlot: 0 }, true);
    feed.beat({ ...HEARTBEAT, learnedThrough: 0, lastSlot: 3 }, true);
    const told = effects.sent.map(({ message }) => message as Heartbeat);
    expect(told.map(({ learnedThrough, lastSlot }) => [learnedThrough, lastSlot])).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  test('sends to who takes it, and to a slow peer later, in order and once', () => {
    const { feed, effects, sentTo } = leading();
    effects.choked.add(3);
    for (let slot = 5; slot <= 9; slot++) feed.add(acceptOf(slot));
    expect([sentTo(2), sentTo(3)]).toEqual([[5, 6, 7, 8, 9], []]);
    // Chosen without the slow peer: it is sent what was kept for it all the same.
    feed.forget(8);
    effects.choked.delete(3);
    feed.pump(3);
    feed.pump(3);
    expect(sentTo(3)).toEqual([5, 6, 7, 8, 9]);
  });

  test('keeps no more than twice the window for a peer that takes nothing', () => {
    const { feed, effects, sentTo } = leading();
    effects.choked.add(3);
    for (let slot = 5; slot <= 200; slot++) {
      feed.add(acceptOf(slot));
      feed.forget(slot - 3);
    }
    expect(feed.isBehind(3)).toBe(true);
    expect(feed.isBehind(2)).toBe(false);
    effects.choked.delete(3);
    feed.pump(3);
    expect(sentTo(3)).toEqual([]);
    feed.resume(3, 100);
    expect(feed.isBehind(3)).toBe(true);
    feed.resume(3, 198);
    expect(sentTo(3)).toEqual([199, 200]);
    feed.add(acceptOf(201));
    expect(sentTo(3)).toEqual([199, 200, 201]);
  });

  test('a heartbeat tells no peer of slots whose accepts are still behind it', () => {
    const { feed, effects } = leading();
    for (let slot = 5; slot <= 9; slot++) {
      if (slot === 7) effects.choked.add(3);
      feed.add(acceptOf(slot));
    }
    effects.sent = [];
    feed.beat(HEARTBEAT, true);
    expect(effects.sent).toMatchObject([
      { to: 2, message: { learnedThrough: 7, lastSlot: 9 } },
      { to: 3, message: { learnedThrough: 5, lastSlot: 5 } },
    ]);
    expect([feed.markedThrough(2), feed.markedThrough(3)]).toEqual([9, 5]);
  });

  test('an open slot is kept for who is slow, however much that is', () => {
    const { feed, effects, sentTo } = leading();
    effects.choked.add(3);
    for (let slot = 5; slot <= 40; slot++) feed.add(acceptOf(slot));
    feed.forget(4);
    expect(feed.isBehind(3)).toBe(false);
    effects.choked.delete(3);
    feed.pump(3);
    expect(sentTo(3)).toHaveLength(36);
  });

  test('of two slow peers only the one that lacks what is too much falls behind', () => {
    const { feed, effects } = leading();
    for (let slot = 5; slot <= 26; slot++) {
      if (slot === 6) effects.choked.add(2);
      if (slot === 7) effects.choked.add(3);
      feed.add(acceptOf(slot));
    }
    feed.forget(26);
    expect([feed.isBehind(2), feed.isBehind(3)]).toEqual([true, false]);
  });

  test('without bytes to count, slots are counted', () => {
    const { feed, effects } = leading();
    effects.choked.add(3);
    for (let slot = 5; slot < 5 + 1024; slot++) feed.add(acceptOf(slot, 0));
    feed.forget(5 + 1023);
    expect(feed.isBehind(3)).toBe(false);
    feed.add(acceptOf(5 + 1024, 0));
    feed.forget(5 + 1024);
    expect(feed.isBehind(3)).toBe(true);
  });

  test('a fed peer that has less than it was sent is sent nothing again', () => {
    const { feed, sentTo } = leading();
    for (let slot = 5; slot <= 9; slot++) feed.add(acceptOf(slot));
    feed.resume(2, 6);
    feed.add(acceptOf(10));
    expect(sentTo(2)).toEqual([5, 6, 7, 8, 9, 10]);
  });

  test('who is behind is fed again from the first slot that is kept, and told everything before', () => {
    const { feed, effects, sentTo } = leading();
    effects.choked.add(3);
    for (let slot = 5; slot <= 30; slot++) feed.add(acceptOf(slot));
    feed.forget(30);
    effects.sent = [];
    feed.beat({ ...HEARTBEAT, learnedThrough: 30, lastSlot: 30 }, false);
    expect(effects.sent.at(-1)).toMatchObject({ to: 3, message: { learnedThrough: 30, lastSlot: 30 } });
    expect([feed.markedThrough(2), feed.markedThrough(3)], 'not marked').toEqual([0, 0]);
    effects.sent = [];
    effects.choked.delete(3);
    feed.add(acceptOf(31));
    expect(sentTo(3)).toEqual([]);
    feed.resume(3, 30);
    expect(sentTo(3)).toEqual([31]);
  });

  test('nothing is fed once the lead is given up', () => {
    const { feed, effects, sentTo } = leading();
    effects.choked.add(3);
    feed.add(acceptOf(5));
    feed.beat(HEARTBEAT, true);
    feed.end();
    effects.choked.delete(3);
    feed.pump(3);
    expect([sentTo(3).filter((slot) => slot !== undefined), feed.markedThrough(2)]).toEqual([[], 0]);
  });

  test('a peer that has got more otherwise is sent what comes behind that only', () => {
    const { feed, effects, sentTo } = leading();
    effects.choked.add(3);
    for (let slot = 5; slot <= 9; slot++) feed.add(acceptOf(slot));
    feed.resume(3, 7);
    feed.resume(3, 6);
    effects.choked.delete(3);
    feed.pump(3);
    expect(sentTo(3)).toEqual([8, 9]);
  });

  test('what everybody was sent is forgotten as far as it is chosen, no further', () => {
    const { feed, effects, sentTo } = leading();
    effects.choked.add(3);
    for (let slot = 5; slot <= 40; slot++) feed.add(acceptOf(slot));
    feed.forget(20);
    expect(feed.isBehind(3)).toBe(true);
    effects.choked.delete(3);
    feed.resume(3, 19);
    expect(feed.isBehind(3), 'slot 20 is gone').toBe(true);
    feed.resume(3, 20);
    expect(sentTo(3)).toEqual(Array.from({ length: 20 }, (_, at) => 21 + at));
  });

  test('so much may be kept that the last chosen slot goes too', () => {
    const { feed, effects } = leading();
    effects.choked.add(3);
    for (let slot = 5; slot <= 30; slot++) feed.add(acceptOf(slot));
    feed.forget(5);
    effects.choked.delete(3);
    feed.resume(3, 4);
    expect(feed.isBehind(3)).toBe(true);
    feed.resume(3, 5);
    expect(feed.isBehind(3)).toBe(false);
  });
});
