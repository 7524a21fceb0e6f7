import { describe, expect, it } from 'vitest';
import { CHAINS_KEPT, ChainHistory } from '../../lib/paxos/chain-history.js';
import type { Digest } from '../../lib/types.js';

const digest = (value: number): Digest => value as Digest;

function learned(through: number): ChainHistory {
  const history = new ChainHistory(0, digest(0));
  for (let slot = 1; slot <= through; slot++) history.extend(digest(1000 + slot));
  return history;
}

describe('chains that differ from the leader’s (contract 15)', () => {
  it('are found at a slot that is learned', () => {
    const history = learned(10);
    history.compare(7, digest(1007));
    expect(() => history.compare(7, digest(1))).toThrow(/contract 15.*through slot 7/s);
  });

  it('are found when the slot is learned later', () => {
    const history = learned(10);
    history.compare(12, digest(1));
    history.extend(digest(1011));
    expect(() => history.extend(digest(1012))).toThrow(/contract 15/);
  });

  it('are found when a checkpoint is installed through that slot', () => {
    const history = learned(10);
    history.compare(20, digest(1));
    expect(() => history.jump(20, digest(2))).toThrow(/contract 15/);
  });

  it('are not looked for in slots that are no longer kept, nor below a checkpoint', () => {
    const history = learned(CHAINS_KEPT + 5);
    history.compare(5, digest(1));
    expect(() => history.compare(6, digest(1))).toThrow(/contract 15/);
    history.jump(5000, digest(7));
    history.compare(CHAINS_KEPT + 5, digest(1));
    expect(history.newest).toBe(7);
  });

  it('are found everywhere behind a checkpoint, wherever that ends', () => {
    const history = new ChainHistory(5000, digest(1));
    for (let slot = 5001; slot <= 5010; slot++) history.extend(digest(slot));
    for (let slot = 5000; slot <= 5010; slot++)
      expect(() => history.compare(slot, digest(2))).toThrow(/contract 15/);
  });
});
