/** Commands that count. Integers are 64-bit as in Redis; fractions are exact decimals, see decimal.ts. */
import { INT64_MAX, INT64_MIN, parseInteger, parseSmallInteger, writeInteger } from '../resp/integer.js';
import { type Context, ERRORS } from './context.js';
import { addDecimals, type Decimal, formatDecimal, parseDecimal } from './decimal.js';

const scratch: Buffer = Buffer.alloc(24);
const ZERO: Decimal = { units: 0n, places: 0 };

/** Adds to the key of argument 0 what `small` says, or, where that is NaN, what `large` does. */
function add(context: Context, small: number, large: bigint): void {
  const store = context.store;
  const address = context.find(0);
  let current = 0;
  if (address !== 0) {
    const start = store.valueStart(address);
    const length = store.valueLength(address);
    current = parseSmallInteger(store.segment(address).u8, start, start + length);
  }
  const sum = current + small;
  if (Number.isNaN(sum)) {
    addLarge(context, address, Number.isNaN(small) ? large : BigInt(small));
    return;
  }
  const end = writeInteger(scratch, 0, sum);
  context.putBytes(address, 0, scratch, 0, end, address === 0 ? 0 : store.expiry(address));
  context.reply.integer(sum);
}

/** The same where a number would not be exact. */
function addLarge(context: Context, address: number, delta: bigint): void {
  const store = context.store;
  let current: bigint | undefined = 0n;
  if (address !== 0) {
    const start = store.valueStart(address);
    current = parseInteger(store.segment(address).u8, start, start + store.valueLength(address));
  }
  if (current === undefined) {
    context.reply.error(ERRORS.notInteger);
    return;
  }
  const sum = current + delta;
  if (sum > INT64_MAX || sum < INT64_MIN) {
    context.reply.error(ERRORS.overflow);
    return;
  }
  const text = Buffer.from(sum.toString());
  context.putBytes(address, 0, text, 0, text.length, address === 0 ? 0 : store.expiry(address));
  context.reply.bigInteger(sum);
}

function addArgument(context: Context, sign: 1 | -1): void {
  const { bytes, starts, ends } = context.reader;
  const small = parseSmallInteger(bytes, starts[1]!, ends[1]!);
  if (!Number.isNaN(small)) {
    add(context, sign * small, 0n);
    return;
  }
  const large = parseInteger(bytes, starts[1]!, ends[1]!);
  if (large === undefined) context.reply.error(ERRORS.notInteger);
  else if (sign < 0 && large === INT64_MIN) context.reply.error('ERR decrement would overflow');
  else add(context, Number.NaN, sign < 0 ? -large : large);
}

export function incr(context: Context): void {
  add(context, 1, 0n);
}

export function decr(context: Context): void {
  add(context, -1, 0n);
}

export function incrby(context: Context): void {
  addArgument(context, 1);
}

export function decrby(context: Context): void {
  addArgument(context, -1);
}

export function incrbyfloat(context: Context): void {
  const { bytes, starts, ends } = context.reader;
  const store = context.store;
  const address = context.find(0);
  let current: Decimal | undefined = ZERO;
  if (address !== 0) {
    const start = store.valueStart(address);
    current = parseDecimal(store.segment(address).u8, start, start + store.valueLength(address));
  }
  const delta = parseDecimal(bytes, starts[1]!, ends[1]!);
  if (current === undefined || delta === undefined) {
    context.reply.error(ERRORS.notFloat);
    return;
  }
  const sum = formatDecimal(addDecimals(current, delta));
  if (sum === undefined) {
    context.reply.error('ERR increment would produce NaN or Infinity');
    return;
  }
  const text = Buffer.from(sum);
  context.putBytes(address, 0, text, 0, text.length, address === 0 ? 0 : store.expiry(address));
  context.reply.bulk(text, 0, text.length);
}
