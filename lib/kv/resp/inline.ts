/**
 * An inline request, split as Redis splits it: at white space, with 'single' and "double" quotes; inside
 * double quotes \n \r \t \b \a, \xHH and \c for any other c. A closing quote must end the argument.
 */

const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const BACKSLASH = 0x5c;
const ESCAPES: Readonly<Record<number, number>> = { 110: 10, 114: 13, 116: 9, 98: 8, 97: 7 };

function isSpace(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13);
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** The arguments of one line, one behind the other in `bytes`; argument i ends at ends[i]. */
export interface InlineArguments {
  readonly bytes: Buffer;
  readonly ends: number[];
}

/** Splits source[start, end), a line without its end. Undefined if the quotes are unbalanced. */
export function splitInline(source: Uint8Array, start: number, end: number): InlineArguments | undefined {
  const bytes = Buffer.allocUnsafe(end - start);
  const ends: number[] = [];
  let to = 0;
  let at = start;
  for (;;) {
    while (at < end && isSpace(source[at]!)) at++;
    if (at >= end) return { bytes, ends };
    let quote = 0;
    for (;;) {
      if (at >= end) {
        if (quote !== 0) return undefined;
        break;
      }
      const byte = source[at]!;
      if (quote === 0) {
        if (isSpace(byte)) break;
        if (byte === QUOTE || byte === APOSTROPHE) quote = byte;
        else bytes[to++] = byte;
        at++;
      } else if (byte === quote) {
        if (at + 1 < end && !isSpace(source[at + 1]!)) return undefined;
        at++;
        break;
      } else if (byte === BACKSLASH && at + 1 < end) {
        at = quote === QUOTE ? readEscape(source, at, end, bytes, to) : apostrophe(source, at, bytes, to);
        to++;
      } else {
        bytes[to++] = byte;
        at++;
      }
    }
    ends.push(to);
  }
}

/** Writes the byte that the escape at `at` stands for; returns where the text goes on. */
function readEscape(source: Uint8Array, at: number, end: number, bytes: Buffer, to: number): number {
  const kind = source[at + 1]!;
  if (kind === 0x78 && at + 3 < end) {
    const high = hexDigit(source[at + 2]!);
    const low = hexDigit(source[at + 3]!);
    if (high >= 0 && low >= 0) {
      bytes[to] = high * 16 + low;
      return at + 4;
    }
  }
  bytes[to] = ESCAPES[kind] ?? kind;
  return at + 2;
}

/** Inside single quotes only \' is an escape. */
function apostrophe(source: Uint8Array, at: number, bytes: Buffer, to: number): number {
  const escaped = source[at + 1] === APOSTROPHE;
  bytes[to] = escaped ? APOSTROPHE : BACKSLASH;
  return at + (escaped ? 2 : 1);
}
