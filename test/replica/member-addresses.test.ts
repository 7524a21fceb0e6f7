import { describe, expect, it } from 'vitest';
import { MemberAddresses } from '../../lib/replica/member-addresses.js';
import type { Configuration } from '../../lib/types.js';

const member = (id: number, address?: string) => {
  const storeUuid = `${id}`.repeat(32);
  return address === undefined ? { id, storeUuid } : { id, storeUuid, address };
};

const BEFORE: Configuration = { number: 1, members: [member(1), member(2)] };

describe('the addresses of members', () => {
  it('are those of the configuration, and for whom it has none, those that were told last', () => {
    const addresses = new MemberAddresses(new Map([[1, 'a:1']]), BEFORE);
    expect([...addresses.map]).toEqual([[1, 'a:1']]);
    addresses.use(
      new Map([
        [1, 'b:1'],
        [3, 'unix:/c'],
      ]),
    );
    expect([...addresses.map]).toEqual([
      [1, 'b:1'],
      [3, 'unix:/c'],
    ]);
    addresses.configured({ number: 2, members: [member(1, 'd:1'), member(2, 'nowhere')] });
    addresses.use(new Map([[2, 'e:2']]));
    expect([...addresses.map].sort()).toEqual([
      [1, 'd:1'],
      [2, 'e:2'],
    ]);
  });

  it('stay as they are where one that is told is none', () => {
    const addresses = new MemberAddresses(new Map([[1, 'a:1']]), BEFORE);
    expect(() => addresses.use(new Map([[1, 'nowhere']]))).toThrow(
      expect.objectContaining({ code: 'ERR_INDELIBLE_NETWORK' }),
    );
    expect([...addresses.map]).toEqual([[1, 'a:1']]);
  });
});
