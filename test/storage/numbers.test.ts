import { expect, it } from 'vitest';
import { checkVote, exhausted } from '../../lib/storage/numbers.js';
import type { Ballot } from '../../lib/types.js';

it('a vote may have any slot from 1 and any ballot from 0, as far as numbers are exact', () => {
  const last = Number.MAX_SAFE_INTEGER;
  for (const [slot, ballot] of [
    [1, 0],
    [last, last],
  ] as const) {
    expect(() => checkVote(slot, ballot as unknown as Ballot)).not.toThrow();
  }
  for (const [slot, ballot] of [
    [0, 1],
    [1, -1],
    [last + 1, 1],
    [1, last + 1],
    [1.5, 1],
  ] as const) {
    expect(() => checkVote(slot, ballot as unknown as Ballot)).toThrow(
      expect.objectContaining({ code: 'ERR_INDELIBLE_ARGUMENT' }),
    );
  }
});

it('a store without numbers says which one it is', () => {
  expect(exhausted('/data/replica-1')).toMatchObject({
    code: 'ERR_INDELIBLE_STORE_EXHAUSTED',
    path: '/data/replica-1',
  });
});
