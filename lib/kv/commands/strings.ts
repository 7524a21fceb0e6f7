/** Commands that read and write whole values, and parts of them. */
import { STEP_BYTES, VALUE_BYTES_MAX } from '../limits.js';
import { hasPassed } from '../store/expiry-time.js';
import { type Context, ERRORS } from './context.js';
import { positiveExpiry } from './expiry.js';
import {
  EX,
  EXAT,
  EXPIRY,
  GET,
  KEEPTTL,
  NX,
  options,
  PERSIST,
  PXAT,
  readGetexOptions,
  readSetOptions,
  XX,
} from './set-options.js';

export function get(context: Context): void {
  context.replyValue(context.find(0));
}

export function strlen(context: Context): void {
  const address = context.find(0);
  context.reply.integer(address === 0 ? 0 : context.store.valueLength(address));
}

/** The expiry that the options read last give; undefined: error written. */
function optionExpiry(context: Context, name: string): number | undefined {
  const { flags, argument } = options;
  const seconds = (flags & (EX | EXAT)) !== 0;
  return positiveExpiry(context, argument, seconds, (flags & (EXAT | PXAT)) !== 0, name);
}

export function set(context: Context): void {
  if (context.reader.argc === 2) {
    context.put(context.find(0), 0, 1, 0);
    context.reply.ok();
    return;
  }
  if (!readSetOptions(context)) {
    context.reply.error(ERRORS.syntax);
    return;
  }
  const flags = options.flags;
  let expiry = 0;
  if ((flags & EXPIRY) !== 0) {
    const given = optionExpiry(context, 'set');
    if (given === undefined) return;
    expiry = given;
  }
  const address = context.find(0);
  if ((flags & GET) !== 0 && !context.replyValue(address)) return;
  if (((flags & NX) !== 0 && address !== 0) || ((flags & XX) !== 0 && address === 0)) {
    if ((flags & GET) === 0) context.reply.null();
    return;
  }
  if ((flags & KEEPTTL) !== 0 && address !== 0) expiry = context.store.expiry(address);
  if (!hasPassed(expiry, context.timeMs)) context.put(address, 0, 1, expiry);
  else if (address !== 0) context.store.remove(address);
  else context.store.touchAbsent(context.hash);
  if ((flags & GET) === 0) context.reply.ok();
}

export function setnx(context: Context): void {
  const address = context.find(0);
  if (address === 0) context.put(0, 0, 1, 0);
  context.reply.integer(address === 0 ? 1 : 0);
}

function setWithExpiry(context: Context, seconds: boolean, name: string): void {
  const expiry = positiveExpiry(context, 1, seconds, false, name);
  if (expiry === undefined) return;
  context.put(context.find(0), 0, 2, expiry);
  context.reply.ok();
}

export function setex(context: Context): void {
  setWithExpiry(context, true, 'setex');
}

export function psetex(context: Context): void {
  setWithExpiry(context, false, 'psetex');
}

export function getset(context: Context): void {
  const address = context.find(0);
  if (context.replyValue(address)) context.put(address, 0, 1, 0);
}

export function getdel(context: Context): void {
  const address = context.find(0);
  if (context.replyValue(address) && address !== 0) context.store.remove(address);
}

export function getex(context: Context): void {
  if (!readGetexOptions(context)) {
    context.reply.error(ERRORS.syntax);
    return;
  }
  const address = context.find(0);
  if (address === 0) {
    context.reply.null();
    return;
  }
  const flags = options.flags;
  let expiry = 0;
  if ((flags & EXPIRY) !== 0) {
    const given = optionExpiry(context, 'getex');
    if (given === undefined) return;
    expiry = given;
  } else if ((flags & PERSIST) === 0) expiry = context.store.expiry(address);
  if (!context.replyValue(address)) return;
  if (hasPassed(expiry, context.timeMs)) context.store.remove(address);
  else if (expiry !== context.store.expiry(address)) context.store.expire(address, expiry);
}

