/**
 * Commands about when keys go, and how relative times become absolute ones: from the replicated time of the
 * command, so that every replica computes the same. Expiries are milliseconds since 1970, kept as doubles:
 * beyond 2⁵³ they are rounded.
 */
import type { Context } from './context.js';

const INT64_END: number = 2 ** 63;

function invalidExpiry(context: Context, name: string): undefined {
  context.reply.error(`ERR invalid expire time in '${name}' command`);
  return undefined;
}

/** Argument `index` as an absolute expiry, for SET and its kin: undefined if not positive, error written. */
export function positiveExpiry(
  context: Context,
  index: number,
  seconds: boolean,
  absolute: boolean,
  name: string,
): number | undefined {
  const given = context.integer(index);
  if (given === undefined) return undefined;
  const expiry = (seconds ? given * 1000 : given) + (absolute ? 0 : context.timeMs);
  if (given <= 0 || expiry >= INT64_END) return invalidExpiry(context, name);
  return expiry;
}

const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;

/** The options behind EXPIRE's time; undefined: error written. */
function readOptions(context: Context): number | undefined {
  let flags = 0;
  for (let i = 2; i < context.reader.argc; i++) {
    if (context.is(i, 'nx')) flags |= NX;
    else if (context.is(i, 'xx')) flags |= XX;
    else if (context.is(i, 'gt')) flags |= GT;
    else if (context.is(i, 'lt')) flags |= LT;
    else {
      context.reply.error(`ERR Unsupported option ${context.text(i)}`);
      return undefined;
    }
  }
  if ((flags & NX) !== 0 && flags !== NX) {
    context.reply.error('ERR NX and XX, GT or LT options at the same time are not compatible');
    return undefined;
  }
  if ((flags & GT) !== 0 && (flags & LT) !== 0) {
    context.reply.error('ERR GT and LT options at the same time are not compatible');
    return undefined;
  }
  return flags;
}

function allowed(flags: number, current: number, expiry: number): boolean {
  if ((flags & NX) !== 0 && current !== 0) return false;
  if ((flags & XX) !== 0 && current === 0) return false;
  if ((flags & GT) !== 0 && (current === 0 || expiry <= current)) return false;
  return (flags & LT) === 0 || current === 0 || expiry < current;
}

function expireKey(context: Context, seconds: boolean, absolute: boolean, name: string): void {
  const flags = readOptions(context);
  if (flags === undefined) return;
  const given = context.integer(1);
  if (given === undefined) return;
  const milliseconds = seconds ? given * 1000 : given;
  const expiry = milliseconds + (absolute ? 0 : context.timeMs);
  if (expiry >= INT64_END || milliseconds < -INT64_END) {
    invalidExpiry(context, name);
    return;
  }
  const address = context.find(0);
  if (address === 0 || !allowed(flags, context.store.expiry(address), expiry)) {
    context.reply.integer(0);
    return;
  }
  if (expiry <= context.timeMs) context.store.remove(address);
  else context.store.expire(address, expiry);
  context.reply.integer(1);
}

export function expire(context: Context): void {
  expireKey(context, true, false, 'expire');
}

export function pexpire(context: Context): void {
  expireKey(context, false, false, 'pexpire');
}

export function expireat(context: Context): void {
  expireKey(context, true, true, 'expireat');
}

export function pexpireat(context: Context): void {
  expireKey(context, false, true, 'pexpireat');
}

export function persist(context: Context): void {
  const address = context.find(0);
  if (address === 0 || context.store.expiry(address) === 0) {
    context.reply.integer(0);
    return;
  }
  context.store.expire(address, 0);
  context.reply.integer(1);
}

/** −2: no key; −1: no expiry; else milliseconds, from now unless `absolute`. */
function remaining(context: Context, absolute: boolean): number {
  const address = context.find(0);
  if (address === 0) return -2;
  const expiry = context.store.expiry(address);
  if (expiry === 0) return -1;
  return absolute ? expiry : Math.max(0, expiry - context.nowMs);
}

function replyMilliseconds(context: Context, milliseconds: number): void {
  if (Number.isSafeInteger(milliseconds)) context.reply.integer(milliseconds);
  else context.reply.bigInteger(BigInt(milliseconds));
}

function replySeconds(context: Context, milliseconds: number): void {
  const whole = milliseconds < 0 ? milliseconds : Math.floor((milliseconds + 500) / 1000);
  replyMilliseconds(context, whole);
}

export function ttl(context: Context): void {
  replySeconds(context, remaining(context, false));
}

export function pttl(context: Context): void {
  replyMilliseconds(context, remaining(context, false));
}

export function expiretime(context: Context): void {
  replySeconds(context, remaining(context, true));
}

export function pexpiretime(context: Context): void {
  replyMilliseconds(context, remaining(context, true));
}

/** Removes the keys that expired first, at most `count`. Every executed command does a little of this. */
export function removeExpired(context: Context, count: number): void {
  const store = context.store;
  for (let i = 0; i < count && store.nextExpiry <= context.timeMs; i++) store.remove(store.nextExpiring);
}
