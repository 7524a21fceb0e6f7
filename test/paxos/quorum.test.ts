import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MEMBERS_MAX } from '../../lib/limits.js';
import { countMembers, Quorum } from '../../lib/paxos/quorum.js';
import { configurationOf } from './cluster.js';

test('any two quorums of a configuration have a member in common', () => {
  const subset = fc.integer({ min: 0, max: 2 ** MEMBERS_MAX - 1 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: MEMBERS_MAX }), subset, subset, (members, a, b) => {
      const quorum = new Quorum(configurationOf(members));
      const everyone = 2 ** members - 1;
      const [first, second] = [a & everyone, b & everyone];
      if (quorum.isReached(first) && quorum.isReached(second)) expect(first & second).not.toBe(0);
    }),
  );
});

test('a majority is a quorum and half is none', () => {
  for (const [members, size] of [
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
  ] as const) {
    const quorum = new Quorum(configurationOf(members));
    const first = (count: number) => 2 ** count - 1;
    expect(quorum.size).toBe(size);
    expect(quorum.isReached(first(size))).toBe(true);
    expect(quorum.isReached(first(size - 1))).toBe(false);
  }
});

test('members are distinct bits; a stranger has none, and a duplicate adds nothing', () => {
  const quorum = new Quorum(configurationOf(5));
  const one = quorum.bitOf(1);
  expect(countMembers(one | one)).toBe(1);
  expect(countMembers(one | quorum.bitOf(2) | quorum.bitOf(5))).toBe(3);
  expect(quorum.bitOf(6)).toBe(0);
  expect(quorum.has(6)).toBe(false);
});

test('a configuration that is empty, too large or ambiguous is refused', () => {
  const { members } = configurationOf(3);
  const code = 'ERR_INDELIBLE_ARGUMENT';
  for (const list of [[], configurationOf(MEMBERS_MAX + 1).members, [...members, members[0]!]]) {
    expect(() => new Quorum({ number: 1, members: list })).toThrow(expect.objectContaining({ code }));
  }
});