export function getrange(context: Context): void {
  const first = context.integer(1);
  if (first === undefined) return;
  const last = context.integer(2);
  if (last === undefined) return;
  const address = context.find(0);
  const length = address === 0 ? 0 : context.store.valueLength(address);
  // Beyond any length a rounded number serves as well; which of two such comes first is asked before.
  const crossed = first < 0 && last < 0 && first > last;
  const from = Number(first) < 0 ? Math.max(0, Number(first) + length) : Number(first);
  const through = Math.min(Number(last) < 0 ? Math.max(0, Number(last) + length) : Number(last), length - 1);
  if (crossed || length === 0 || from > through) {
    context.reply.bulk(context.reader.bytes, 0, 0);
    return;
  }
  if (!context.fits(through - from + 1)) return;
  const start = context.store.valueStart(address);
  context.reply.bulk(context.store.segment(address).u8, start + from, start + through + 1);
}

export function setrange(context: Context): void {
  const offset = context.integer(1);
  if (offset === undefined) return;
  if (offset < 0) {
    context.reply.error('ERR offset is out of range');
    return;
  }
  const { bytes, starts, ends } = context.reader;
  const address = context.find(0);
  const before = address === 0 ? 0 : context.store.valueLength(address);
  const given = ends[2]! - starts[2]!;
  if (given === 0) {
    context.reply.integer(before);
    return;
  }
  if (offset > VALUE_BYTES_MAX - given) {
    context.reply.error(ERRORS.tooLong);
    return;
  }
  const from = Number(offset);
  if (!context.spend(Math.max(before, from + given) / STEP_BYTES)) return;
  const value = Buffer.alloc(Math.max(before, from + given));
  if (address !== 0) {
    const start = context.store.valueStart(address);
    value.set(context.store.segment(address).u8.subarray(start, start + before));
  }
  value.set(bytes.subarray(starts[2]!, ends[2]!), from);
  const expiry = address === 0 ? 0 : context.store.expiry(address);
  context.putBytes(address, 0, value, 0, value.length, expiry);
  context.reply.integer(value.length);
}

export function append(context: Context): void {
  const { bytes, starts, ends } = context.reader;
  const address = context.find(0);
  if (address === 0) {
    context.put(0, 0, 1, 0);
    context.reply.integer(ends[1]! - starts[1]!);
    return;
  }
  const length = context.store.valueLength(address) + ends[1]! - starts[1]!;
  if (length > VALUE_BYTES_MAX) {
    context.reply.error(ERRORS.tooLong);
    return;
  }
  // Appending nothing counts as a change for who watches the key, as in Redis.
  context.store.append(address, bytes, starts[1]!, ends[1]!);
  context.reply.integer(length);
}

export function mget(context: Context): void {
  const { argc } = context.reader;
  let total = 0;
  for (let i = 0; i < argc; i++) {
    const address = context.find(i);
    total += address === 0 ? 5 : 16 + context.store.valueLength(address);
  }
  if (!context.fits(total)) return;
  context.reply.array(argc);
  for (let i = 0; i < argc; i++) context.replyValue(context.find(i));
}

function putPairs(context: Context): void {
  for (let i = 0; i < context.reader.argc; i += 2) context.put(context.find(i), i, i + 1, 0);
}

function pairsComplete(context: Context, name: string): boolean {
  if (context.reader.argc % 2 === 0) return true;
  context.reply.error(`ERR wrong number of arguments for '${name}' command`);
  return false;
}

export function mset(context: Context): void {
  if (!pairsComplete(context, 'mset')) return;
  putPairs(context);
  context.reply.ok();
}

export function msetnx(context: Context): void {
  if (!pairsComplete(context, 'msetnx')) return;
  for (let i = 0; i < context.reader.argc; i += 2) {
    if (context.find(i) !== 0) {
      context.reply.integer(0);
      return;
    }
  }
  putPairs(context);
  context.reply.integer(1);
}
