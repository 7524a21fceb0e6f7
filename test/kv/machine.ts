/** A key-value state machine driven by words, for tests of what its commands do. */
import { addArgument, beginCommand, endCommand } from '../../lib/kv/command-format.js';
import { commandByName, INTERNAL } from '../../lib/kv/commands/table.js';
import { Output } from '../../lib/kv/resp/output.js';
import { KvStateMachine } from '../../lib/kv/state-machine.js';
import { LocalView } from './local-service.js';

export interface Queued {
  readonly watched?: readonly (readonly [string, number])[];
  readonly limitKibibytes?: number;
}

/** What a port brings for the hashes of the state. */
export const HASH_KEY: Buffer = Buffer.from('sixteen bytes of');

/** A command as it goes into the log, without its length. */
export function encode(
  argv: readonly string[],
  limitKibibytes = 0,
  resp3 = false,
  hashKey: Buffer | undefined = undefined,
): Buffer {
  const out = new Output();
  const name = Buffer.from(argv[0]!);
  const spec = commandByName(name, 0, name.length);
  if (spec === undefined) throw new Error(`no command ${argv[0]}`);
  const at = beginCommand(out, spec.opcode, resp3, limitKibibytes, hashKey);
  for (const argument of argv.slice(1)) {
    const bytes = Buffer.from(argument, 'latin1');
    addArgument(out, bytes, 0, bytes.length);
  }
  endCommand(out, at);
  return out.take().subarray(4);
}

export function encodeExec(commands: readonly Buffer[], options: Queued = {}): Buffer {
  const out = new Output();
  beginCommand(out, INTERNAL.exec, false, options.limitKibibytes ?? 0);
  out.writeUint32(options.watched?.length ?? 0);
  for (const [key, version] of options.watched ?? []) {
    const bytes = Buffer.from(key);
    addArgument(out, bytes, 0, bytes.length);
    const place = out.reserve(8);
    out.buffer.writeDoubleLE(version, place);
  }
  for (const command of commands) {
    out.writeUint32(command.length);
    out.write(command);
  }
  return out.take().subarray(4);
}

export class Machine {
  readonly kv: KvStateMachine = new KvStateMachine();
  timeMs = 1_000_000;
  /** What each command brings; undefined: commands as older versions wrote them. */
  hashKey: Buffer | undefined = HASH_KEY;
  readonly #view: LocalView = new LocalView();

  /** Executes encoded bytes. */
  run(bytes: Uint8Array): string {
    const result = new Output();
    this.#point(bytes);
    this.#view.slot++;
    this.kv.execute(this.#view, result);
    return result.take().toString('latin1');
  }

  /** Executes a command, its reply as RESP. */
  do(...argv: string[]): string {
    return this.run(encode(argv, 0, false, this.hashKey));
  }

  /** Queries; undefined if the machine declines. */
  ask(nowMs: number, ...argv: string[]): string | undefined {
    const result = new Output();
    this.#point(encode(argv));
    if (!this.kv.query(this.#view, result, nowMs)) return undefined;
    return result.take().toString('latin1');
  }

  /** The version of a key, as WATCH reads it. */
  watch(key: string): readonly [string, number] {
    return [key, Buffer.from(this.do('WATCH', key), 'latin1').readDoubleLE()];
  }

  #point(bytes: Uint8Array): void {
    const view = this.#view;
    view.bytes = bytes;
    view.start = 0;
    view.end = bytes.length;
    view.timeMs = this.timeMs;
  }
}

/** A bulk string as RESP. */
export function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}
