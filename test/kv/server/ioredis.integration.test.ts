import { afterEach, describe, expect, it } from 'vitest';
import { closeAll, redis, start } from '../setup.js';

afterEach(closeAll);

describe('ioredis', () => {
  it('does its ordinary work', async () => {
    const client = redis(await start());
    expect(await client.set('a', 'ä€😀')).toBe('OK');
    expect(await client.get('a')).toBe('ä€😀');
    const binary = Buffer.from([0, 13, 10, 255]);
    await client.set(binary, binary);
    expect(await client.getBuffer(binary)).toEqual(binary);
    expect(await client.mget('a', 'none')).toEqual(['ä€😀', null]);
    const results = await client.pipeline().incr('n').get('n').incr('a').exec();
    expect(results?.[0]).toEqual([null, 1]);
    expect(results?.[1]).toEqual([null, '1']);
    expect(results?.[2]?.[0]).toMatchObject({ message: 'ERR value is not an integer or out of range' });
    expect(await client.multi().set('t', '1').incr('t').exec()).toEqual([
      [null, 'OK'],
      [null, 2],
    ]);
    expect(await client.info('replication')).toContain('indelible_role:follower');
    expect(await client.call('WAIT', '1', '10')).toBe(1);
  });

  it('pipelines a hundred thousand commands', async () => {
    const setup = await start();
    const client = redis(setup);
    const count = 100_000;
    const pipeline = client.pipeline();
    for (let i = 0; i < count; i++) pipeline.set(`key${i}`, `${i}`);
    await pipeline.exec();
    expect(await client.dbsize()).toBe(count);
    const keys: string[] = [];
    for await (const some of client.scanStream({ count: 5000 })) keys.push(...(some as string[]));
    expect(new Set(keys).size).toBe(count);
  });

  it('retries a transaction that lost its race', async () => {
    const setup = await start();
    const workers = Array.from({ length: 4 }, () => redis(setup));
    await Promise.all(
      workers.map(async (client) => {
        for (let done = 0; done < 10; ) {
          await client.watch('n');
          const value = Number((await client.get('n')) ?? 0);
          const result = await client
            .multi()
            .set('n', value + 1)
            .exec();
          if (result !== null) done++;
        }
      }),
    );
    expect(await workers[0]!.get('n')).toBe('40');
  });
});
