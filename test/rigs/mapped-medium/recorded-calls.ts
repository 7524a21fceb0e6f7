/** What the recording libpmem (native/rigs/recording_libpmem.cc) noted, read back. */
import fs from 'node:fs';

const KINDS = ['copy', 'flush', 'drain', 'msync', 'touch', 'fsync', 'rename', 'pwrite'] as const;
const ENTRY_BYTES = 24;
const LINE_BYTES = 64;

export interface RecordedCall {
  readonly kind: (typeof KINDS)[number];
  /** Of calls on files: bytes that are written. */
  readonly offset: number;
  readonly lengthBytes: number;
  /** Where the bytes belong: an offset in the region. */
  readonly at: number;
  readonly bytes: Uint8Array;
  /** Of calls on files: the end of their name. */
  readonly name: string;
}

function lines(offset: number, lengthBytes: number): [at: number, length: number] {
  const at = Math.floor(offset / LINE_BYTES) * LINE_BYTES;
  return [at, Math.ceil((offset + lengthBytes) / LINE_BYTES) * LINE_BYTES - at];
}

/** The calls of one process since the last time they were taken. */
export class RecordedCalls {
  readonly #file: string;
  #read = 0;

  constructor(file: string) {
    this.#file = file;
  }

  take(): RecordedCall[] {
    const all = fs.readFileSync(this.#file);
    const calls: RecordedCall[] = [];
    let at = this.#read;
    while (at < all.length) {
      const kind = KINDS[Number(all.readBigUInt64LE(at)) - 1]!;
      const offset = Number(all.readBigUInt64LE(at + 8));
      const lengthBytes = Number(all.readBigUInt64LE(at + 16));
      at += ENTRY_BYTES;
      const [from, length] = kind === 'flush' ? lines(offset, lengthBytes) : [offset, lengthBytes];
      const held = kind === 'drain' || kind === 'touch' ? 0 : length;
      const bytes = all.subarray(at, at + held);
      const isNamed = kind === 'fsync' || kind === 'rename' || kind === 'pwrite';
      const name = isNamed ? bytes.toString().replaceAll('\0', '') : '';
      at += Math.ceil(held / 8) * 8;
      calls.push({ kind, offset, lengthBytes, at: from, bytes, name });
    }
    this.#read = at;
    return calls;
  }
}
