/**
 * One log twice, over a mapped region and over the recording medium, which are told to do the same. Each can
 * be opened, ended in two ways and spoiled in between, any number of times.
 */
import fs from 'node:fs';
import { nativeAddon } from '../../../lib/native/binding.js';
import type { Pipeline } from '../../../lib/storage/pmem.js';
import { LogStorage } from '../../../lib/storage/pmem-log.js';
import { openRecording, type Recording, type TraceEntry } from '../../../lib/storage/pmem-recording.js';
import type { Storage } from '../../../lib/storage/storage.js';
import type { MappedMode } from './expected-calls.js';

export interface Twin {
  open(pipeline: Pipeline): Storage;
  /** As an orderly end does it, or kill -9: then every store stays, flushed or not. */
  end(how: 'close' | 'kill'): Promise<void>;
  /** Turns bits of a byte over while nobody has the log open. */
  flip(offset: number, bits: number): void;
  /** What the region holds now. */
  bytes(): Uint8Array;
}

const NATIVE_MODES = { pmem: 0, emulated: 1, msync: 2 } as const;

export class MappedTwin implements Twin {
  readonly #path: string;
  readonly #mode: MappedMode;
  /** Hears of what is spoiled. */
  onFlip: (offset: number, bits: number) => void = () => {};
  #storage: Storage | undefined;
  #abandon: () => void = () => {};

  constructor(path: string, mode: MappedMode, image: Uint8Array) {
    this.#path = path;
    this.#mode = mode;
    fs.writeFileSync(path, image);
  }

  open(pipeline: Pipeline): Storage {
    const native = nativeAddon().openFile(
      this.#path,
      NATIVE_MODES[this.#mode],
      pipeline === 'fused' ? 1 : 0,
      0,
    );
    const mode = this.#mode === 'pmem' ? 'pmem' : 'emulated';
    this.#abandon = () => native.close(0);
    this.#storage = new LogStorage(native, { mode, durability: 'power', path: this.#path });
    return this.#storage;
  }

  async end(how: 'close' | 'kill'): Promise<void> {
    if (how === 'close') await this.#storage!.close();
    else this.#abandon();
  }

  flip(offset: number, bits: number): void {
    const fd = fs.openSync(this.#path, 'r+');
    const byte = Buffer.alloc(1);
    fs.readSync(fd, byte, 0, 1, offset);
    byte[0]! ^= bits;
    fs.writeSync(fd, byte, 0, 1, offset);
    fs.closeSync(fd);
    this.onFlip(offset, bits);
  }

  bytes(): Uint8Array {
    return fs.readFileSync(this.#path);
  }
}

export class RecordedTwin implements Twin {
  readonly #mode: MappedMode;
  #image: Uint8Array;
  #storage: Storage | undefined;
  #recording: Recording | undefined;
  readonly #trace: TraceEntry[] = [];

  constructor(mode: MappedMode, image: Uint8Array) {
    this.#mode = mode;
    this.#image = Uint8Array.from(image);
  }

  open(pipeline: Pipeline): Storage {
    const opened = openRecording({
      image: this.#image,
      pipeline,
      watch: true,
      ...(this.#mode === 'emulated' ? { volatile: 'forgets' as const } : {}),
    });
    this.#storage = opened.storage;
    this.#recording = opened.recording;
    return opened.storage;
  }

  async end(how: 'close' | 'kill'): Promise<void> {
    if (how === 'close') await this.#storage!.close();
    this.#trace.push(...this.#recording!.takeTrace());
    this.#image = this.#recording!.killImage().seen;
    this.#recording!.release();
  }

  flip(offset: number, bits: number): void {
    this.#image[offset]! ^= bits;
  }

  bytes(): Uint8Array {
    return this.#image;
  }

  /** The trace of all lives since the last call. */
  takeTrace(): TraceEntry[] {
    return this.#trace.splice(0);
  }
}
