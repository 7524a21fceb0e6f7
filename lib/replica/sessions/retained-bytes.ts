/**
 * Bytes that are kept until they are let go, in about the order in which they came: blocks that are used
 * again, so that nothing becomes garbage for a request.
 */
const BLOCK_BYTES: number = 256 << 10;
const SPARE_MAX = 4;

/** Where bytes are kept: block.bytes[start, end). */
export interface Retained {
  readonly block: Block;
  readonly start: number;
  readonly end: number;
}

export interface Block {
  readonly bytes: Buffer;
  used: number;
  /** What is kept in it. */
  live: number;
}

export class RetainedBytes {
  private readonly spare: Block[] = [];
  private block: Block | undefined;

  /** Copies bytes[start, end). */
  keep(bytes: Uint8Array, start: number, end: number): Retained {
    const lengthBytes = end - start;
    const block = this.blockFor(lengthBytes);
    const at = block.used;
    block.bytes.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), at);
    block.used += lengthBytes;
    block.live++;
    return { block, start: at, end: block.used };
  }

  /** They are not needed any more. */
  letGo({ block }: Retained): void {
    block.live--;
    if (block.live > 0) return;
    block.used = 0;
    const isSpare = block !== this.block && block.bytes.length === BLOCK_BYTES;
    if (isSpare && this.spare.length < SPARE_MAX) this.spare.push(block);
  }

  private blockFor(lengthBytes: number): Block {
    if (lengthBytes > BLOCK_BYTES) return newBlock(lengthBytes);
    const { block } = this;
    if (block !== undefined && block.used + lengthBytes <= BLOCK_BYTES) return block;
    this.block = this.spare.pop() ?? newBlock(BLOCK_BYTES);
    return this.block;
  }
}

function newBlock(lengthBytes: number): Block {
  return { bytes: Buffer.allocUnsafeSlow(lengthBytes), used: 0, live: 0 };
}
