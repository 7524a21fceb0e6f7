/**
 * What a connection remembers between WATCH, MULTI and EXEC.
 *
 * 1. Queued commands lie encoded, as they go into the EXEC; commands of the port's own are kept as arguments
 *    and become literal replies when the transaction is executed.
 * 2. What is queued fits into one command, and what becomes of it too: encoding stops where it does not.
 * 3. Memory is bounded by bytes: nothing is kept as one object an argument.
 */
import { COMMAND_BYTES_MAX } from '../../limits.js';
import { addArgument, beginCommand, endCommand, FLAGS, readUint32 } from '../command-format.js';
import { TRANSACTION_COMMANDS_MAX } from '../commands/dispatch.js';
import { type CommandSpec, INTERNAL } from '../commands/table.js';
import { KEY_BYTES_MAX, WATCHED_KEYS_MAX } from '../limits.js';
import { Output } from '../resp/output.js';

/** Kept free in an EXEC for its head and what literal replies need. */
const RESERVE_BYTES: number = 64 << 10;

interface OwnCommand {
  readonly spec: CommandSpec;
  /** Where its arguments lie among those of all. */
  readonly start: number;
  readonly end: number;
  /** Its place among the queued bytes. */
  readonly at: number;
}

/** What one of them counts for beside its arguments. */
const OWN_COMMAND_BYTES = 64;

export class Transaction {
  open = false;
  /** A command could not be queued: EXEC will refuse. */
  spoilt = false;
  #queue: Output = new Output(256, 4096);
  #own: OwnCommand[] = [];
  readonly #ownArguments: Output = new Output(64, 4096);
  #count = 0;
  /** Versions of the watched keys, by their bytes as latin1. */
  readonly #watched: Map<string, number> = new Map();
  #watchedBytes = 0;

  get watching(): boolean {
    return this.#watched.size > 0;
  }

  get count(): number {
    return this.#count;
  }

  /** Whether commands of the port's own are queued. */
  get hasOwn(): boolean {
    return this.#own.length > 0;
  }

  /** Bytes that it holds. */
  get bytes(): number {
    return this.#queue.length + this.#ownArguments.length + this.#watchedBytes;
  }

  begin(): void {
    this.open = true;
  }

  /** Forgets everything, the watched keys too. */
  end(): void {
    this.open = false;
    this.spoilt = false;
    this.#queue.clear();
    this.#own = [];
    this.#ownArguments.clear();
    this.#count = 0;
    this.unwatch();
  }

  unwatch(): void {
    this.#watched.clear();
    this.#watchedBytes = 0;
  }

  /** Remembers a key's version unless it is watched already. False: too many. */
  watch(key: Buffer, version: number): boolean {
    const name = key.toString('latin1');
    if (this.#watched.has(name)) return true;
    if (this.#watched.size >= WATCHED_KEYS_MAX || this.#watchedBytes > COMMAND_BYTES_MAX / 4) return false;
    this.#watched.set(name, version);
    this.#watchedBytes += key.length + 12;
    return true;
  }

  /** Queues an encoded command, without its length. False: the transaction would be too large. */
  queue(encoded: Buffer, start: number, end: number): boolean {
    if (!this.#fits(end - start)) return false;
    this.#queue.writeUint32(end - start);
    this.#queue.write(encoded, start, end);
    this.#count++;
    return true;
  }

  queueOwn(spec: CommandSpec, argv: readonly Buffer[]): boolean {
    let bytes = OWN_COMMAND_BYTES;
    for (const argument of argv) bytes += 4 + argument.length;
    if (!this.#fits(bytes)) return false;
    const start = this.#ownArguments.length;
    for (const argument of argv) addArgument(this.#ownArguments, argument, 0, argument.length);
    this.#own.push({ spec, start, end: this.#ownArguments.length, at: this.#queue.length });
    this.#count++;
    return true;
  }

  #fits(bytes: number): boolean {
    const own = this.#own.length * OWN_COMMAND_BYTES + this.#ownArguments.length;
    const total = this.#queue.length + own + this.#watchedBytes + bytes;
    const room = COMMAND_BYTES_MAX - RESERVE_BYTES - KEY_BYTES_MAX;
    return this.#count < TRANSACTION_COMMANDS_MAX && total <= room;
  }

  /**
   * Writes the EXEC behind what is in `out`. `answer` writes the reply of a command of the port's own, and
   * returns the version of the protocol from there on.
   * @returns its length, the 4 bytes before it not counted; if it is more than a command may have, the rest
   * is missing.
   */
  encode(
    out: Output,
    resp3: boolean,
    limitKibibytes: number,
    hashKey: Uint8Array | undefined,
    answer: (spec: CommandSpec, argv: readonly Buffer[], reply: Output) => boolean,
  ): number {
    const at = beginCommand(out, INTERNAL.exec, resp3, limitKibibytes, hashKey);
    out.writeUint32(this.#watched.size);
    for (const [name, version] of this.#watched) {
      const key = Buffer.from(name, 'latin1');
      addArgument(out, key, 0, key.length);
      const place = out.reserve(8);
      out.buffer.writeDoubleLE(version, place);
    }
    let from = 0;
    let version3 = resp3;
    for (const own of this.#own) {
      this.#writeQueued(out, from, own.at, version3);
      from = own.at;
      const literal = beginCommand(out, INTERNAL.literal, resp3, 0);
      version3 = answer(own.spec, this.#argumentsOf(own), out);
      endCommand(out, literal);
      if (out.length - at > COMMAND_BYTES_MAX) break;
    }
    this.#writeQueued(out, from, this.#queue.length, version3);
    return endCommand(out, at);
  }

  /** Queued commands, to be answered in that version of the protocol: a HELLO before them may change it. */
  #writeQueued(out: Output, from: number, to: number, resp3: boolean): void {
    const start = out.length;
    out.write(this.#queue.buffer, from, to);
    for (let at = start; at < out.length; at += 4 + readUint32(out.buffer, at)) {
      const flags = out.buffer[at + 5]! & ~FLAGS.resp3;
      out.buffer[at + 5] = resp3 ? flags | FLAGS.resp3 : flags;
    }
  }

  #argumentsOf({ start, end }: OwnCommand): Buffer[] {
    const { buffer } = this.#ownArguments;
    const argv: Buffer[] = [];
    for (let at = start; at < end; ) {
      const behind = at + 4 + readUint32(buffer, at);
      argv.push(Buffer.from(buffer.subarray(at + 4, behind)));
      at = behind;
    }
    return argv;
  }
}
