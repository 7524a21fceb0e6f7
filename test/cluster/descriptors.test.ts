import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { descriptorsOfProcess, sharesOf } from '../../lib/cluster/descriptors.js';

const NEEDS = { limit: 1 << 20, inUse: 22, logFiles: 10, peers: 2, clientsWanted: 10_000 };

describe('descriptors of a replica', () => {
  it('give clients what they ask for where there are enough', () => {
    expect(sharesOf(NEEDS)).toEqual({ clientsMax: 10_000, programsMax: 1000, httpMax: 0 });
    expect(sharesOf({ ...NEEDS, httpWanted: 32 })).toMatchObject({ clientsMax: 10_000, httpMax: 32 });
  });

  it('leave clients the rest where there are few', () => {
    const { clientsMax, programsMax } = sharesOf({ ...NEEDS, limit: 90 });
    expect(clientsMax).toBeLessThan(20);
    expect(clientsMax).toBeGreaterThan(programsMax);
    const { httpMax } = sharesOf({ ...NEEDS, limit: 90, httpWanted: 32 });
    expect(httpMax).toBeGreaterThanOrEqual(4);
    expect(httpMax).toBeLessThan(10);
  });

  it('refuse to start where nothing is left, and say how many it takes', () => {
    expect(() => sharesOf({ ...NEEDS, limit: 60 })).toThrow(/ulimit -n is 60, .* allow \d+ or more/);
  });

  it('never give away what store and peers need', () => {
    const numbers = { limit: fc.nat(5000), inUse: fc.nat(100), logFiles: fc.nat(300), peers: fc.nat(6) };
    const wanted = { clientsWanted: fc.integer({ min: 1, max: 20_000 }), httpWanted: fc.nat(32) };
    fc.assert(
      fc.property(fc.record({ ...numbers, ...wanted }), (needs) => {
        const own = needs.inUse + 2 * needs.logFiles + 4 * needs.peers;
        try {
          const { clientsMax, programsMax, httpMax } = sharesOf(needs);
          expect(clientsMax).toBeGreaterThanOrEqual(1);
          expect(clientsMax).toBeLessThanOrEqual(needs.clientsWanted);
          expect(httpMax).toBeLessThanOrEqual(needs.httpWanted);
          expect(own + clientsMax + programsMax + httpMax).toBeLessThan(needs.limit);
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
          expect(needs.limit).toBeLessThan(own + 44);
        }
      }),
    );
  });

  it('are asked of the kernel', () => {
    const { limit, inUse } = descriptorsOfProcess()!;
    expect(inUse).toBeGreaterThan(3);
    expect(limit).toBeGreaterThan(inUse);
  });
});
