/**
 * Replies in RESP2 or RESP3, written where a result goes, without a string or an object for the common ones.
 *
 * 1. What is written is complete elements in the version that `resp3` says; a map is an array of twice its
 *    length in RESP2, a null is `$-1` or `*-1` there and `_` in RESP3.
 * 2. Error and status texts never contain a line break: theirs are cut off at the ends
 *    and replaced by spaces between, as in Redis. They are
 *    bytes, one a character.
 */
import type { ResultWriter } from '../../replica/state-machine.js';
import { digitsOf, writeInteger } from './integer.js';

const CR = 0x0d;
const LF = 0x0a;
const OK: Buffer = Buffer.from('+OK\r\n');
const NULL_BULK: Buffer = Buffer.from('$-1\r\n');
const NULL_ARRAY: Buffer = Buffer.from('*-1\r\n');
const NULL_3: Buffer = Buffer.from('_\r\n');
/** Below this many bytes a loop beats the call into the engine's copy. */
const LOOP_BYTES_MAX = 96;

/** Copies from[start, end) to `to` at `at`. */
export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > LOOP_BYTES_MAX) {
    to.set(from.subarray(start, end), at);
    return;
  }
  for (let i = start, j = at; i < end; i++, j++) to[j] = from[i]!;
}

export class Reply {
  resp3 = false;
  #writer: ResultWriter;

  constructor(writer: ResultWriter) {
    this.#writer = writer;
  }

  /** Sends what follows to `writer`. */
  to(writer: ResultWriter, resp3: boolean): void {
    this.#writer = writer;
    this.resp3 = resp3;
  }

  /** Where the next byte goes. */
  get position(): number {
    return this.#writer.reserve(0);
  }

  ok(): void {
    this.raw(OK);
  }

  /** Bytes that are a reply already. */
  raw(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    const at = this.#writer.reserve(end - start);
    copyBytes(bytes, start, end, this.#writer.buffer, at);
  }

  status(text: string): void {
    this.#line('+', text);
  }

  /** `text` begins with its code: "ERR …". */
  error(text: string): void {
    this.#line('-', text);
  }

  integer(value: number): void {
    const at = this.#writer.reserve(3 + digitsOf(Math.abs(value)) + (value < 0 ? 1 : 0));
    const buffer = this.#writer.buffer;
    buffer[at] = 0x3a;
    const behind = writeInteger(buffer, at + 1, value);
    buffer[behind] = CR;
    buffer[behind + 1] = LF;
  }

  bigInteger(value: bigint): void {
    this.#line(':', value.toString());
  }

  bulk(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    const at = this.#writer.reserve(5 + digitsOf(length) + length);
    const buffer = this.#writer.buffer;
    buffer[at] = 0x24;
    const body = writeInteger(buffer, at + 1, length);
    buffer[body] = CR;
    buffer[body + 1] = LF;
    copyBytes(bytes, start, end, buffer, body + 2);
    buffer[body + 2 + length] = CR;
    buffer[body + 3 + length] = LF;
  }

  bulkText(text: string): void {
    const bytes = Buffer.from(text);
    this.bulk(bytes, 0, bytes.length);
  }

  null(): void {
    this.raw(this.resp3 ? NULL_3 : NULL_BULK);
  }

  nullArray(): void {
    this.raw(this.resp3 ? NULL_3 : NULL_ARRAY);
  }

  /** `count` elements follow. */
  array(count: number): void {
    this.#head(0x2a, count);
  }

  /** `count` pairs follow. */
  map(count: number): void {
    if (this.resp3) this.#head(0x25, count);
    else this.#head(0x2a, 2 * count);
  }

  /** `count` distinct elements follow. */
  set(count: number): void {
    this.#head(this.resp3 ? 0x7e : 0x2a, count);
  }

  /** Text with line breaks for a human: a verbatim string in RESP3. */
  verbatim(text: string): void {
    if (!this.resp3) {
      this.bulkText(text);
      return;
    }
    const body = Buffer.from(`txt:${text}`);
    this.#head(0x3d, body.length);
    this.raw(body);
    this.#end();
  }

  #head(mark: number, count: number): void {
    const at = this.#writer.reserve(3 + digitsOf(count));
    const buffer = this.#writer.buffer;
    buffer[at] = mark;
    const behind = writeInteger(buffer, at + 1, count);
    buffer[behind] = CR;
    buffer[behind + 1] = LF;
  }

  #end(): void {
    const at = this.#writer.reserve(2);
    this.#writer.buffer[at] = CR;
    this.#writer.buffer[at + 1] = LF;
  }

  #line(mark: string, text: string): void {
    const line = `${mark}${text.replace(/^[\r\n]+|[\r\n]+$/g, '').replace(/[\r\n]/g, ' ')}\r\n`;
    const at = this.#writer.reserve(line.length);
    this.#writer.buffer.write(line, at, 'latin1');
  }
}
