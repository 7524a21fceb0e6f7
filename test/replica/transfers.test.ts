/** State transfer between two stores on recording media: in which order what is received takes effect. */
import { expect, it } from 'vitest';
import type { Message } from '../../lib/paxos/messages.js';
import { type TransferSurroundings, Transfers } from '../../lib/replica/transfers.js';
import { type CheckpointStore, formatCheckpoints, openCheckpoints } from '../../lib/storage/checkpoint.js';
import { RecordingMedium } from '../../lib/storage/file/recording-medium.js';
import type { Digest } from '../../lib/types.js';

const CLUSTER = 'c'.repeat(32);
const CONFIGURATION = { number: 1, members: [{ id: 1, storeUuid: 'a'.repeat(32) }] };
const DIRECTORY = '/d/checkpoints';

async function storeAt(slot: number, medium = new RecordingMedium()): Promise<CheckpointStore> {
  await formatCheckpoints(DIRECTORY, CLUSTER, CONFIGURATION, medium);
  const store = await openCheckpoints(DIRECTORY, CLUSTER, medium);
  const meta = { clusterId: CLUSTER, checkpointId: slot, throughSlot: slot, configuration: CONFIGURATION };
  await store.write({ ...meta, chainDigest: slot, timeMs: 0 }, [new Uint8Array(600_000).fill(slot)]);
  return store;
}

/** A receiver at slot 10 and a sender at slot 30; `restore` is what the receiver's state machine does. */
async function pair(restore: () => void) {
  const steps: string[] = [];
  const [source, own] = [await storeAt(30), await storeAt(10)];
  let state = 10;
  const around = (other: () => Transfers, id: number, at: () => number): TransferSurroundings => ({
    peers: [3 - id],
    get appliedThrough() {
      return at();
    },
    trimThrough: 0,
    post: (_to, message) => deliver(other(), id, message),
    restore: (file) => {
      steps.push(`restore, durable ${own.newest.meta.throughSlot}`);
      restore();
      state = file.meta.throughSlot;
    },
    adopted: () => steps.push(`adopted, durable ${own.newest.meta.throughSlot}`),
    failed: (error) => steps.push(`failed: ${error.message}`),
    tell: ({ what }) => steps.push(what),
    fail: (error) => steps.push(`stopped: ${error.message}`),
  });
  const deliver = (to: Transfers, from: number, message: Message): void => {
    setImmediate(() => {
      if (message.type === 'checkpointFetch') to.serve(from, message);
      if (message.type === 'checkpointChunk') to.chunk(from, message);
      if (message.type === 'checkpointOffer') to.take(from, message);
    });
  };
  const sender: Transfers = new Transfers(
    source,
    around(
      () => receiver,
      1,
      () => 30,
    ),
  );
  const receiver: Transfers = new Transfers(
    own,
    around(
      () => sender,
      2,
      () => state,
    ),
  );
  const until = async (word: string): Promise<void> => {
    while (!steps.some((step) => step.startsWith(word))) await new Promise((next) => setImmediate(next));
  };
  return { sender, receiver, source, own, steps, until };
}

it('becomes the state first, and what this replica starts from then', async () => {
  const { sender, steps, own, until } = await pair(() => {});
  sender.offer(2);
  await until('adopted');
  expect(steps).toEqual(['begun', 'sending', 'restore, durable 10', 'adopted, durable 30']);
  expect(own.newest.meta.throughSlot).toBe(30);
});

it('never takes the place of a good one when the state machine cannot restore it', async () => {
  const { sender, steps, own, until } = await pair(() => {
    throw new Error('not mine');
  });
  sender.offer(2);
  await until('stopped');
  expect(steps.at(-1)).toBe('stopped: not mine');
  expect(own.newest.meta.throughSlot).toBe(10);
  expect(await own.partial()).toBeUndefined();
});

it('goes on in the next life where it stopped', async () => {
  const { receiver, source, own, steps, until, sender } = await pair(() => {});
  const { meta, digest, lengthBytes } = source.newest;
  const name = { checkpointId: meta.checkpointId, throughSlot: meta.throughSlot, digest: digest as Digest };
  const begun = await own.receive(name, lengthBytes);
  await begun.append(0, source.newest.read(0, 300_000)!);
  await begun.leave();
  receiver.take(1, { type: 'checkpointOffer', ...name, lengthBytes });
  await until('adopted');
  expect(steps[0]).toBe('resumed');
  expect(receiver.status).toMatchObject({ installed: 1, resumed: 1, sourcesChanged: 0 });
  expect(sender.status.sendingTo).toEqual([2]);
});
