/** Two stores on recording media, and state transfer between them. */
import type { Message } from '../../../lib/paxos/messages.js';
import { type TransferSurroundings, Transfers } from '../../../lib/replica/transfers.js';
import { type CheckpointStore, formatCheckpoints, openCheckpoints } from '../../../lib/storage/checkpoint.js';
import { RecordingMedium } from '../../../lib/storage/file/recording-medium.js';
import type { Configuration } from '../../../lib/types.js';

const CLUSTER = 'c'.repeat(32);
const CONFIGURATION = { number: 1, members: [{ id: 1, storeUuid: 'a'.repeat(32) }] };
const DIRECTORY = '/d/checkpoints';
const STATE_BYTES = 600_000;

/** A store whose newest checkpoint ends at `slot`. */
export async function storeAt(
  slot: number,
  medium: RecordingMedium = new RecordingMedium(),
  configuration: Configuration = CONFIGURATION,
): Promise<CheckpointStore> {
  await formatCheckpoints(DIRECTORY, CLUSTER, configuration, medium);
  const store = await openCheckpoints(DIRECTORY, CLUSTER, medium);
  const meta = { clusterId: CLUSTER, checkpointId: slot, throughSlot: slot, configuration };
  await store.write({ ...meta, chainDigest: slot, timeMs: 0 }, [new Uint8Array(STATE_BYTES).fill(slot)]);
  return store;
}

export interface TransferPair {
  readonly sender: Transfers;
  readonly receiver: Transfers;
  readonly source: CheckpointStore;
  readonly own: CheckpointStore;
  /** What happened, in order. */
  readonly steps: string[];
  /** What the sender has posted, chunks only, and whether its link takes more. */
  readonly link: { hasRoom: boolean; chunks: number };
  /** Resolves when a step that begins so has happened. */
  until(word: string): Promise<void>;
}

/** A receiver at slot 10 and a sender at slot 30; `restore` is what the receiver's state machine does. */
export async function transferPair(
  restore: () => void,
  source: CheckpointStore,
  own: CheckpointStore,
): Promise<TransferPair> {
  const steps: string[] = [];
  const link = { hasRoom: true, chunks: 0 };
  let state = own.newest.meta.throughSlot;
  const around = (other: () => Transfers, id: number, at: () => number): TransferSurroundings => ({
    peers: [3 - id],
    get appliedThrough() {
      return at();
    },
    trimThrough: 0,
    hasRoom: () => id !== 1 || link.hasRoom,
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
    if (message.type === 'checkpointChunk') link.chunks++;
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
  return { sender, receiver, source, own, steps, link, until };
}
