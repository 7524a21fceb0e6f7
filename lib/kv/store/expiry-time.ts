/**
 * How the time at which an entry expires is kept: one 64-bit float, exact for every positive 64-bit number of
 * milliseconds.
 *
 * 1. 0: never. Up to 2⁵³ it is the milliseconds since 1970 themselves.
 * 2. Beyond, where floats have gaps, it is negative: the bits of how far beyond 2⁵³ it lies, with the sign
 *    set. Such a time is never reached by any clock, so `hasPassed` looks at the sign only.
 */

const EXACT_MAX: number = 2 ** 53;
const EXACT_MAX_BIG: bigint = BigInt(EXACT_MAX);

const bits = new DataView(new ArrayBuffer(8));

/** A positive number of milliseconds below 2⁶³ as it is kept. */
export function toExpiry(milliseconds: number | bigint): number {
  if (milliseconds <= EXACT_MAX) return Number(milliseconds);
  bits.setBigInt64(0, BigInt(milliseconds) - EXACT_MAX_BIG);
  return -bits.getFloat64(0);
}

/** The milliseconds since 1970 that an expiry stands for: a bigint beyond 2⁵³. */
export function millisecondsOf(expiry: number): number | bigint {
  if (expiry >= 0) return expiry;
  bits.setFloat64(0, -expiry);
  return bits.getBigInt64(0) + EXACT_MAX_BIG;
}

export function hasPassed(expiry: number, nowMs: number): boolean {
  return expiry > 0 && expiry <= nowMs;
}

/** Below 0: `left` comes before `right`; neither of them is 0. */
export function compareExpiries(left: number, right: number): number {
  if (left > 0) return right > 0 ? left - right : -1;
  return right > 0 ? 1 : right - left;
}

/** Whether these bits can have been kept as an expiry: by an older version also rounded beyond 2⁵³. */
export function isExpiry(expiry: number): boolean {
  if (expiry >= 0) return expiry < 2 ** 63;
  return Number.isFinite(expiry) && millisecondsOf(expiry) < 2n ** 63n;
}
