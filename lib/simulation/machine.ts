/**
 * The state machine of simulations: a map of small integers that also remembers every command it has
 * executed, so that "executed exactly once" and "still there" can be asked of a state itself.
 *
 * A batch is u16 count, then each command as u32 id, u16 key, and padding that only takes space: u16 length
 * and bytes. A command writes its own id, which no other command has, to its key.
 */
import { digestOf } from '../storage/crc64.js';
import { type Batch, BatchKind, type Slot } from '../types.js';

export interface ToyCommand {
  readonly id: number;
  readonly key: number;
}

export function batchOf(commands: readonly ToyCommand[], paddingBytes: number): Batch {
  const bytes = Buffer.alloc(2 + commands.length * (8 + paddingBytes));
  bytes.writeUInt16LE(commands.length, 0);
  let at = 2;
  for (const { id, key } of commands) {
    bytes.writeUInt32LE(id, at);
    bytes.writeUInt16LE(key, at + 4);
    bytes.writeUInt16LE(paddingBytes, at + 6);
    at += 8 + paddingBytes;
  }
  return { kind: BatchKind.commands, digest: digestOf(bytes, 0, bytes.length), bytes };
}

export function commandsOf(batch: Batch): ToyCommand[] {
  if (batch.kind !== BatchKind.commands) return [];
  const bytes = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.byteLength);
  const commands: ToyCommand[] = [];
  let at = 2;
  for (let left = bytes.readUInt16LE(0); left > 0; left--) {
    commands.push({ id: bytes.readUInt32LE(at), key: bytes.readUInt16LE(at + 4) });
    at += 8 + bytes.readUInt16LE(at + 6);
  }
  return commands;
}

/** What checkers compare of a state. */
export interface StateView {
  readonly appliedThrough: Slot;
  /** Equal on machines that executed the same. */
  readonly digest: number;
  /** Every command executed, in order. */
  readonly executed: readonly number[];
}

export class ToyMachine implements StateView {
  appliedThrough: Slot = 0;
  /** Changes with every slot and every command; equal on machines that executed the same. */
  digest = 0;
  /** What each key holds: the id of the command that wrote it. */
  readonly values: Map<number, number> = new Map();
  /** Every command executed, in order. */
  executed: number[] = [];

  /** The id last written to `key`; 0 for none. */
  read(key: number): number {
    return this.values.get(key) ?? 0;
  }

  apply(slot: Slot, batch: Batch): void {
    this.appliedThrough = slot;
    this.digest = fold(this.digest, slot);
    for (const { id, key } of commandsOf(batch)) {
      this.values.set(key, id);
      this.executed.push(id);
      this.digest = fold(fold(this.digest, id), key);
    }
  }

  save(): Uint8Array {
    const words = [this.appliedThrough, this.digest, this.values.size];
    for (const [key, id] of this.values) words.push(key, id);
    words.push(...this.executed);
    return new Uint8Array(Uint32Array.from(words).buffer);
  }

  static load(bytes: Uint8Array): ToyMachine {
    const words = new Uint32Array(bytes.slice().buffer);
    const machine = new ToyMachine();
    machine.appliedThrough = words[0]!;
    machine.digest = words[1]!;
    const valuesEnd = 3 + 2 * words[2]!;
    for (let at = 3; at < valuesEnd; at += 2) machine.values.set(words[at]!, words[at + 1]!);
    machine.executed = [...words.subarray(valuesEnd)];
    return machine;
  }
}

function fold(digest: number, value: number): number {
  const mixed = Math.imul(digest ^ value, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
