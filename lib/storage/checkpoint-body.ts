/** Writing the bytes of a checkpoint: header, blocks, footer. */
import { ErrorCode, IndelibleError } from '../errors.js';
import {
  BLOCK_BYTES_MAX,
  BLOCK_FRAME_BYTES,
  type CheckpointMeta,
  encodeFooter,
  encodeHeader,
  PartChain,
  sealBlock,
} from './checkpoint-format.js';
import type { MediumFile } from './file/medium.js';
import { getU64, viewOf } from './file/words.js';

/** Synced so often that one sees whether the disk takes bytes, and that little waits for the last sync. */
const SYNC_BYTES: number = 16 << 20;

/** One attempt to write a checkpoint, seen from outside. */
export class WriteAttempt {
  /** Rises as long as the attempt comes on. */
  steps = 0;
  #stopped = false;

  /** The attempt ends, with an error, before its next block. */
  stop(): void {
    this.#stopped = true;
  }

  /** @throws ERR_INDELIBLE_STOPPED */
  step(): void {
    this.steps++;
    if (this.#stopped)
      throw new IndelibleError(ErrorCode.stopped, 'the checkpoint was given up: the replica stops');
  }
}

/** Writes it all and makes it durable; each block's write lets the event loop turn. */
export async function writeBody(
  file: MediumFile,
  meta: CheckpointMeta,
  chunks: Iterable<Uint8Array>,
  attempt: WriteAttempt,
): Promise<void> {
  const header = encodeHeader(meta);
  await file.write(header, 0, 'checkpoint');
  const chain = new PartChain();
  chain.add(getU64(viewOf(header), header.length - 8));
  const block = new Uint8Array(BLOCK_BYTES_MAX + BLOCK_FRAME_BYTES);
  let at = header.length;
  let syncAt = SYNC_BYTES;
  let blocks = 0;
  let stateBytes = 0;
  let filled = 0;
  const flush = async (): Promise<void> => {
    const sealed = sealBlock(block, blocks, filled);
    chain.add(getU64(viewOf(sealed), sealed.length - 8));
    await file.write(sealed, at, 'checkpoint');
    at += sealed.length;
    blocks++;
    stateBytes += filled;
    filled = 0;
    if (at >= syncAt) {
      await file.sync('checkpoint');
      syncAt = at + SYNC_BYTES;
    }
    attempt.step();
  };
  for (const chunk of chunks) {
    for (let taken = 0; taken < chunk.length; ) {
      const part = chunk.subarray(taken, taken + BLOCK_BYTES_MAX - filled);
      block.set(part, 8 + filled);
      filled += part.length;
      taken += part.length;
      if (filled === BLOCK_BYTES_MAX) await flush();
    }
  }
  if (filled > 0) await flush();
  await file.write(encodeFooter(blocks, stateBytes, chain.value), at, 'checkpoint');
  attempt.step();
  await file.sync('checkpoint');
  attempt.step();
}
