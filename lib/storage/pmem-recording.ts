/**
 * The production log over a medium in ordinary memory that knows what a crash could leave of it: for the
 * simulator and the crash-consistency rigs. Nothing here survives the process.
 */
import { nativeAddon } from '../native/binding.js';
import { type NativeRecordingLog, translated } from '../native/log.js';
import type { Pipeline } from './pmem.js';
import { nativeFormat, REGION_FORMAT_KEYS, type RegionFormat, refuseUnknown } from './pmem-format.js';
import { LogStorage } from './pmem-log.js';
import type { Storage } from './storage.js';

export interface FormatImageOptions extends RegionFormat {
  /** Keys the commit words; the same number gives the same bytes. 1 … 2⁵³ − 1. */
  readonly incarnation: number;
}

/** The bytes of a freshly formatted region. */
export function formatImage(options: FormatImageOptions): Uint8Array {
  refuseUnknown('formatImage', options, ['incarnation', ...REGION_FORMAT_KEYS]);
  return nativeAddon().formatImage(nativeFormat(options, options.incarnation));
}

/** What kill -9 leaves to the next process: all of `seen` is visible, only `durable` is durable. */
export interface KilledImage {
  readonly seen: Uint8Array;
  readonly durable: Uint8Array;
}

export interface OpenRecordingOptions {
  /** An image that counts as durable as a whole, or what a killed process left. It is copied. */
  readonly image: Uint8Array | KilledImage;
  readonly pipeline?: Pipeline;
  /** Keeps crash images from the first fence of recovery on; see {@link Recording.sampleAtFences}. */
  readonly sample?: { readonly imagesPerFence: number; readonly seed: number };
}

/** One store, flush or fence of the log, with the site that made it. */
export interface TraceEntry {
  readonly kind: 'write' | 'store' | 'flush' | 'reflush' | 'fence';
  readonly site: string;
  readonly offset: number;
  readonly lengthBytes: number;
}

/** A crash image taken just before a fence took effect: the moment with the most reachable states. */
export interface CrashSample {
  readonly site: string;
  readonly image: Uint8Array;
}

const TRACE_KINDS = ['write', 'store', 'flush', 'reflush', 'fence'] as const;
const TRACE_NUMBERS = 4;

/** What a crash could leave of an open recording store. Usable after `close`, too. */
export class Recording {
  readonly #native: NativeRecordingLog;
  readonly #sites: readonly string[];

  constructor(native: NativeRecordingLog, sites: readonly string[]) {
    this.#native = native;
    this.#sites = sites;
  }

  /** Stores that are not durable yet. With none every crash image is the same. */
  get outstanding(): number {
    return this.#native.outstanding();
  }

  /**
   * What a power cut now leaves: of each outstanding 8-byte chunk the old or a new value; a seed is a
   * choice.
   */
  crashImage(seed: number): Uint8Array {
    return this.#native.crashImage(seed);
  }

  /** What kill -9 now leaves; give it to {@link openRecording}. */
  killImage(): KilledImage {
    return { seen: this.#native.seenImage(), durable: this.#native.durableImage() };
  }

  /** What is durable, with nothing outstanding. */
  durableImage(): Uint8Array {
    return this.#native.durableImage();
  }

  /** The next fence fails as an EIO would; the store is poisoned by it. */
  failNextFence(): void {
    this.#native.failNextFence();
  }

  /** Keeps that many crash images of every fence from now on; 0 stops. Seeds count up from `seed`. */
  sampleAtFences(imagesPerFence: number, seed: number): void {
    this.#native.sampleAtFences(imagesPerFence, seed);
  }

  /** The images kept since the last call, in order. */
  takeSamples(): CrashSample[] {
    const flat = this.#native.takeSamples();
    const samples: CrashSample[] = [];
    for (let at = 0; at < flat.length; at += 2) {
      samples.push({ site: this.#sites[flat[at] as number]!, image: flat[at + 1] as Uint8Array });
    }
    return samples;
  }

  /**
   * Turns the trace on or off; while it is on, every fence also looks for stores that bypassed the medium.
   */
  trace(on: boolean): void {
    this.#native.record(on ? 1 : 0);
  }

  /** The trace since the last call. */
  takeTrace(): TraceEntry[] {
    const flat = this.#native.takeTrace();
    const entries: TraceEntry[] = [];
    for (let at = 0; at < flat.length; at += TRACE_NUMBERS) {
      entries.push({
        kind: TRACE_KINDS[flat[at]!]!,
        site: this.#sites[flat[at + 1]!]!,
        offset: flat[at + 2]!,
        lengthBytes: flat[at + 3]!,
      });
    }
    return entries;
  }

  /** Frees the images at once; the store and this are closed then. */
  release(): void {
    this.#native.release();
  }

  /** True once a fence found bytes that no traced store had written. */
  get untracedStore(): boolean {
    return this.#native.untracedStore() === 1;
  }
}

/** Recovers the log from an image. @throws as {@link openPmem} does, the file's errors aside. */
export function openRecording(options: OpenRecordingOptions): { storage: Storage; recording: Recording } {
  refuseUnknown('openRecording', options, ['image', 'pipeline', 'sample']);
  const addon = nativeAddon();
  const { image, pipeline = 'two-fence', sample = { imagesPerFence: 0, seed: 0 } } = options;
  const { seen, durable } = image instanceof Uint8Array ? { seen: image, durable: image } : image;
  try {
    const fused = pipeline === 'fused' ? 1 : 0;
    const native = addon.openRecording(seen, durable, fused, sample.imagesPerFence, sample.seed);
    const storage = new LogStorage(native, { mode: 'emulated', durability: 'power', path: undefined });
    siteNames ??= addon.siteNames();
    return { storage, recording: new Recording(native, siteNames) };
  } catch (error) {
    throw translated(error);
  }
}

let siteNames: readonly string[] | undefined;
