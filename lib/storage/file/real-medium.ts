/**
 * The file medium of a running replica: Linux files.
 *
 * 1. A durable write is one system call: a write through a descriptor opened O_DIRECT | O_DSYNC, from
 *    page-aligned memory. The addon's flusher thread makes it where there is an addon, and a thread of
 *    libuv's pool where there is none. A write and an fdatasync would be two trips, and took 1.7 times
 *    as long.
 * 2. Where the file system has no O_DIRECT (it says EINVAL) the same write is O_DSYNC only.
 * 3. No call is ever made again after an error: what the kernel dropped once it may later call clean.
 */

import { constants, readSync, write } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { requires } from '../../contract.js';
import { type Claim, claimOf } from '../underlying/claim.js';
import { groundOf } from '../underlying/examine.js';
import { type DiskSpace, diskSpaceOf } from './disk-space.js';
import { FlusherQueue } from './flusher-queue.js';
import { lockDirectory } from './lock.js';
import { type Done, type FileMedium, type MediumFile, PAGE_BYTES, type Site, systemCode } from './medium.js';
import type { WriteQueue } from './write-queue.js';

/** Bytes of the aligned memory that device reads go through. */
const BOUNCE_BYTES = 1 << 20;

/** The part of the global that is used here; the compiler's ES libraries leave it to those of browsers. */
declare const WebAssembly: {
  readonly Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
};

/** WebAssembly memory is the page-aligned memory Node gives; a Buffer is not aligned. */
function alignedBytes(lengthBytes: number): Uint8Array {
  const pages = Math.ceil(lengthBytes / 65536);
  return new Uint8Array(new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer);
}

/** Each WebAssembly memory reserves gigabytes of addresses, so pieces are cut from few of them. */
const PIECES_BYTES: number = 16 << 20;

class AlignedPieces {
  #rest: Uint8Array = new Uint8Array(0);

  cut(lengthBytes: number): Uint8Array {
    const padded = Math.ceil(lengthBytes / PAGE_BYTES) * PAGE_BYTES;
    if (this.#rest.length < padded) this.#rest = alignedBytes(Math.max(padded, PIECES_BYTES));
    const piece = this.#rest.subarray(0, lengthBytes);
    this.#rest = this.#rest.subarray(padded);
    return piece;
  }
}

async function openDirect(path: string, flags: number): Promise<FileHandle> {
  try {
    return await open(path, flags | constants.O_DIRECT);
  } catch (error) {
    if (systemCode(error) !== 'EINVAL') throw error;
    return open(path, flags);
  }
}

/** Reads past the page cache through one piece of aligned memory, one read at a time. */
class DeviceReader {
  #bounce: Uint8Array | undefined;
  #last: Promise<unknown> = Promise.resolve();

  read(handle: FileHandle, into: Uint8Array, position: number): Promise<number> {
    const next = this.#last.then(() => this.#read(handle, into, position));
    this.#last = next.catch(() => {});
    return next;
  }

  async #read(handle: FileHandle, into: Uint8Array, position: number): Promise<number> {
    this.#bounce ??= alignedBytes(BOUNCE_BYTES);
    const bounce = this.#bounce;
    let done = 0;
    while (done < into.length) {
      const from = Math.floor((position + done) / PAGE_BYTES) * PAGE_BYTES;
      const skip = position + done - from;
      const wanted = Math.min(
        bounce.length,
        Math.ceil((skip + into.length - done) / PAGE_BYTES) * PAGE_BYTES,
      );
      const { bytesRead } = await handle.read(bounce, 0, wanted, from);
      const got = Math.min(bytesRead - skip, into.length - done);
      if (got <= 0) break;
      into.set(bounce.subarray(skip, skip + got), done);
      done += got;
    }
    return done;
  }
}

class RealFile implements MediumFile {
  readonly path: string;
  /** Through the page cache: prefill, checkpoints, reads of votes. */
  readonly #cached: FileHandle;
  /** Past the page cache; its writes are durable when they return. */
  readonly #direct: FileHandle;
  readonly #reader: DeviceReader;

  constructor(path: string, cached: FileHandle, direct: FileHandle, reader: DeviceReader) {
    this.path = path;
    this.#cached = cached;
    this.#direct = direct;
    this.#reader = reader;
  }

  async length(): Promise<number> {
    return (await this.#cached.stat()).size;
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#reader.read(this.#direct, into, position);
  }

  readSync(into: Uint8Array, position: number): number {
    return readSync(this.#cached.fd, into, 0, into.length, position);
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await this.#cached.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
    }
  }

  async sync(): Promise<void> {
    await this.#cached.datasync();
  }

  /** The descriptor whose writes are durable when they return. */
  get durableDescriptor(): number {
    return this.#direct.fd;
  }

  writeDurable(bytes: Uint8Array, position: number, _site: Site, done: Done): void {
    write(this.#direct.fd, bytes, 0, bytes.length, position, (error, written) => {
      if (error) done(error);
      else if (written === bytes.length) done(undefined);
      else done(new Error(`${this.path}: ${written} of ${bytes.length} bytes were written`));
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#cached.close(), this.#direct.close()]);
  }
}

function durableDescriptorOf(file: MediumFile): number {
  requires(file instanceof RealFile, 23, 'a queue of this medium writes files of this medium');
  return file.durableDescriptor;
}

/** Which thread makes durable writes. */
export type WriteThread = 'flusher' | 'pool';

export class RealMedium implements FileMedium {
  readonly #reader = new DeviceReader();
  readonly #pieces = new AlignedPieces();
  readonly #thread: WriteThread;

  /** @param thread 'pool' does without the addon even where there is one */
  constructor(thread: WriteThread = 'flusher') {
    this.#thread = thread;
  }

  writeQueue(): WriteQueue | undefined {
    return this.#thread === 'flusher' ? FlusherQueue.open(durableDescriptorOf) : undefined;
  }

  async list(directory: string): Promise<readonly string[]> {
    return readdir(directory);
  }

  async makeDirectory(directory: string): Promise<boolean> {
    try {
      await mkdir(directory, 0o700);
      return true;
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false;
      throw error;
    }
  }

  async open(path: string, access: 'read' | 'write' | 'create'): Promise<MediumFile> {
    const { O_RDONLY, O_RDWR, O_CREAT, O_TRUNC, O_DSYNC } = constants;
    const base = access === 'read' ? O_RDONLY : O_RDWR;
    const cached = await open(path, base | (access === 'create' ? O_CREAT | O_TRUNC : 0), 0o600);
    try {
      const direct = await openDirect(path, access === 'read' ? base : base | O_DSYNC);
      return new RealFile(path, cached, direct, this.#reader);
    } catch (error) {
      await cached.close();
      throw error;
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await rename(from, to);
  }

  async remove(path: string): Promise<void> {
    await rm(path, { force: true });
  }

  async syncDirectory(directory: string): Promise<void> {
    const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  allocate(lengthBytes: number): Uint8Array {
    return this.#pieces.cut(lengthBytes);
  }

  space(directory: string): Promise<DiskSpace> {
    return diskSpaceOf(directory);
  }

  claim(directory: string): Claim {
    return claimOf('file', groundOf(directory));
  }

  lock(directory: string): Promise<() => Promise<void>> {
    return lockDirectory(directory, { addon: this.#thread === 'flusher' });
  }
}
