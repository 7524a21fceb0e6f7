/**
 * Commands about when keys go, and how relative times become absolute ones: from the replicated time of the
 * command, so that every replica computes the same. Times are 64-bit integers of milliseconds since 1970, at
 * both ends as in Redis.
 */
import { INT64_MAX, INT64_MIN } from '../resp/integer.js';
import { compareExpiries, hasPassed, millisecondsOf, toExpiry } from '../store/expiry-time.js';
import type { Context } from './context.js';

/** Numbers of seconds this small are exact in milliseconds, and so is their sum with any time. */
const SMALL = 2 ** 42;

function invalidExpiry(context: Context, name: string): undefined {
  context.reply.error(`ERR invalid expire time in '${name}' command`);
  return undefined;
}

/**
 * Milliseconds since 1970 that `given` stands for, as a number where it is exact, else a bigint; undefined:
 * they do not fit in 64 bits, error written.
 */
function absoluteTime(
  context: Context,
  given: number | bigint,
  seconds: boolean,
  absolute: boolean,
  name: string,
): number | bigint | undefined {
  if (typeof given === 'number' && Math.abs(given) <= SMALL) {
    return (seconds ? given * 1000 : given) + (absolute ? 0 : context.timeMs);
  }
  const milliseconds = BigInt(given) * (seconds ? 1000n : 1n);
  const time = milliseconds + (absolute ? 0n : BigInt(context.timeMs));
  const fits = milliseconds >= INT64_MIN && milliseconds <= INT64_MAX && time <= INT64_MAX;
  return fits ? time : invalidExpiry(context, name);
}

/** Argument `index` as an expiry, for SET and its kin: undefined if it is not positive, error written. */
export function positiveExpiry(
  context: Context,
  index: number,
  seconds: boolean,
  absolute: boolean,
  name: string,
): number | undefined {
  const given = context.integer(index);
  if (given === undefined) return undefined;
  if (given <= 0) return invalidExpiry(context, name);
  const time = absoluteTime(context, given, seconds, absolute, name);
  return time === undefined ? undefined : toExpiry(time);
}

const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;
/** Before every time that a command can have. */
const EXPIRED: number = Number.MIN_VALUE;

/** The options behind EXPIRE's time; undefined: error written. */
function readOptions(context: Context): number | undefined {
  let flags = 0;
  for (let i = 2; i < context.reader.argc; i++) {
    if (context.is(i, 'nx')) flags |= NX;
    else if (context.is(i, 'xx')) flags |= XX;
    else if (context.is(i, 'gt')) flags |= GT;
    else if (context.is(i, 'lt')) flags |= LT;
    else {
      context.reply.error(`ERR Unsupported option ${context.shown(i)}`);
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
  if ((flags & GT) !== 0 && (current === 0 || compareExpiries(expiry, current) <= 0)) return false;
  return (flags & LT) === 0 || current === 0 || compareExpiries(expiry, current) < 0;
}

function expireKey(context: Context, seconds: boolean, absolute: boolean, name: string): void {
  const flags = readOptions(context);
  if (flags === undefined) return;
  const given = context.integer(1);
  if (given === undefined) return;
  const time = absoluteTime(context, given, seconds, absolute, name);
  if (time === undefined) return;
  // Every time before 1970 is as long past as another.
  const expiry = time > 0 ? toExpiry(time) : EXPIRED;
  const address = context.find(0);
  if (address === 0 || !allowed(flags, context.store.expiry(address), expiry)) {
    context.reply.integer(0);
    return;
  }
  if (hasPassed(expiry, context.timeMs)) context.store.remove(address);
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
function remaining(context: Context, absolute: boolean): number | bigint {
  const address = context.find(0);
  if (address === 0) return -2;
  const expiry = context.store.expiry(address);
  if (expiry === 0) return -1;
  const time = millisecondsOf(expiry);
  if (absolute) return time;
  if (typeof time === 'bigint') return time - BigInt(context.nowMs);
  return Math.max(0, time - context.nowMs);
}

function replyMilliseconds(context: Context, milliseconds: number | bigint): void {
  if (typeof milliseconds === 'number') context.reply.integer(milliseconds);
  else context.reply.bigInteger(milliseconds);
}

function replySeconds(context: Context, milliseconds: number | bigint): void {
  if (typeof milliseconds === 'bigint') {
    context.reply.bigInteger((milliseconds + 500n) / 1000n);
  } else if (milliseconds < 0) context.reply.integer(milliseconds);
  else context.reply.integer(Math.floor((milliseconds + 500) / 1000));
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
