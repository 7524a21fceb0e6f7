/** State transfer with its files: what is trusted of what has arrived, and what is done with it, in order. */
import { RecordingMedium } from '../../../lib/storage/file/recording-medium.js';
import type { Digest } from '../../../lib/types.js';
import { mustBe, type Schedule } from './schedule.js';
import { storeAt, transferPair } from './transfer-pair.js';

/** Turns of the event loop in which everything that can happen has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await new Promise((next) => setImmediate(next));
}

export const transferredFiles: readonly Schedule[] = [
  {
    name: 'what arrived in an earlier life counts as far as it verifies',
    async run() {
      const medium = new RecordingMedium();
      const { sender, receiver, source, own, steps, until } = await transferPair(
        () => {},
        await storeAt(30),
        await storeAt(10, medium),
      );
      const { meta, digest, lengthBytes } = source.newest;
      const name = { ...meta, digest: digest as Digest };
      const begun = await own.receive(name, lengthBytes);
      await begun.append(0, source.newest.read(0, 300_000)!);
      await begun.leave();
      // As a crash may leave it: its length is there, and of its bytes not all.
      const file = await medium.open(`${own.directory}/receiving`, 'write');
      await file.write(new Uint8Array(100_000), 200_000, 'checkpoint');
      await file.close();
      receiver.take(1, { type: 'checkpointOffer', ...name, lengthBytes });
      await until('resumed');
      mustBe(
        (receiver.status.receiving?.receivedBytes ?? 0) <= 200_000,
        true,
        'what does not verify is asked for',
      );
      await until('adopted');
      mustBe([steps[0], receiver.status.installed], ['resumed', 1], 'it is taken at once');
      mustBe(
        steps.filter((step) => step.startsWith('failed')),
        [],
        'nothing of it was in vain',
      );
      mustBe(sender.status.sendingTo, [2], 'and the log behind it is kept');
    },
  },
  {
    name: 'a state is restored before it becomes what a replica starts from',
    async run() {
      const { sender, own, steps, until } = await transferPair(
        () => {
          throw new Error('not mine');
        },
        await storeAt(30),
        await storeAt(10),
      );
      sender.offer(2);
      await until('stopped');
      mustBe(own.newest.meta.throughSlot, 10, 'the one before is in force');
      mustBe(steps.at(-1), 'stopped: not mine', 'and the replica has stopped');
    },
  },
  {
    name: 'a state of another configuration is not taken',
    async run() {
      const members = [{ id: 1, storeUuid: 'b'.repeat(32) }];
      const { sender, own, steps } = await transferPair(
        () => {},
        await storeAt(30, new RecordingMedium(), { number: 1, members }),
        await storeAt(10),
      );
      sender.offer(2);
      await settled();
      mustBe(own.newest.meta.throughSlot, 10, 'the own one is in force');
      mustBe(
        steps.some((step) => step.startsWith('restore')),
        false,
        'and the state is the own one',
      );
    },
  },
  {
    name: 'a source sends a state as its link takes it',
    async run() {
      const { sender, receiver, source, link, until } = await transferPair(
        () => {},
        await storeAt(30),
        await storeAt(10),
      );
      link.hasRoom = false;
      sender.offer(2);
      await until('begun');
      await settled();
      mustBe([link.chunks, receiver.status.receiving?.receivedBytes], [0, 0], 'nothing leaves');
      link.hasRoom = true;
      sender.roomAgain(2);
      await until('adopted');
      mustBe(receiver.status.installed, 1, `all ${source.newest.lengthBytes} bytes of it do`);
    },
  },
];
