/** A back-up made of the stores of replicas that are stopped. */
import { MESSAGE_VOTES_BYTES_MAX } from '../limits.js';
import { nodeRuntime } from '../runtime.js';
import { BLOCK_BYTES_MAX } from '../storage/checkpoint-format.js';
import type { FileMedium } from '../storage/file/medium.js';
import type { Vote } from '../types.js';
import { writeVotes } from '../wire/votes-codec.js';
import { Writer } from '../wire/writer.js';
import { type BackupDescription, PartKind } from './backup-format.js';
import { writeBackup } from './backup-writer.js';
import type { BackupResult } from './live-backup.js';
import type { StoreHistory } from './store-history.js';

/** Bytes of the checkpoint's file in one part. */
const CHECKPOINT_PART_BYTES: number = 16 * BLOCK_BYTES_MAX;

/**
 * Writes what `history` holds: durable and verified when this resolves.
 * @throws ERR_INDELIBLE_STORE_EXISTS, _STORE_IO of the file; _STORE_CORRUPT, _CHECKPOINT_INVALID of the
 * stores
 */
export async function backupOfStopped(
  history: StoreHistory,
  file: string,
  medium?: FileMedium,
): Promise<BackupResult> {
  const { meta, throughSlot } = history;
  const description: BackupDescription = {
    clusterId: meta.clusterId,
    replicaId: 0,
    checkpointThrough: meta.throughSlot,
    checkpointChain: meta.chainDigest,
    checkpointBytes: history.file.lengthBytes,
    throughSlot,
    chain: history.chain(),
    takenMs: Math.floor(nodeRuntime.wallMs()),
  };
  const lengthBytes = await writeBackup(file, description, partsOf(history), medium);
  return { ...description, file, lengthBytes };
}

function* partsOf(history: StoreHistory): Generator<readonly [PartKind, Uint8Array]> {
  let votes: Vote[] = [];
  let sizeBytes = 0;
  for (let slot = history.meta.throughSlot + 1; slot <= history.throughSlot; slot++) {
    const vote = history.vote(slot);
    if (votes.length > 0 && sizeBytes + vote.bytes.length > MESSAGE_VOTES_BYTES_MAX) {
      yield [PartKind.log, encoded(votes)];
      votes = [];
      sizeBytes = 0;
    }
    votes.push(vote);
    sizeBytes += 64 + vote.bytes.length;
  }
  if (votes.length > 0) yield [PartKind.log, encoded(votes)];
  for (let at = 0; at < history.file.lengthBytes; ) {
    const bytes = history.file.read(at, CHECKPOINT_PART_BYTES);
    if (bytes === undefined || bytes.length === 0) return;
    yield [PartKind.checkpoint, bytes];
    at += bytes.length;
  }
}

function encoded(votes: readonly Vote[]): Uint8Array {
  const writer = new Writer();
  writeVotes(writer, votes);
  return writer.bytes.subarray(0, writer.length);
}
