import { describe, expect, it } from 'vitest';
import { NetworkLines } from '../../lib/cluster/network-lines.js';

function lines() {
  const written: [object, string][] = [];
  return { written, lines: new NetworkLines((fields, event) => written.push([fields, event])) };
}

describe('log lines about the network', () => {
  it('are written once for each address and kind, and then counted', () => {
    const { written, lines: log } = lines();
    for (let port = 1; port <= 1000; port++) {
      log.tell({ event: 'refused', remote: `10.0.0.9:${port}`, reason: 'the key' });
    }
    log.tell({ event: 'malformed', remote: '10.0.0.9:1', reason: 'a frame' });
    log.tell({ event: 'refused', remote: '10.0.0.8:1', peer: 2, reason: 'the key' });
    expect(written).toEqual([
      [{ remote: '10.0.0.9:1', peer: undefined, reason: 'the key' }, 'refused'],
      [{ remote: '10.0.0.9:1', peer: undefined, reason: 'a frame' }, 'malformed'],
      [{ remote: '10.0.0.8:1', peer: 2, reason: 'the key' }, 'refused'],
    ]);
    log.sweep();
    expect(written.slice(3)).toEqual([[{ remote: '10.0.0.9', times: 999 }, 'refused, again']]);
  });

  it('begin anew after each sweep', () => {
    const { written, lines: log } = lines();
    for (let minute = 0; minute < 3; minute++) {
      log.tell({ event: 'refused', remote: '[::1]:5' });
      log.sweep();
    }
    expect(written.map(([, event]) => event)).toEqual(['refused', 'refused', 'refused']);
  });

  it('are bounded, however many addresses there are', () => {
    const { written, lines: log } = lines();
    for (let i = 0; i < 100_000; i++) log.tell({ event: 'refused', remote: `fd00::${i.toString(16)}:1` });
    log.sweep();
    expect(written.length).toBeLessThan(300);
    expect(written.at(-1)).toEqual([{ remote: 'others', times: expect.any(Number) }, 'refused, again']);
  });
});
