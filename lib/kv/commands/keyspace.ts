/** Commands about which keys there are. */
import { ENTRY_STEPS, EXPIRED_COUNTED_MAX, REPLY_BYTES_MAX, SCAN_COUNT_MAX, STEPS_MAX } from '../limits.js';
import { hasPassed } from '../store/expiry-time.js';
import { mix32 } from '../store/hash.js';
import { HASHES_END } from '../store/hash-index.js';
import { HashKey } from '../store/hash-key.js';
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

/**
 * Any key: the first one at or behind a place. A command takes one that every replica knows; a query, which
 * only one answers, a random one.
 */
export function randomkey(context: Context): void {
  const store = context.store;
  const chance = context.executing ? mix32(store.mutations ^ context.timeMs) : Math.random() * HASHES_END;
  const place = chance >>> 0;
  const found: number[] = [];
  for (const [from, end] of [
    [place, HASHES_END],
    [0, place],
  ] as const) {
    for (let hash = from; hash < end; ) {
      hash = store.walk(hash, found);
      for (const address of found) {
        if (!context.spend(ENTRY_STEPS)) return;
        if (hasPassed(store.expiry(address), context.timeMs)) continue;
        const start = store.keyStart(address);
        const length = store.keyLength(address);
        if (context.fits(length)) context.reply.bulk(store.segment(address).u8, start, start + length);
        return;
      }
    }
  }
  context.reply.null();
}

export function type(context: Context): void {
  context.reply.status(context.find(0) === 0 ? 'none' : 'string');
}

/** Keys past their expiry that nothing has removed yet are not there. */
export function dbsize(context: Context): void {
  const expired = context.store.expiredBy(context.nowMs, EXPIRED_COUNTED_MAX);
  if (context.spend(expired)) context.reply.integer(context.store.count - expired);
}

/** The key of the hashes from now on: another one if what there is can be guessed. */
function nextHashKey({ store, reader }: Context): HashKey {
  if (store.hashKey.seed === 0 || reader.hashKeyAt < 0) return store.hashKey;
  const brought = HashKey.read(reader.bytes, reader.hashKeyAt);
  return brought === HashKey.none ? store.hashKey : brought;
}

export function flush(context: Context): void {
  const { argc } = context.reader;
  if (argc > 1 || (argc === 1 && !context.is(0, 'async') && !context.is(0, 'sync'))) {
    context.reply.error(ERRORS.syntax);
    return;
  }
  context.store = context.store.emptied(nextHashKey(context));
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

/** Whether the entry is there and matches. Undefined: that takes too many steps, and the error is written. */
function wanted(context: Context, address: number, glob: Glob | undefined): boolean | undefined {
  const store = context.store;
  if (!context.spend(ENTRY_STEPS)) return undefined;
  if (hasPassed(store.expiry(address), context.timeMs)) return false;
  if (glob === undefined) return true;
  const start = store.keyStart(address);
  const end = start + store.keyLength(address);
  const matches = glob.matches(store.segment(address).u8, start, end, context.steps);
  return context.spend(matches === undefined ? STEPS_MAX : glob.steps) ? matches : undefined;
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
      const isWanted = wanted(context, address, glob);
      if (isWanted === undefined) return;
      if (!isWanted) continue;
      matched.push(address);
      bytes += store.keyLength(address) + 10;
      // Replicas find as many at a time as their tables are wide: each entry is asked for.
      if (!context.fits(bytes)) return;
    }
  }
  replyKeys(context, matched);
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
  const stepsKept = context.steps / 2;
  const full = (): boolean =>
    looked >= options.count ||
    bytes > Math.min(context.room, REPLY_BYTES_MAX) / 4 ||
    context.steps < stepsKept;
  while (position < HASHES_END && !full()) {
    position = store.walk(position, found);
    for (const address of found) {
      const hash = store.hashOf(address);
      if (full() && hash !== last) break;
      last = hash;
      looked++;
      const isWanted = wanted(context, address, options.glob);
      if (isWanted === undefined) return;
      if (options.none || !isWanted) continue;
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
