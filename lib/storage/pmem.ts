/**
 * The acceptor log in persistent memory, and its emulation: how a region is formatted, opened and inspected.
 *
 * | mode     | sync    | a fence is | survives                                       |
 * |----------|---------|------------|------------------------------------------------|
 * | pmem     | –       | sfence     | power loss; refused unless libpmem says is_pmem |
 * | emulated | –       | sfence     | kill -9, not power loss, whatever the file is  |
 * | emulated | 'msync' | msync      | power loss                                     |
 *
 * A region says no more than survives where it lies (underlying/claim.ts).
 */
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import { nativeAddon } from '../native/binding.js';
import { translated } from '../native/log.js';
import type { Identity } from '../types.js';
import { type DigestFunction, useDigestFunction } from './crc64.js';
import { nativeFormat, REGION_FORMAT_KEYS, type RegionFormat, refuseUnknown } from './pmem-format.js';
import { LogStorage } from './pmem-log.js';
import { identityFrom } from './pmem-recovered.js';
import type { Storage } from './storage.js';
import { claimOf } from './underlying/claim.js';
import { groundOf } from './underlying/examine.js';

export interface FormatPmemOptions extends RegionFormat {
  /** The region's file. Its directory exists, the file does not. */
  readonly path: string;
}

/** How commits become durable: each at once, or each with the next one's body (one fence a group). */
export type Pipeline = 'two-fence' | 'fused';

export interface OpenPmemOptions {
  readonly path: string;
  readonly mode: 'pmem' | 'emulated';
  /** Emulated only: makes every fence an msync. The region must be formatted with alignment ≥ 4096. */
  readonly sync?: 'msync';
  readonly pipeline?: Pipeline;
  /** Refuses the region, unwritten, unless it belongs to this cluster, replica and store. */
  readonly expect?: Partial<Identity>;
}

/**
 * Writes a region once: a temporary file, synced, renamed, its directory synced. Durable on return.
 * @throws ERR_INDELIBLE_STORE_EXISTS if anything is at `path`, ERR_INDELIBLE_STORE_MISSING without its
 * directory, ERR_INDELIBLE_STORE_IO when the system refuses (a full disk), ERR_INDELIBLE_NATIVE_MISSING
 * without the addon.
 */
export function formatPmem(options: FormatPmemOptions): void {
  refuseUnknown('formatPmem', options, ['path', ...REGION_FORMAT_KEYS]);
  const format = nativeFormat(options, 0);
  attempt(options.path, () => nativeAddon().formatFile(options.path, format));
}

/**
 * Finds out whether a region in `directory` would be persistent memory, with nothing written.
 * @throws ERR_INDELIBLE_NOT_PERSISTENT_MEMORY, _STORE_IO, _NATIVE_MISSING
 */
export function checkPersistentMemory(directory: string): void {
  attempt(directory, () => nativeAddon().tryDirectory(directory));
}

/**
 * Whose region this is, with nothing written and no lock taken.
 * @throws ERR_INDELIBLE_STORE_MISSING, _FOREIGN, _VERSION, _CORRUPT, _IO, ERR_INDELIBLE_NATIVE_MISSING
 */
export function identifyPmem(path: string): Identity {
  return identityFrom(attempt(path, () => nativeAddon().readIdentity(path)));
}

/**
 * Recovers the log; everything `recovered` tells of is durable on return.
 * @throws ERR_INDELIBLE_STORE_MISSING, _FOREIGN, _VERSION, _LOCKED, _CORRUPT (identity lost), _IO,
 * ERR_INDELIBLE_NOT_PERSISTENT_MEMORY, ERR_INDELIBLE_NATIVE_MISSING (no addon, no libpmem).
 */
export function openPmem(options: OpenPmemOptions): Storage {
  refuseUnknown('openPmem', options, ['path', 'mode', 'sync', 'pipeline', 'expect']);
  const { path, mode, sync, pipeline = 'two-fence', expect = {} } = options;
  if (mode !== 'pmem' && mode !== 'emulated') throw argumentError(`openPmem: mode is 'pmem' or 'emulated'`);
  if (pipeline !== 'two-fence' && pipeline !== 'fused') {
    throw argumentError(`openPmem: pipeline is 'two-fence' or 'fused'`);
  }
  if (sync !== undefined && (sync !== 'msync' || mode === 'pmem')) {
    throw argumentError(`openPmem: sync is 'msync' and belongs to mode 'emulated'`);
  }
  const nativeMode = mode === 'pmem' ? 0 : sync === 'msync' ? 2 : 1;
  return attempt(path, () => {
    const addon = nativeAddon();
    useDigestFunction(addon.digestOf as DigestFunction);
    // Before anything of a stranger's is written; what it says never changes.
    const stranger = difference(identifyPmem(path), expect);
    if (stranger !== undefined) {
      throw new IndelibleError(ErrorCode.storeForeign, `${path}: ${stranger}`, { path });
    }
    const claim = claimOf(sync ?? mode, groundOf(path));
    const native = addon.openFile(path, nativeMode, pipeline === 'fused' ? 1 : 0, claim.forgets ? 1 : 0);
    const durability = native.survivesPower === 1 ? claim.durability : 'process';
    return new LogStorage(native, { mode, durability, path });
  });
}

/** Headers, roots and records of a region, damaged or not; nothing is written and no lock is needed. */
export function inspectPmem(region: string | Uint8Array): unknown {
  const path = typeof region === 'string' ? region : undefined;
  return JSON.parse(attempt(path, () => nativeAddon().inspect(region)));
}

function attempt<T>(path: string | undefined, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw translated(error, path);
  }
}

function difference(found: Identity, expected: Partial<Identity>): string | undefined {
  for (const key of ['clusterId', 'replicaId', 'storeUuid'] as const) {
    const wanted = expected[key];
    if (wanted !== undefined && wanted !== found[key]) {
      return `the region's ${key} is ${found[key]}, not ${wanted}`;
    }
  }
  return undefined;
}
