/** Commands about which keys there are. */
import { REPLY_BYTES_MAX, SCAN_COUNT_MAX } from '../limits.js';
import { hasPassed } from '../store/expiry-time.js';
import { mix32 } from '../store/hash.js';
import { HASHES_END } from '../store/hash-index.js';
import { type Context, ERRORS } from './context.js';
import { Glob } from './glob.js';

export function del(context: Context): void {
  let removed = 0;
  for (let i = 0; i < context.reader.argc; i++) {
    const address = context.find(i);
    if (address === 0) continue;
    context.store.remove(address);
    removed++;
  }
  context.reply.integer(removed);
}

export function exists(context: Context): void {
  let found = 0;
  for (let i = 0; i < context.reader.argc; i++) if (context.find(i) !== 0) found++;
  context.reply.integer(found);
}

/** Any key. A command picks by what every replica knows; a query, which only one answers, by chance. */
export function randomkey(context: Context): void {
  const store = context.store;
  const chance = context.executing ? mix32(store.mutations ^ context.timeMs) : Math.random() * HASHES_END;
  const found: number[] = [];
  for (const [from, end] of [
    [chance >>> 0, HASHES_END],
    [0, chance >>> 0],
  ] as const) {
    for (let hash = from; hash < end; ) {
      hash = store.walk(hash, found);
      const present = found.filter((address) => wanted(context, address, undefined));
      if (present.length === 0) continue;
      const address = present[store.mutations % present.length]!;
      const start = store.keyStart(address);
      context.reply.bulk(store.segment(address).u8, start, start + store.keyLength(address));
      return;
    }
  }
  context.reply.null();
}

export function type(context: Context): void {
  context.reply.status(context.find(0) === 0 ? 'none' : 'string');
}

/** Keys past their expiry that nothing has removed yet are not there. */
export function dbsize(context: Context): void {
  context.reply.integer(context.store.count - context.store.expiredBy(context.nowMs));
}

export function flush(context: Context): void {
  const { argc } = context.reader;
  if (argc > 1 || (argc === 1 && !context.is(0, 'async') && !context.is(0, 'sync'))) {
    context.reply.error(ERRORS.syntax);
    return;
  }
  context.store = context.store.emptied();
  context.reply.ok();
}

/** The versions of the keys, 8 bytes each, little-endian: what a front end remembers of a WATCH. */
export function watch(context: Context): void {
  const { argc } = context.reader;
  const versions = Buffer.allocUnsafe(8 * argc);
  for (let i = 0; i < argc; i++) versions.writeDoubleLE(versionOf(context, context.find(i)), 8 * i);
  context.reply.raw(versions);
}

/** The version of what was just looked up as `address`: below or equal to 0 if it is absent. */
export function versionOf(context: Context, address: number): number {
  return address === 0 ? -context.store.absentVersion(context.hash) : context.store.version(address);
}

function globOf(context: Context, index: number): Glob | undefined {
  const { bytes, starts, ends } = context.reader;
  const all = ends[index]! - starts[index]! === 1 && bytes[starts[index]!] === 0x2a;
  return all ? undefined : new Glob(bytes.subarray(starts[index]!, ends[index]!));
}

function wanted(context: Context, address: number, glob: Glob | undefined): boolean {
  const store = context.store;
  const expiry = store.expiry(address);
  if (hasPassed(expiry, context.timeMs)) return false;
  if (glob === undefined) return true;
  const start = store.keyStart(address);
  return glob.matches(store.segment(address).u8, start, start + store.keyLength(address));
}

function replyKeys(context: Context, addresses: readonly number[]): void {
  const store = context.store;
  context.reply.array(addresses.length);
  for (const address of addresses) {
    const start = store.keyStart(address);
    context.reply.bulk(store.segment(address).u8, start, start + store.keyLength(address));
  }
}

export function keys(context: Context): void {
  const store = context.store;
  const glob = globOf(context, 0);
  const matched: number[] = [];
  const found: number[] = [];
  let bytes = 0;
  for (let hash = 0; hash < HASHES_END; ) {
    hash = store.walk(hash, found);
    for (const address of found) {
      if (!wanted(context, address, glob)) continue;
      matched.push(address);
      bytes += store.keyLength(address) + 10;
    }
    if (bytes > context.room) break;
  }
  if (context.fits(bytes)) replyKeys(context, matched);
}

/** A SCAN's options. One object, used again. */
const options: { count: number; glob: Glob | undefined; none: boolean } = {
  count: 10,
  glob: undefined,
  none: false,
};

function readScanOptions(context: Context): boolean {
  options.count = 10;
  options.glob = undefined;
  options.none = false;
  for (let i = 1; i < context.reader.argc; i += 2) {
    const more = i + 1 < context.reader.argc;
    if (more && context.is(i, 'count')) {
      const count = context.integer(i + 1);
      if (count === undefined) return false;
      options.count = count < SCAN_COUNT_MAX ? Number(count) : SCAN_COUNT_MAX;
    } else if (more && context.is(i, 'match')) options.glob = globOf(context, i + 1);
    else if (more && context.is(i, 'type')) options.none = !context.is(i + 1, 'string');
    else options.count = 0;
    if (options.count < 1) {
      context.reply.error(ERRORS.syntax);
      return false;
    }
  }
  return true;
}

/** A cursor as Redis reads it, which is as C's `strtoul` does: undefined where that finds none. */
function readCursor(given: string): number | undefined {
  const [text = ''] = given.split('\0', 1);
  if (text === '') return 0;
  const [, sign, digits] = /^([+-]?)0*([0-9]{1,20})$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = BigInt(digits);
  if (value >= 2n ** 64n) return undefined;
  return Number(sign === '-' ? BigInt.asUintN(64, -value) : value);
}

/**
 * The cursor is the hash to go on at: a place in an order that no growth of the table changes, so keys that
 * are there throughout are returned, each once. It stops between two different hashes only.
 */
export function scan(context: Context): void {
  let cursor = readCursor(context.text(0));
  if (cursor === undefined) {
    context.reply.error('ERR invalid cursor');
    return;
  }
  if (!readScanOptions(context)) return;
  const store = context.store;
  const matched: number[] = [];
  const found: number[] = [];
  let looked = 0;
  let bytes = 0;
  let position = cursor;
  let last = -1;
  const full = (): boolean => looked >= options.count || bytes > Math.min(context.room, REPLY_BYTES_MAX) / 4;
  while (position < HASHES_END && !full()) {
    position = store.walk(position, found);
    for (const address of found) {
      const hash = store.hashOf(address);
      if (full() && hash !== last) break;
      last = hash;
      looked++;
      if (options.none || !wanted(context, address, options.glob)) continue;
      matched.push(address);
      bytes += store.keyLength(address) + 10;
    }
  }
  cursor = full() ? last + 1 : HASHES_END;
  if (!context.fits(bytes + 64)) return;
  context.reply.array(2);
  context.reply.bulkText(String(cursor >= HASHES_END ? 0 : cursor));
  replyKeys(context, matched);
}
