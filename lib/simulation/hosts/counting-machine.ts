/**
 * The state machine of simulated hosts: a map of small integers that also remembers every command it has
 * executed, as machine.ts, behind the interface that users implement.
 *
 * A command is u32 id, u16 key and padding; it writes its id, which no other command has, to its key. Its
 * result is the slot it was executed in. A query is u16 key; its answer is the id last written there. At some
 * commands it throws, each time, and half way through.
 */
import type { CommandView, ResultWriter, StateMachine } from '../../replica/state-machine.js';
import type { Slot } from '../../types.js';
import type { StateView, ToyCommand } from '../machine.js';

export const COMMAND_BYTES_MIN = 6;
export const QUERY_BYTES = 2;
/** Chunks of an image, in words. */
const CHUNK_WORDS = 64;

export function readCommand(bytes: Uint8Array, start: number): ToyCommand {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { id: view.getUint32(start, true), key: view.getUint16(start + 4, true) };
}

export interface MachineOwner {
  /** Told of every command before it is executed. */
  heard(slot: Slot, timeMs: number, command: ToyCommand): void;
  /** Whether the machine throws at a command: the same at each time, on every replica. */
  isPoison(slot: Slot, command: ToyCommand): boolean;
}

export class CountingMachine implements StateMachine {
  private executed: number[] = [];
  private readonly known = new Set<number>();
  private readonly values = new Map<number, number>();
  private folded = 0;
  private readonly owner: MachineOwner;

  constructor(owner: MachineOwner) {
    this.owner = owner;
  }

  /** The state as that through `slot`. */
  at(slot: Slot): StateView {
    return { appliedThrough: slot, digest: this.folded, executed: this.executed };
  }

  /** Whether the command `id` has been executed already. */
  has(id: number): boolean {
    return this.known.has(id);
  }

  execute({ bytes, start, slot, timeMs }: CommandView, result: ResultWriter): void {
    const command = readCommand(bytes, start);
    if (this.owner.isPoison(slot, command)) {
      this.values.set(command.key, command.id);
      this.folded = fold(this.folded, command.id);
      throw new Error('a command at which every simulated machine throws');
    }
    this.owner.heard(slot, timeMs, command);
    this.values.set(command.key, command.id);
    this.executed.push(command.id);
    this.known.add(command.id);
    this.folded = fold(fold(fold(this.folded, slot), command.id), command.key);
    const at = result.reserve(8);
    result.buffer.writeDoubleLE(slot, at);
  }

  query({ bytes, start }: CommandView, result: ResultWriter): boolean {
    const key = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint16(start, true);
    const at = result.reserve(4);
    result.buffer.writeUInt32LE(this.values.get(key) ?? 0, at);
    return true;
  }

  checkpoint(): Iterable<Uint8Array> {
    const words = Uint32Array.of(this.folded, this.values.size, ...[...this.values].flat(), ...this.executed);
    return (function* () {
      for (let at = 0; at < words.length; at += CHUNK_WORDS) {
        yield new Uint8Array(words.slice(at, at + CHUNK_WORDS).buffer);
      }
    })();
  }

  restore(chunks: Iterable<Uint8Array>): void {
    const bytes = Buffer.concat([...chunks]);
    const word = (at: number): number => bytes.readUInt32LE(at * 4);
    this.values.clear();
    this.executed = [];
    this.known.clear();
    if (bytes.length === 0) return;
    this.folded = word(0);
    const valuesEnd = 2 + 2 * word(1);
    for (let at = 2; at < valuesEnd; at += 2) this.values.set(word(at), word(at + 1));
    for (let at = valuesEnd; at * 4 < bytes.length; at++) this.executed.push(word(at));
    for (const id of this.executed) this.known.add(id);
  }

  digest(): string {
    return this.folded.toString(16);
  }
}

function fold(digest: number, value: number): number {
  const mixed = Math.imul(digest ^ value, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
