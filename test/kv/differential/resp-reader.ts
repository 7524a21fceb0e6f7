/** Replies in RESP2 and RESP3 as values, read from bytes as they come. */

/** An error reply is an `ErrorReply`; a null is null, whichever way it is written; bytes are latin1 text. */
export type ReplyValue = string | number | bigint | null | ErrorReply | StatusReply | readonly ReplyValue[];

export class ErrorReply {
  readonly error: string;
  constructor(error: string) {
    this.error = error;
  }
}

export class StatusReply {
  readonly status: string;
  constructor(status: string) {
    this.status = status;
  }
}

const INCOMPLETE = Symbol('incomplete');
type Read = ReplyValue | typeof INCOMPLETE;

export class RespReader {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  push(chunk: Buffer): void {
    this.#bytes = this.#at === this.#bytes.length ? chunk : Buffer.concat([this.#rest(), chunk]);
    this.#at = 0;
  }

  /** The next whole reply; undefined if it has not all arrived. */
  next(): { readonly value: ReplyValue } | undefined {
    const start = this.#at;
    const value = this.#read();
    if (value !== INCOMPLETE) return { value };
    this.#at = start;
    return undefined;
  }

  #rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  #read(): Read {
    const end = this.#bytes.indexOf('\r\n', this.#at, 'latin1');
    if (end < 0) return INCOMPLETE;
    const mark = String.fromCharCode(this.#bytes[this.#at]!);
    const line = this.#bytes.toString('latin1', this.#at + 1, end);
    this.#at = end + 2;
    switch (mark) {
      case '+':
        return new StatusReply(line);
      case '-':
        return new ErrorReply(line);
      case ':':
        return integer(line);
      case '_':
        return null;
      case '$':
      case '=':
        return this.#bulk(Number(line));
      case '*':
      case '~':
        return this.#array(Number(line));
      case '%':
        return this.#array(2 * Number(line));
      default:
        throw new Error(`no reply begins with ${JSON.stringify(mark + line.slice(0, 40))}`);
    }
  }

  #bulk(length: number): Read {
    if (length < 0) return null;
    const start = this.#at;
    if (this.#bytes.length < start + length + 2) return INCOMPLETE;
    this.#at = start + length + 2;
    return this.#bytes.toString('latin1', start, start + length);
  }

  #array(count: number): Read {
    if (count < 0) return null;
    const values: ReplyValue[] = [];
    for (let i = 0; i < count; i++) {
      const value = this.#read();
      if (value === INCOMPLETE) return INCOMPLETE;
      values.push(value);
    }
    return values;
  }
}

function integer(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}
