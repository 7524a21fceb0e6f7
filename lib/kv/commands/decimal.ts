/**
 * Exact decimal fractions for INCRBYFLOAT: added as integers, rounded half to even at 17 places as Redis
 * prints them, trailing zeros cut. No floating point, hence the same digits on every machine.
 *
 * 1. Numbers have at most DIGITS_MAX digits before and after the point, so that the work is bounded.
 */

const DIGITS_MAX = 400;
const TEXT_BYTES_MAX = 1024;
const PLACES = 17;
const NUMBER = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,4}))?$/;

/** `units` · 10^−places. */
export interface Decimal {
  readonly units: bigint;
  readonly places: number;
}

/** The number that bytes[start, end) spells, as strtod reads it but for hexadecimal, infinity and NaN. */
export function parseDecimal(bytes: Uint8Array, start: number, end: number): Decimal | undefined {
  if (end - start > TEXT_BYTES_MAX || end === start) return undefined;
  const text = String.fromCharCode(...bytes.subarray(start, end));
  const parts = NUMBER.exec(text);
  if (parts === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts;
  if (whole === '' && fraction === '') return undefined;
  const places = fraction.length - Number(exponent);
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return { units: 0n, places: 0 };
  if (places > DIGITS_MAX || digits.length - places > DIGITS_MAX) return undefined;
  const units = BigInt(digits) * (places < 0 ? 10n ** BigInt(-places) : 1n);
  return { units: sign === '-' ? -units : units, places: Math.max(places, 0) };
}

export function addDecimals(left: Decimal, right: Decimal): Decimal {
  const places = Math.max(left.places, right.places);
  const a = left.units * 10n ** BigInt(places - left.places);
  const b = right.units * 10n ** BigInt(places - right.places);
  return { units: a + b, places };
}

/** Its text with at most 17 places; undefined if it has grown past the bound. */
export function formatDecimal(decimal: Decimal): string | undefined {
  const negative = decimal.units < 0n;
  const rounded = roundPlaces(negative ? -decimal.units : decimal.units, decimal.places);
  const digits = rounded.toString().padStart(PLACES + 1, '0');
  const whole = digits.slice(0, -PLACES);
  if (whole.length > DIGITS_MAX) return undefined;
  const fraction = digits.slice(-PLACES).replace(/0+$/, '');
  const text = fraction === '' ? whole : `${whole}.${fraction}`;
  return negative && rounded !== 0n ? `-${text}` : text;
}

/** `units` · 10^−places as a multiple of 10^−17. */
function roundPlaces(units: bigint, places: number): bigint {
  if (places <= PLACES) return units * 10n ** BigInt(PLACES - places);
  const scale = 10n ** BigInt(places - PLACES);
  const below = units / scale;
  const twice = 2n * (units % scale);
  return twice > scale || (twice === scale && (below & 1n) === 1n) ? below + 1n : below;
}
