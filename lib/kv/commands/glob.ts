/**
 * Redis's glob patterns over bytes: * ? [a-z] [^a] and \ before anything, compiled once.
 *
 * 1. Each element but * is looked at in one step, however a class is written; on a mismatch only the last *
 *    is tried again. So the steps are at most elements · text length.
 * 2. Where that is too much, `matches` gives up after as many steps as it was allowed.
 * 3. Memory is bounded by the length of a key, not by that of the pattern.
 */
import { KEY_BYTES_MAX } from '../limits.js';

const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CARET = 0x5e;
const DASH = 0x2d;
const BACKSLASH = 0x5c;
const ASTERISK = 0x2a;

/** Elements: a byte, any byte, a *, or a class, whose number is added to the last of these. */
const ANY = 256;
const STAR = 257;
const CLASSES = 258;
/** A class has one bit for each byte. */
const CLASS_WORDS = 8;

export class Glob {
  /** Elements looked at by the last `matches`. */
  steps = 0;
  readonly #isEmpty: boolean;
  /** It needs a longer text than any key is. */
  #hopeless = false;
  readonly #elements: number[] = [];
  readonly #classes: number[] = [];
  /** How many bytes the elements behind each place need. */
  readonly #needed: number[] = [];

  constructor(pattern: Uint8Array) {
    this.#isEmpty = pattern.length === 0;
    let needed = 0;
    for (let at = 0; at < pattern.length; ) {
      const mark = pattern[at]!;
      if (mark === ASTERISK) {
        if (this.#elements[this.#elements.length - 1] !== STAR) this.#elements.push(STAR);
        at++;
        continue;
      }
      // So long a pattern may go on as it likes.
      if (++needed > KEY_BYTES_MAX) break;
      at = this.#compile(pattern, at, mark);
    }
    this.#hopeless = needed > KEY_BYTES_MAX;
    for (const element of this.#elements) {
      if (element !== STAR) needed--;
      this.#needed.push(needed);
    }
  }

  /** Whether it matches text[start, end); undefined: not known after `stepsMax` steps. */
  matches(
    text: Uint8Array,
    start: number,
    end: number,
    stepsMax: number = Number.POSITIVE_INFINITY,
  ): boolean | undefined {
    this.steps = 0;
    // In Redis nothing but the empty pattern matches the empty text; KEYS * never comes here.
    if (start === end) return this.#isEmpty;
    if (this.#hopeless) return false;
    const elements = this.#elements;
    let steps = 0;
    let p = 0;
    let t = start;
    let starPattern = -1;
    let starText = 0;
    for (; steps < stepsMax; steps++) {
      const element = elements[p];
      if (element === STAR) {
        starPattern = ++p;
        starText = t;
        if (p === elements.length) break;
      } else if (t === end && element === undefined) break;
      else if (t < end && element !== undefined && this.#accepts(element, text[t]!)) {
        p++;
        t++;
      } else {
        if (starPattern < 0 || end - ++starText < this.#needed[starPattern - 1]!) {
          this.steps = steps + 1;
          return false;
        }
        p = starPattern;
        t = starText;
      }
    }
    this.steps = steps + 1;
    return steps < stepsMax ? true : undefined;
  }

  #accepts(element: number, byte: number): boolean {
    if (element < ANY) return element === byte;
    if (element === ANY) return true;
    const word = (element - CLASSES) * CLASS_WORDS + (byte >>> 5);
    return ((this.#classes[word]! >>> (byte & 31)) & 1) !== 0;
  }

  /** Compiles the element at `at`; returns where the next one begins. */
  #compile(pattern: Uint8Array, at: number, mark: number): number {
    if (mark === OPEN) return this.#compileClass(pattern, at + 1);
    const escaped = mark === BACKSLASH && at + 1 < pattern.length;
    this.#elements.push(escaped ? pattern[at + 1]! : mark === QUESTION ? ANY : mark);
    return at + (escaped ? 2 : 1);
  }

  #compileClass(pattern: Uint8Array, first: number): number {
    // How many of its ranges begin at each byte, less those that ended before it.
    const begun = new Int32Array(257);
    const add = (low: number, high: number): void => {
      begun[low]!++;
      begun[high + 1]!--;
    };
    const end = pattern.length;
    const inverted = pattern[first] === CARET;
    let p = inverted ? first + 1 : first;
    for (; p < end && pattern[p] !== CLOSE; p++) {
      const byte = pattern[p]!;
      if (byte === BACKSLASH && p + 1 < end) {
        p++;
        add(pattern[p]!, pattern[p]!);
      } else if (p + 2 < end && pattern[p + 1] === DASH) {
        add(Math.min(byte, pattern[p + 2]!), Math.max(byte, pattern[p + 2]!));
        p += 2;
      } else add(byte, byte);
    }
    this.#elements.push(CLASSES + this.#classes.length / CLASS_WORDS);
    let open = 0;
    for (let byte = 0; byte < 256; byte++) {
      if ((byte & 31) === 0) this.#classes.push(0);
      open += begun[byte]!;
      if (open > 0 !== inverted) this.#classes[this.#classes.length - 1]! |= 1 << (byte & 31);
    }
    return Math.min(p + 1, end);
  }
}
