/**
 * The bundled state machine: Redis's strings, replicated. Every replica executes the same commands at the
 * same replicated times and holds the same state; see command-format.ts for what a command looks like.
 *
 * 1. `execute` looks at no clock and no randomness, and never throws for what a command contains.
 * 2. A key whose expiry has passed by the replicated time is absent. A query that touches one whose expiry
 *    has passed by this replica's own clock only is declined: the log decides.
 * 3. Each executed command first removes a bounded number of expired keys, the longest expired first.
 * 4. Keys and values longer than the bounds of limits.ts are never stored.
 */

import type { CommandView, ResultWriter, StateMachine } from '../replica/state-machine.js';
import { CommandReader } from './command-format.js';
import { Context } from './commands/context.js';
import { executeCommand, mayGrow, readCommand } from './commands/dispatch.js';
import { removeExpired } from './commands/expiry.js';
import type { CommandSpec } from './commands/table.js';
import { EXPIRED_COUNTED_MAX, EXPIRED_REMOVED_MAX, REPLY_BYTES_MAX, STEPS_MAX } from './limits.js';
import { Output } from './resp/output.js';
import { Reply } from './resp/reply.js';
import { hasPassed } from './store/expiry-time.js';
import { HashKey } from './store/hash-key.js';
import { StoreImage } from './store/image.js';
import { restoreStore } from './store/restore.js';
import { Store } from './store/store.js';

/** What INFO shows of the state. */
export interface KvStatistics {
  readonly keys: number;
  readonly expiring: number;
  /** Bytes that count for the memory limit, and bytes held outside the JavaScript heap. */
  readonly usedBytes: number;
  readonly heldBytes: number;
  /** The replicated time, in milliseconds since 1970. */
  readonly timeMs: number;
}

export class KvStateMachine implements StateMachine {
  readonly #reader: CommandReader = new CommandReader();
  readonly #context: Context = new Context(
    new Store(HashKey.none),
    this.#reader,
    new Reply(new Output(16, 16)),
  );
  readonly #asked: CommandReader = new CommandReader();
  #timeMs = 0;
  #image: StoreImage | undefined = undefined;

  /** As of the replicated time. */
  get statistics(): KvStatistics {
    return this.statisticsAt(this.#timeMs);
  }

  /** Keys past their expiry at `nowMs`, or at the replicated time if that is later, are not counted. */
  statisticsAt(nowMs: number): KvStatistics {
    const store = this.#context.store;
    const expired = store.expiredBy(Math.max(nowMs, this.#timeMs), EXPIRED_COUNTED_MAX);
    return {
      keys: store.count - expired,
      expiring: store.expiring - expired,
      usedBytes: store.usedBytes,
      heldBytes: store.heldBytes,
      timeMs: this.#timeMs,
    };
  }

  foresee(bytes: Uint8Array, start: number, count: number): void {
    this.#context.ahead.look(this.#context.store, bytes, start, count);
  }

  execute(command: CommandView, result: ResultWriter): void {
    const context = this.#context;
    if (command.timeMs > this.#timeMs) this.#timeMs = command.timeMs;
    context.timeMs = this.#timeMs;
    context.nowMs = this.#timeMs;
    context.executing = true;
    if (context.store.nextExpiry <= this.#timeMs) removeExpired(context, EXPIRED_REMOVED_MAX);
    const known = this.#begin(command, result);
    if (context.store.hashKey === HashKey.none) this.#drawHashKey(command, known);
    if (known) executeCommand(context);
  }

  query(command: CommandView, result: ResultWriter, nowMs: number): boolean {
    const context = this.#context;
    context.timeMs = this.#timeMs;
    context.nowMs = Math.max(nowMs, this.#timeMs);
    context.executing = false;
    if (!this.#begin(command, result)) return true;
    const spec = readCommand(context);
    if (spec === undefined) return true;
    if (spec.kind === 'write' || this.#undecided(spec)) return false;
    spec.run!(context);
    return true;
  }

  grows(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#asked.readHead(bytes, start, end) && mayGrow(this.#asked);
  }

  checkpoint(): Iterable<Uint8Array> {
    this.#image?.close();
    this.#image = new StoreImage(this.#context.store, this.#timeMs);
    return this.#image.chunks();
  }

  restore(chunks: Iterable<Uint8Array>): void {
    const { store, timeMs } = restoreStore(chunks);
    this.#image?.close();
    this.#context.store = store;
    this.#timeMs = timeMs;
  }

  digest(): string {
    const store = this.#context.store;
    const high = store.digestHigh.toString(16).padStart(8, '0');
    const low = store.digestLow.toString(16).padStart(8, '0');
    return `${high}${low}-${store.count}`;
  }

  /** Reads the command's head and makes the reply ready. False: it is no command, and says so. */
  #begin(command: CommandView, result: ResultWriter): boolean {
    const context = this.#context;
    context.room = REPLY_BYTES_MAX;
    context.steps = STEPS_MAX;
    const known = this.#reader.readHead(command.bytes, command.start, command.end);
    context.reply.to(result, this.#reader.resp3);
    if (!known) context.reply.error('ERR malformed command');
    return known;
  }

  /** Whether the answer hangs on a key that has expired by our clock, though not by the replicated one. */
  #undecided(spec: CommandSpec): boolean {
    const { store, nowMs } = this.#context;
    if (store.nextExpiry > nowMs) return false;
    const { first, last, step } = spec.keys;
    if (first === 0) return true;
    const argc = this.#reader.argc;
    const end = last < 0 ? argc : last;
    for (let i = first - 1; i < end; i += step) {
      const address = this.#context.find(i);
      if (address !== 0 && hasPassed(store.expiry(address), nowMs)) return true;
    }
    return false;
  }

  /** The first command says what the hashes hang on. */
  #drawHashKey({ timeMs, slot }: CommandView, known: boolean): void {
    const { reader } = this.#context;
    const brought =
      !known || reader.hashKeyAt < 0 ? HashKey.none : HashKey.read(reader.bytes, reader.hashKeyAt);
    this.#image?.close();
    this.#context.store = new Store(brought === HashKey.none ? HashKey.ofCommand(timeMs, slot) : brought);
  }
}
