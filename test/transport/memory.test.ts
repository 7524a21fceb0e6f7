import { describe, expect, it } from 'vitest';
import { MemoryNetwork } from '../../lib/transport/memory.js';
import { acceptOf, transportContract, Witness } from '../contract/transport.js';

transportContract('memory', {
  place() {
    const network = new MemoryNetwork();
    return Promise.resolve({
      transport: (id) => network.transport(id),
      turn() {
        network.deliverAll();
        return Promise.resolve();
      },
      dispose: () => Promise.resolve(),
    });
  },
});

async function pairOf(network: MemoryNetwork) {
  const [one, two] = [network.transport(1), network.transport(2)];
  const [atOne, atTwo] = [new Witness(), new Witness()];
  await one.start(atOne);
  await two.start(atTwo);
  return { one, two, atOne, atTwo };
}

describe('the network inside one process', () => {
  it('moves nothing until told to, and then one message at a time', async () => {
    const network = new MemoryNetwork();
    const { one, atTwo } = await pairOf(network);
    one.send(2, acceptOf(1, Buffer.of(1)));
    one.send(2, acceptOf(2, Buffer.of(2)));
    expect(network.deliver(1, 2)).toBe(false);
    one.flush();
    expect(atTwo.received).toEqual([]);
    expect(network.deliver(1, 2)).toBe(true);
    expect(atTwo.received.length).toBe(1);
    expect(network.deliverAll()).toBe(1);
  });

  it('loses what is under way when a pair is cut, and all that is sent until it is joined', async () => {
    const network = new MemoryNetwork();
    const { one, atOne, atTwo } = await pairOf(network);
    one.send(2, acceptOf(1, Buffer.of(1)));
    one.flush();
    network.cut(1, 2);
    one.send(2, acceptOf(2, Buffer.of(2)));
    one.flush();
    expect([...atOne.up, ...atTwo.up]).toEqual([]);
    network.join(1, 2);
    one.send(2, acceptOf(3, Buffer.of(3)));
    one.flush();
    network.deliverAll();
    expect(atTwo.received.map((each) => each.message)).toEqual([acceptOf(3, new Uint8Array([3]))]);
  });

  it('refuses a second transport of the same id at the same time', async () => {
    const network = new MemoryNetwork();
    await pairOf(network);
    expect(() => network.transport(2).start(new Witness())).toThrow(RangeError);
  });

  it('drops beyond its bound', async () => {
    const network = new MemoryNetwork();
    const { one } = await pairOf(network);
    const message = acceptOf(1, new Uint8Array(1 << 20));
    for (let i = 0; i < 40; i++) one.send(2, message);
    expect(one.counters.dropped).toBe(40 - 31);
  });
});
