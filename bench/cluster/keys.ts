/**
 * The commands of the load: command n of a key space sets its key number n mod `keys` to a value that follows
 * from n, and a GET reads it back. 64 bytes a command, no two alike, made in place: making them must not be
 * what is measured.
 */

/** Keys of their own for some of the loads. */
export interface KeySpace {
  /** Eight characters. */
  readonly prefix: string;
  readonly keys: number;
}

const PREFIX_BYTES = 8;
const KEY_BYTES = 16;
const VALUE_BYTES = 38;
const LENGTH_BYTES = 4;
/** Opcode, flags and the length of the key. */
const HEAD_BYTES = 6;
const KEY_AT = LENGTH_BYTES + HEAD_BYTES;
const VALUE_AT = KEY_AT + KEY_BYTES + LENGTH_BYTES;
const FILLING = 'a decree, in ink, that stays.'.padEnd(VALUE_BYTES - 8, '.');
const HEX = Buffer.from('0123456789abcdef');

/** Bytes of one SET as the state machine sees it. */
export const SET_BYTES: number = HEAD_BYTES + KEY_BYTES + LENGTH_BYTES + VALUE_BYTES;

/** Numbers of commands are below this; with as many keys, no two commands set the same one. */
export const COMMANDS_MAX: number = 2 ** 32;

function writeHex(bytes: Uint8Array, at: number, number: number): void {
  for (let digit = 0; digit < 8; digit++) bytes[at + digit] = HEX[(number >>> (28 - 4 * digit)) & 15]!;
}

/** The part of a value that follows from its command's number: a bijection of 32 bits. */
function valueNumber(n: number): number {
  return Math.imul(n, 0x9e3779b1) >>> 0;
}

/**
 * The entry of a body that sets one key: `bytes` holds it whole, length in front, until the next `number`.
 */
export class SetEntry {
  readonly bytes: Buffer = Buffer.alloc(LENGTH_BYTES + SET_BYTES);
  readonly #keys: number;

  constructor(opcode: number, { prefix, keys }: KeySpace) {
    this.#keys = keys;
    const { bytes } = this;
    bytes.writeUInt32LE(SET_BYTES, 0);
    bytes[LENGTH_BYTES] = opcode;
    bytes.writeUInt32LE(KEY_BYTES, LENGTH_BYTES + 2);
    bytes.write(prefix, KEY_AT);
    bytes.writeUInt32LE(VALUE_BYTES, KEY_AT + KEY_BYTES);
    bytes.write(FILLING, VALUE_AT + 8);
  }

  number(n: number): void {
    writeHex(this.bytes, KEY_AT + PREFIX_BYTES, n % this.#keys);
    writeHex(this.bytes, VALUE_AT, valueNumber(n));
  }
}

/** The entry of a body that gets the key of one command. */
export class GetEntry {
  readonly bytes: Buffer = Buffer.alloc(KEY_AT + KEY_BYTES);
  readonly #keys: number;

  constructor(opcode: number, { prefix, keys }: KeySpace) {
    this.#keys = keys;
    const { bytes } = this;
    bytes.writeUInt32LE(HEAD_BYTES + KEY_BYTES, 0);
    bytes[LENGTH_BYTES] = opcode;
    bytes.writeUInt32LE(KEY_BYTES, LENGTH_BYTES + 2);
    bytes.write(prefix, KEY_AT);
  }

  number(n: number): void {
    writeHex(this.bytes, KEY_AT + PREFIX_BYTES, n % this.#keys);
  }
}

const OK_REPLY = Buffer.from('+OK\r\n');

/** Whether bytes[start, end) is the reply to a SET that was executed. */
export function isSetReply(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === OK_REPLY.length && bytes[start] === OK_REPLY[0] && bytes[start + 1] === OK_REPLY[1];
}

/** Compares replies to GETs with what was set. */
export class GetReply {
  readonly #expected = Buffer.from(`$${VALUE_BYTES}\r\n00000000${FILLING}\r\n`);

  /** Whether bytes[start, end) is the value that command `n` set its key to. */
  holds(n: number, bytes: Buffer, start: number, end: number): boolean {
    writeHex(this.#expected, 5, valueNumber(n));
    return bytes.compare(this.#expected, 0, this.#expected.length, start, end) === 0;
  }
}
