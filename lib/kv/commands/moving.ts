/** Commands that give a value to another key. */
import { STEP_BYTES } from '../limits.js';
import { type Context, ERRORS } from './context.js';

function sameArguments(context: Context, left: number, right: number): boolean {
  const { bytes, starts, ends } = context.reader;
  const length = ends[left]! - starts[left]!;
  if (length !== ends[right]! - starts[right]!) return false;
  for (let i = 0; i < length; i++) if (bytes[starts[left]! + i] !== bytes[starts[right]! + i]) return false;
  return true;
}

/**
 * Gives the entry's value and expiry to the key of argument `key`; its own loses them if `moving`. False: the
 * value takes too many steps, and the error is written.
 */
function give(context: Context, address: number, key: number, moving: boolean): boolean {
  const store = context.store;
  if (!context.spend(store.valueLength(address) / STEP_BYTES)) return false;
  const start = store.valueStart(address);
  const value = Buffer.from(store.segment(address).u8.subarray(start, start + store.valueLength(address)));
  const expiry = store.expiry(address);
  if (moving) store.remove(address);
  context.putBytes(context.find(key), key, value, 0, value.length, expiry);
  return true;
}

/** The entry to rename; 0: there is none, or it has that name already, and the reply is written. */
function toRename(context: Context, onlyIfNew: boolean): number {
  const address = context.find(0);
  if (address === 0) {
    context.reply.error('ERR no such key');
    return 0;
  }
  if (!sameArguments(context, 0, 1)) return address;
  if (onlyIfNew) context.reply.integer(0);
  else context.reply.ok();
  return 0;
}

export function rename(context: Context): void {
  const address = toRename(context, false);
  if (address === 0) return;
  if (give(context, address, 1, true)) context.reply.ok();
}

export function renamenx(context: Context): void {
  const address = toRename(context, true);
  if (address === 0) return;
  const free = context.find(1) === 0;
  if (!free || give(context, address, 1, true)) context.reply.integer(free ? 1 : 0);
}

/** COPY's options; undefined: error written. */
function readCopyOptions(context: Context): { readonly replace: boolean } | undefined {
  let replace = false;
  for (let i = 2; i < context.reader.argc; i++) {
    if (context.is(i, 'replace')) replace = true;
    else if (context.is(i, 'db') && i + 1 < context.reader.argc) {
      const database = context.integer(++i);
      if (database === undefined) return undefined;
      if (database === 0) continue;
      const isInt = database >= -(2 ** 31) && database < 2 ** 31;
      context.reply.error(isInt ? 'ERR DB index is out of range' : ERRORS.notInt);
      return undefined;
    } else {
      context.reply.error(ERRORS.syntax);
      return undefined;
    }
  }
  return { replace };
}

export function copy(context: Context): void {
  const options = readCopyOptions(context);
  if (options === undefined) return;
  if (sameArguments(context, 0, 1)) {
    context.reply.error('ERR source and destination objects are the same');
    return;
  }
  const address = context.find(0);
  const copies = address !== 0 && (context.find(1) === 0 || options.replace);
  if (!copies || give(context, address, 1, false)) context.reply.integer(copies ? 1 : 0);
}
