/**
 * Redis's glob patterns over bytes: * ? [a-z] [^a] and \ before anything.
 *
 * 1. Time is at most pattern length · text length: on a mismatch only the last * is tried again.
 */

const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CARET = 0x5e;
const DASH = 0x2d;
const BACKSLASH = 0x5c;

export class Glob {
  readonly #pattern: Uint8Array;
  readonly #end: number;
  /** Set by #one: the first byte behind the pattern element it looked at. */
  #behind = 0;

  constructor(pattern: Uint8Array) {
    this.#pattern = pattern;
    this.#end = pattern.length;
  }

  matches(text: Uint8Array, start: number, end: number): boolean {
    // In Redis nothing but the empty pattern matches the empty text; KEYS * never comes here.
    if (start === end) return this.#end === 0;
    const pattern = this.#pattern;
    let p = 0;
    let t = start;
    let starPattern = -1;
    let starText = 0;
    for (;;) {
      if (p < this.#end && pattern[p] === STAR) {
        starPattern = ++p;
        starText = t;
        if (p === this.#end) return true;
        continue;
      }
      if (t === end) {
        if (p === this.#end) return true;
        return false;
      }
      if (p < this.#end && this.#one(p, text[t]!)) {
        p = this.#behind;
        t++;
        continue;
      }
      if (starPattern < 0) return false;
      p = starPattern;
      t = ++starText;
    }
  }

  /** Whether the element at `p` matches one byte. */
  #one(p: number, byte: number): boolean {
    const pattern = this.#pattern;
    const mark = pattern[p]!;
    this.#behind = p + 1;
    if (mark === QUESTION) return true;
    if (mark === OPEN) return this.#class(p + 1, byte);
    if (mark === BACKSLASH && p + 1 < this.#end) {
      this.#behind = p + 2;
      return pattern[p + 1] === byte;
    }
    return mark === byte;
  }

  #class(first: number, byte: number): boolean {
    const pattern = this.#pattern;
    let p = first;
    const inverted = pattern[p] === CARET;
    if (inverted) p++;
    let found = false;
    while (p < this.#end && pattern[p] !== CLOSE) {
      if (pattern[p] === BACKSLASH && p + 1 < this.#end) {
        p++;
        if (pattern[p] === byte) found = true;
      } else if (p + 2 < this.#end && pattern[p + 1] === DASH) {
        const low = Math.min(pattern[p]!, pattern[p + 2]!);
        const high = Math.max(pattern[p]!, pattern[p + 2]!);
        if (byte >= low && byte <= high) found = true;
        p += 2;
      } else if (pattern[p] === byte) {
        found = true;
      }
      p++;
    }
    this.#behind = Math.min(p + 1, this.#end);
    return found !== inverted;
  }
}
