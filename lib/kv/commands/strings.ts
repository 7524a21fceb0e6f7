/** Commands that read and write whole values, and parts of them. */
import { VALUE_BYTES_MAX } from '../limits.js';
import { type Context, ERRORS } from './context.js';
import { positiveExpiry } from './expiry.js';

export function get(context: Context): void {
  context.replyValue(context.find(0));
}

export function strlen(context: Context): void {
  const address = context.find(0);
  context.reply.integer(address === 0 ? 0 : context.store.valueLength(address));
}

const NX = 1;
const XX = 2;
const GET = 4;
const KEEPTTL = 8;
const EXPIRY = 16;

/** What a SET's options say. One object, used again. */
const options = { flags: 0, argument: 0, seconds: false, absolute: false };

function readSetOptions(context: Context): boolean {
  options.flags = 0;
  const argc = context.reader.argc;
  for (let i = 2; i < argc; i++) {
    const flags = options.flags;
    if (context.is(i, 'nx') && (flags & XX) === 0) options.flags |= NX;
    else if (context.is(i, 'xx') && (flags & NX) === 0) options.flags |= XX;
    else if (context.is(i, 'get')) options.flags |= GET;
    else if (context.is(i, 'keepttl') && (flags & EXPIRY) === 0) options.flags |= KEEPTTL;
    else {
      options.seconds = context.is(i, 'ex') || context.is(i, 'exat');
      options.absolute = context.is(i, 'exat') || context.is(i, 'pxat');
      const known = options.seconds || options.absolute || context.is(i, 'px');
      if (!known || i + 1 >= argc || (flags & (KEEPTTL | EXPIRY)) !== 0) return false;
      options.flags |= EXPIRY;
      options.argument = ++i;
    }
  }
  return true;
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
    const given = positiveExpiry(context, options.argument, options.seconds, options.absolute, 'set');
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
  if (expiry !== 0 && expiry <= context.timeMs) {
    if (address !== 0) context.store.remove(address);
  } else context.put(address, 0, 1, expiry);
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

export function getrange(context: Context): void {
  let first = context.integer(1);
  if (first === undefined) return;
  let last = context.integer(2);
  if (last === undefined) return;
  const address = context.find(0);
  const length = address === 0 ? 0 : context.store.valueLength(address);
  const crossed = first < 0 && last < 0 && first > last;
  if (first < 0) first = Math.max(0, first + length);
  if (last < 0) last = Math.max(0, last + length);
  last = Math.min(last, length - 1);
  if (crossed || length === 0 || first > last) {
    context.reply.bulk(context.reader.bytes, 0, 0);
    return;
  }
  if (!context.fits(last - first + 1)) return;
  const start = context.store.valueStart(address);
  context.reply.bulk(context.store.segment(address).u8, start + first, start + last + 1);
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
  if (ends[1]! > starts[1]!) context.store.append(address, bytes, starts[1]!, ends[1]!);
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
