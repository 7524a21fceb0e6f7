/**
 * The production log over a medium in ordinary memory that knows what a crash could leave of it: for the
 * simulator and the crash-consistency rigs. Nothing here survives the process.
 */
import { nativeAddon } from '../native/binding.js';
import {
  type NativeCrashPoint,
  type NativeExploreOptions,
  type NativeExplorer,
  type NativeRecordingLog,
  translated,
} from '../native/log.js';
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
  /** Traces from the first store of recovery on, and watches every store for PoWER's rule. */
  readonly watch?: boolean;
  /**
   * A medium that forgets at power loss, as mode `emulated` has it, where a fence makes nothing durable; or
   * one that comes back by another boot, and may have forgotten. Neither: what is fenced survives.
   */
  readonly volatile?: 'forgets' | 'came back';
}

/** One store, flush or fence of the log, with the site that made it. A settle comes behind its fence. */
export interface TraceEntry {
  readonly kind: 'write' | 'store' | 'flush' | 'reflush' | 'fence' | 'settle';
  readonly site: string;
  readonly offset: number;
  readonly lengthBytes: number;
}

/** The images a crash could leave at one moment, judged; see native/crash_explorer.h. */
export interface CrashPoint extends Omit<NativeCrashPoint, 'site'> {
  /** Of the fence about to take effect, or 'between operations'. */
  readonly site: string;
}

export const BETWEEN_OPERATIONS = 'between operations';

/** Explores moments of any number of recordings, and counts images that recovery reads differently. */
export class CrashExplorer {
  readonly native: NativeExplorer = nativeAddon().createExplorer();

  /** Distinct images by site, and between operations. */
  distinct(): Record<string, number> {
    const counts = nativeAddon().distinctImages(this.native);
    return Object.fromEntries([...counts].map((count, site) => [siteName(site), count]));
  }

  /** Formats over `image` in place, as a medium without files is: a moment for every fence, and the end. */
  format(image: Uint8Array, format: FormatImageOptions, options: NativeExploreOptions): CrashPoint[] {
    const native = nativeFormat(format, format.incarnation);
    return nativeAddon().exploreFormat(this.native, options, image, native).map(named);
  }
}

const TRACE_KINDS = ['write', 'store', 'flush', 'reflush', 'fence', 'settle'] as const;
const TRACE_NUMBERS = 4;

/** What a crash could leave of an open recording store. Usable after `close`, too. */
export class Recording {
  readonly #native: NativeRecordingLog;

  constructor(native: NativeRecordingLog) {
    this.#native = native;
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

  /** Turns `bits` of the byte at `offset` over, under the open store, as a medium that rots does. */
  flip(offset: number, bits: number): void {
    this.#native.flip(offset, bits);
  }

  /** The next fence fails as an EIO would; the store is poisoned by it. */
  failNextFence(): void {
    this.#native.failNextFence();
  }

  /** Judges what a crash now could leave. */
  explore(explorer: CrashExplorer, options: NativeExploreOptions): CrashPoint {
    return named(this.#native.explore(explorer.native, options));
  }

  /**
   * Judges what a crash could leave at every fence from now on, each with the next seed, or only at the n-th
   * of them; without arguments at none.
   */
  exploreAtFences(explorer?: CrashExplorer, options?: NativeExploreOptions, only?: number): void {
    this.#native.exploreAtFences(explorer?.native, options, only);
  }

  /** The moments explored since the last call, in order. */
  takeExplored(): CrashPoint[] {
    return this.#native.takeExplored().map(named);
  }

  /** Overwrites durable bytes behind the store's back: a medium that rots while it is in use. */
  spoil(offset: number, bytes: Uint8Array): void {
    this.#native.spoil(offset, bytes);
  }

  /** The first store that touched what recovery would read, in words; empty if none did. */
  get powerBreach(): string {
    return this.#native.powerBreach();
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
        site: siteName(flat[at + 1]!),
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
  refuseUnknown('openRecording', options, ['image', 'pipeline', 'watch', 'volatile']);
  const addon = nativeAddon();
  const { image, pipeline = 'two-fence', watch = false, volatile } = options;
  const { seen, durable } = image instanceof Uint8Array ? { seen: image, durable: image } : image;
  try {
    const fused = pipeline === 'fused' ? 1 : 0;
    const kind = volatile === undefined ? 0 : volatile === 'forgets' ? 1 : 2;
    const native = addon.openRecording(seen, durable, fused, watch ? 1 : 0, kind);
    const storage = new LogStorage(native, { mode: 'emulated', durability: 'power', path: undefined });
    return { storage, recording: new Recording(native) };
  } catch (error) {
    throw translated(error);
  }
}

let siteNames: readonly string[] | undefined;

function siteName(site: number): string {
  siteNames ??= nativeAddon().siteNames();
  return siteNames[site] ?? BETWEEN_OPERATIONS;
}

function named(point: NativeCrashPoint): CrashPoint {
  return { ...point, site: siteName(point.site) };
}
