/**
 * 64-bit integers as decimal text, read as strictly as Redis reads them (no spaces, no '+', no leading
 * zeros, no "-0") and written without a string where they are small.
 *
 * Up to 15 digits travel as numbers; anything longer goes through BigInt.
 */

export const INT64_MAX: bigint = 2n ** 63n - 1n;
export const INT64_MIN: bigint = -(2n ** 63n);

const DIGITS_EXACT = 15;
const STRICT = /^(0|-?[1-9][0-9]{0,18})$/;

/** The integer that bytes[start, end) spells if it has at most 15 digits; NaN if not, or if it is none. */
export function parseSmallInteger(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  const negative = at < end && bytes[at] === 0x2d;
  if (negative) at++;
  const digits = end - at;
  if (digits <= 0 || digits > DIGITS_EXACT) return Number.NaN;
  if (bytes[at] === 48 && (digits > 1 || negative)) return Number.NaN;
  let value = 0;
  for (; at < end; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

/** The 64-bit integer that bytes[start, end) spells, or undefined. */
export function parseInteger(bytes: Uint8Array, start: number, end: number): bigint | undefined {
  if (end - start > 20 || end <= start) return undefined;
  let text = '';
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!);
  if (!STRICT.test(text)) return undefined;
  const value = BigInt(text);
  return value > INT64_MAX || value < INT64_MIN ? undefined : value;
}

/** Decimal digits of a safe integer ≥ 0. */
export function digitsOf(value: number): number {
  let digits = 1;
  for (let bound = 10; value >= bound; bound *= 10) digits++;
  return digits;
}

/** Writes a safe integer's text at `at`; returns the first byte behind it. */
export function writeInteger(bytes: Uint8Array, at: number, value: number): number {
  let to = at;
  let rest = value;
  if (rest < 0) {
    bytes[to++] = 0x2d;
    rest = -rest;
  }
  const end = to + digitsOf(rest);
  let back = end - 1;
  while (rest >= 1_000_000_000) {
    const next = Math.floor(rest / 10);
    bytes[back--] = 48 + (rest - next * 10);
    rest = next;
  }
  let small = rest | 0;
  while (back >= to) {
    const next = (small / 10) | 0;
    bytes[back--] = 48 + (small - next * 10);
    small = next;
  }
  return end;
}
