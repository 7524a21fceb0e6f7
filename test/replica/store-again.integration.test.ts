import { afterEach, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { TestCluster } from './cluster.js';

let cluster: TestCluster | undefined;
afterEach(async () => {
  await cluster?.closeAll();
  cluster = undefined;
});

it('a store formatted again from the same plan is refused: nothing answered is lost', async () => {
  cluster = await TestCluster.start({
    storage: () => ({ mode: 'memory', disk: new MemoryDisk() }),
    machine: () => new Counter(),
  });
  await cluster.leader();
  await cluster.close(3);
  const leader = await cluster.leader();
  await leader.propose(Buffer.from('add 5'));
  await cluster.close(2);
  await cluster.formatAgain(2);
  await cluster.close(1);
  const third = await cluster.open(3);
  await cluster.open(2);
  await cluster.until(() => third.status().refusals.length > 0);
  expect(third.status().refusals).toEqual([{ id: 2, reason: expect.stringMatching(/formatted again/) }]);
  expect(third.status().role).not.toBe('leader');
  // With the first one, who has what was answered, a quorum is there again.
  const first = await cluster.open(1);
  await cluster.until(() => [first, third].some((replica) => replica.status().role === 'leader'));
  const led = [first, third].find((replica) => replica.status().role === 'leader')!;
  expect(Buffer.from(await led.read(Buffer.from('get'))).toString()).toBe('5');
});
