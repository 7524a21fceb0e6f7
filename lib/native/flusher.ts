/**
 * The addon's thread for durable writes, typed: a write costs one wake-up of that thread and one of the event
 * loop, where a trip to libuv's thread pool costs more, and the next write begins without waiting for
 * JavaScript.
 *
 * 1. Writes begin strictly in the order given, each only when the one before is durable (native/flusher.h).
 * 2. After the first that fails, all that follow fail unexecuted.
 * 3. The memory of a write is kept alive, and must not change, until its `done`.
 * 4. The thread ends with `close`, or with the environment; the event loop does not wait for it.
 */
import { getSystemErrorName } from 'node:util';
import { ErrorCode, IndelibleError } from '../errors.js';
import { nativeAddon } from './binding.js';

/** Called once per write, in their order: durable, or failed. */
type FlushDone = (error: Error | undefined) => void;

interface NativeFlusher {
  submit(fd: number, bytes: Uint8Array, offset: number): void;
  /** Fails what has not begun, and all later writes, with ECANCELED. */
  cancel(): void;
  /** Waits for the write under way. */
  close(): void;
}

interface FlusherAddon {
  /** @param onProgress jobs finished; the first failed one, or 0, with its errno and a sentence */
  openFlusher?(
    onProgress: (finishedThrough: number, failedFrom: number, errnum: number, what: string) => void,
  ): NativeFlusher;
}

function systemError(errnum: number, what: string): Error {
  const code = getSystemErrorName(-errnum);
  return Object.assign(new Error(`${code}: ${what}, pwrite`), { errno: -errnum, code, syscall: 'pwrite' });
}

export class Flusher {
  readonly #native: NativeFlusher;
  readonly #waiting: FlushDone[] = [];
  #told = 0;
  #finishedThrough = 0;
  #failedFrom: number = Number.POSITIVE_INFINITY;
  #failure: Error | undefined;

  private constructor(addon: Required<FlusherAddon>) {
    this.#native = addon.openFlusher((finishedThrough, failedFrom, errnum, what) => {
      if (failedFrom > 0 && failedFrom < this.#failedFrom) {
        this.#failedFrom = failedFrom;
        this.#failure = systemError(errnum, what);
      }
      this.#finishedThrough = finishedThrough;
      this.#tell();
    });
  }

  /** Undefined where the addon is not built, cannot be loaded or has no flusher. */
  static open(): Flusher | undefined {
    try {
      const addon = nativeAddon() as FlusherAddon;
      return addon.openFlusher === undefined ? undefined : new Flusher(addon as Required<FlusherAddon>);
    } catch (error) {
      if (error instanceof IndelibleError && error.code === ErrorCode.nativeMissing) return undefined;
      throw error;
    }
  }

  /**
   * Queues a write through `fd`, which was opened O_DSYNC.
   * @throws ERR_INDELIBLE_STORE_CLOSED
   */
  write(fd: number, bytes: Uint8Array, offset: number, done: FlushDone): void {
    this.#native.submit(fd, bytes, offset);
    this.#waiting.push(done);
  }

  cancel(): void {
    this.#native.cancel();
  }

  /** Ends the thread. Only when every write is done: the `done` of others is never called. */
  close(): void {
    this.#native.close();
  }

  /** One at a time, so that one that throws does not keep the others from hearing. */
  #tell(): void {
    if (this.#told === this.#finishedThrough) return;
    const failed = ++this.#told >= this.#failedFrom;
    try {
      this.#waiting.shift()!(failed ? this.#failure : undefined);
    } finally {
      this.#tell();
    }
  }
}
