import { describe, expect, it } from 'vitest';
import { Stall } from '../../lib/replica/stall.js';

describe('a stall', () => {
  it('is none while everything that was given is durable', () => {
    const stall = new Stall();
    stall.look(0, 0, 0);
    stall.look(60_000, 0, 0);
    stall.look(120_000, 7, 7);
    expect(stall).toMatchObject({ ms: 0, advice: '' });
  });

  it('is counted from when the store was last seen to come on', () => {
    const stall = new Stall();
    stall.look(1000, 5, 3);
    stall.look(1500, 9, 3);
    expect(stall).toMatchObject({ ms: 500, advice: '' });
    stall.look(1900, 9, 4);
    stall.look(5000, 9, 4);
    expect(stall.ms).toBe(3100);
    expect(stall.advice).toMatch(/durable for 3\.1 s/);
  });

  it('is over when the store has caught up', () => {
    const stall = new Stall();
    stall.look(1000, 5, 3);
    stall.look(9000, 5, 3);
    stall.look(9010, 5, 5);
    expect(stall).toMatchObject({ ms: 0, advice: '' });
  });
});
