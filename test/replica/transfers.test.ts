/** State transfer between two stores on recording media: in which order what is received takes effect. */
import { expect, it } from 'vitest';
import { RecordingMedium } from '../../lib/storage/file/recording-medium.js';
import type { Digest } from '../../lib/types.js';
import { storeAt, type TransferPair, transferPair } from '../simulation/schedules/transfer-pair.js';

async function pair(restore: () => void): Promise<TransferPair> {
  return transferPair(restore, await storeAt(30), await storeAt(10));
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

it('that cannot be made durable here is told of, and another one can be taken', async () => {
  const medium = new RecordingMedium();
  const own = await storeAt(10, medium);
  const { sender, receiver, steps, until } = await transferPair(() => {}, await storeAt(30), own);
  const rename = medium.rename.bind(medium);
  medium.rename = () => Promise.reject(Object.assign(new Error('no entry'), { code: 'ENOSPC' }));
  sender.offer(2);
  await until('failed');
  expect(steps.at(-1)).toMatch(/^failed: .*no entry/);
  expect(own.newest.meta.throughSlot).toBe(10);
  expect(await own.partial()).toBeUndefined();
  expect(receiver.isReceiving).toBe(false);
  medium.rename = rename;
  const file = await own.write({ ...own.newest.meta, checkpointId: 31, throughSlot: 31 }, []);
  expect(own.newest).toBe(file);
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
