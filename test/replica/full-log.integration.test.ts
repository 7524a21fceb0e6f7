/** A leader whose log is full and whose checkpoint takes long does not spin, and deadlines fire. */
import { afterEach, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import { Turns } from '../../lib/replica/turns.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { TestCluster } from './cluster.js';

class Slow extends Counter {
  override digest = undefined as never;
  override *checkpoint(): Iterable<Uint8Array> {
    const chunk = Buffer.alloc(64 << 10);
    for (let i = 0; i < 20_000; i++) yield chunk;
  }
  override restore(): void {}
}

let cluster: TestCluster;
afterEach(() => cluster.closeAll());

it('turns about as often as it ticks, and every proposal settles', async () => {
  let turns = 0;
  const request = Turns.prototype.request;
  Turns.prototype.request = function (this: Turns): void {
    turns++;
    request.call(this);
  };
  try {
    cluster = await TestCluster.start({
      size: 1,
      machine: () => new Slow(),
      storage: () => ({ mode: 'memory', disk: new MemoryDisk() }),
      logBytes: 128 << 10,
      recordBytesMax: 16 << 10,
      tuning: { requestTimeoutMs: 300, leaderWaitMs: 300, tickMs: 10, batchBytesTarget: 1024 },
    });
    const leader = await cluster.leader();
    const before = turns;
    const asked = Array.from({ length: 2000 }, () => leader.propose(Buffer.alloc(400)));
    const settled = await Promise.allSettled(asked);
    const codes = settled.map((each) => (each.status === 'rejected' ? each.reason.code : 'done'));
    expect(codes).toContain('ERR_INDELIBLE_NOT_EXECUTED');
    for (const code of codes) expect(code).toMatch(/^(done|ERR_INDELIBLE_(NOT_EXECUTED|UNKNOWN))$/);
    // Each request and each of its answers may have asked for one, and there were some ticks.
    expect(turns - before).toBeLessThan(10_000);
  } finally {
    Turns.prototype.request = request;
  }
});
