/** State transfer, as far as it is decided without files: what is kept for a receiver, and whom it asks. */
import type { CheckpointChunk, CheckpointFetch } from '../../../lib/paxos/messages.js';
import { INCOMING_PACE, Incoming } from '../../../lib/replica/incoming.js';
import { Pins } from '../../../lib/replica/pins.js';
import type { Digest } from '../../../lib/types.js';
import { mustBe, type Schedule } from './schedule.js';

const FILE = { checkpointId: 3, throughSlot: 100, digest: 7 as Digest, lengthBytes: 1000 };
const PACE = { ...INCOMING_PACE, chunkBytes: 100, windowChunksMax: 4, lostTicks: 20, askAgainTicks: 5 };

function chunk(offset: number): CheckpointChunk {
  return { type: 'checkpointChunk', ...FILE, offset, bytes: new Uint8Array(100) };
}

function receiver(): {
  incoming: Incoming;
  asked: { to: number; message: CheckpointFetch }[];
  stored: number[];
} {
  const asked: { to: number; message: CheckpointFetch }[] = [];
  const stored: number[] = [];
  const port = {
    peers: [2, 3],
    ask: (to: number, message: CheckpointFetch) => asked.push({ to, message }),
    store: (offset: number) => stored.push(offset),
  };
  return { incoming: new Incoming(FILE, 2, 0, port, PACE), asked, stored };
}

export const transfers: readonly Schedule[] = [
  {
    name: 'the log behind a checkpoint that is being sent is kept until its receiver has come near',
    run() {
      const pins = new Pins<string>();
      let isHeld = false;
      pins.sends(2, 'file', 100, 10, () => {
        isHeld = true;
        return () => {
          isHeld = false;
        };
      });
      pins.tick(200, () => 0);
      mustBe([pins.keepsAbove, isHeld], [100, true], 'it is being sent');
      pins.tick(200, () => 150);
      mustBe([pins.keepsAbove, isHeld], [150, true], 'it learns what came behind');
      pins.tick(200, () => 200);
      mustBe([pins.receivers, isHeld], [[], false], 'it has caught up');
    },
  },
  {
    name: 'a receiver that does not come on holds nothing for ever',
    run() {
      const pins = new Pins<string>();
      pins.sends(2, 'file', 100, 10, () => () => {});
      for (let tick = 0; tick < 10_000; tick++) {
        pins.sends(2, 'file', 100, 10, () => () => {});
        if (pins.receivers.length === 0) return;
        pins.tick(200, () => 0);
        if (pins.receivers.length === 0) return;
      }
      mustBe(pins.receivers, [], 'it asks for the same bytes again and again');
    },
  },
  {
    name: 'another source goes on with the same file only',
    run() {
      const { incoming, asked, stored } = receiver();
      incoming.pump();
      incoming.chunk(2, chunk(0));
      incoming.wrote(100);
      incoming.peerDown(2);
      incoming.chunk(3, { ...chunk(100), digest: 8 as Digest });
      mustBe([incoming.source, stored], [2, [0]], 'another file is not gone on with');
      mustBe(
        asked.some(({ to, message }) => to === 3 && message.offset === 100),
        true,
        'all are asked',
      );
      incoming.chunk(3, chunk(100));
      mustBe([incoming.source, stored, incoming.sourcesChanged], [3, [0, 100], 1], 'the same file is');
    },
  },
  {
    name: 'a newer checkpoint that is offered does not end one that comes',
    run() {
      const { incoming } = receiver();
      incoming.pump();
      const offer = {
        type: 'checkpointOffer',
        ...FILE,
        checkpointId: 4,
        throughSlot: 200,
        digest: 9 as Digest,
      } as const;
      for (let at = 0; at < 1000; at += 100) {
        incoming.offer(2, offer);
        mustBe(incoming.tick(), 'goes on', 'the first one still comes');
        incoming.chunk(2, chunk(at));
        incoming.wrote(at + 100);
      }
      mustBe(incoming.isComplete, true, 'it is here whole');
    },
  },
  {
    name: 'what nobody asked for is not held in memory',
    run() {
      const { incoming, stored } = receiver();
      incoming.pump();
      for (let at = 0; at < 1000; at += 100) incoming.chunk(2, chunk(at));
      mustBe(stored.length, 4, 'what is not written yet fills the window, and no more is taken');
    },
  },
];
