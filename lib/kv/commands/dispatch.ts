/**
 * From a command's bytes to its handler, and the transaction, which is one command that holds others.
 *
 * 1. Bytes that are no command get an error as their reply: never a throw, never a change.
 * 2. A transaction is executed whole or not at all: the versions it watches and the memory limit are looked
 *    at before its first command.
 */
import { CommandReader, readUint32 } from '../command-format.js';
import { KEY_BYTES_MAX, REPLY_BYTES_MAX, VALUE_BYTES_MAX } from '../limits.js';
import { type Context, ERRORS } from './context.js';
import { versionOf } from './keyspace.js';
import { hasArity } from './subcommands.js';
import { type CommandSpec, commandByOpcode, INTERNAL } from './table.js';

/** Most commands in one transaction. */
export const TRANSACTION_COMMANDS_MAX = 8192;

/** Whether a key or value is too long to be stored; if so the error has been written. */
function tooLong(context: Context, spec: CommandSpec): boolean {
  const { argc, starts, ends } = context.reader;
  const { first, last, step } = spec.keys;
  for (let i = 0; i < argc; i++) {
    const length = ends[i]! - starts[i]!;
    if (length <= KEY_BYTES_MAX) continue;
    const position = i + 1;
    const isKey =
      first > 0 && position >= first && (last < 0 || position <= last) && (position - first) % step === 0;
    if (!isKey && length <= VALUE_BYTES_MAX) continue;
    context.reply.error(isKey ? `ERR key longer than ${KEY_BYTES_MAX} bytes` : ERRORS.tooLong);
    return true;
  }
  return false;
}

/** The command under `context.reader`, whose head has been read; undefined: the error has been written. */
export function readCommand(context: Context): CommandSpec | undefined {
  const reader = context.reader;
  const spec = commandByOpcode(reader.opcode);
  if (spec?.run === undefined || !reader.readArguments() || !hasArity(spec.arity, reader.argc + 1)) {
    context.reply.error(ERRORS.malformed);
    return undefined;
  }
  const { start, end } = reader;
  return end - start > KEY_BYTES_MAX && tooLong(context, spec) ? undefined : spec;
}

/** Executes the command under `context.reader`, whose head has been read. */
export function executeCommand(context: Context): void {
  const { reader, reply } = context;
  if (reader.opcode === INTERNAL.exec) {
    executeTransaction(context);
    return;
  }
  const spec = readCommand(context);
  if (spec === undefined) return;
  if (spec.grows && context.store.usedBytes > reader.limitBytes) reply.error(ERRORS.memory);
  else spec.run!(context);
}

const queued: CommandReader = new CommandReader();
const value = new DataView(new ArrayBuffer(8));

function readDouble(bytes: Uint8Array, at: number): number {
  for (let i = 0; i < 8; i++) value.setUint8(i, bytes[at + i]!);
  return value.getFloat64(0, true);
}

/** Goes through the watched keys, each with its version behind it. @returns where they end; −2: malformed */
function watchedEnd(
  { bytes, start, end }: CommandReader,
  visit: (start: number, end: number) => void,
): number {
  if (end - start < 4) return -2;
  let at = start + 4;
  for (let count = readUint32(bytes, start); count > 0; count--) {
    if (end - at < 4) return -2;
    const behind = at + 4 + readUint32(bytes, at);
    if (behind + 8 > end) return -2;
    visit(at + 4, behind);
    at = behind + 8;
  }
  return at;
}

/** Where the queued commands begin; −1: a watched key has changed; −2: malformed. */
function checkWatched(context: Context): number {
  const { reader } = context;
  let unchanged = true;
  const behind = watchedEnd(reader, (start, end) => {
    const address = context.findKey(reader.bytes, start, end);
    if (versionOf(context, address) !== readDouble(reader.bytes, end)) unchanged = false;
  });
  return behind < 0 || unchanged ? behind : -1;
}

/** Whether the command under `reader`, whose head has been read, may grow the state; no command does not. */
export function mayGrow(reader: CommandReader): boolean {
  if (reader.opcode !== INTERNAL.exec) return commandByOpcode(reader.opcode)?.grows === true;
  const from = watchedEnd(reader, () => {});
  return from >= 0 && countQueued(reader, from).grows;
}

/** How many commands are queued from `from` on (−1: malformed), and whether one may grow the state. */
function countQueued({ bytes, end }: CommandReader, from: number): { count: number; grows: boolean } {
  let count = 0;
  let grows = false;
  let at = from;
  while (at < end) {
    if (end - at < 4) return { count: -1, grows };
    const length = readUint32(bytes, at);
    if (length > end - at - 4 || !queued.readHead(bytes, at + 4, at + 4 + length))
      return { count: -1, grows };
    if (queued.opcode === INTERNAL.exec) return { count: -1, grows };
    if (commandByOpcode(queued.opcode)?.grows === true) grows = true;
    at += 4 + length;
    count++;
  }
  return { count: count > TRANSACTION_COMMANDS_MAX ? -1 : count, grows };
}

function runQueued(context: Context): void {
  const spec = readCommand(context);
  if (spec !== undefined) spec.run!(context);
}

function executeTransaction(context: Context): void {
  const { reader, reply } = context;
  const { bytes, end, limitBytes } = reader;
  const from = checkWatched(context);
  if (from === -1) {
    reply.nullArray();
    return;
  }
  const { count, grows } = from < 0 ? { count: -1, grows: false } : countQueued(reader, from);
  if (count < 0) {
    reply.error(ERRORS.malformed);
    return;
  }
  if (grows && context.store.usedBytes > limitBytes) {
    reply.error(`EXECABORT Transaction discarded because of: ${ERRORS.memory}`);
    return;
  }
  const start = reply.position;
  reply.array(count);
  let at = from;
  while (at < end) {
    const behind = at + 4 + readUint32(bytes, at);
    reader.readHead(bytes, at + 4, behind);
    reply.resp3 = reader.resp3;
    context.room = Math.max(0, REPLY_BYTES_MAX - (reply.position - start));
    if (reader.opcode === INTERNAL.literal) reply.raw(bytes, reader.start, reader.end);
    else runQueued(context);
    at = behind;
  }
}
