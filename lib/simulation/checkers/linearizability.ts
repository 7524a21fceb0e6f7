/**
 * Linearizability of each key: some order of the operations explains every answer and agrees with real time.
 *
 * The log gives the order of the writes of a key, and every write is unique, so the order of all operations
 * is known: a read stands right behind the write it saw. What remains is real time: an operation's place is
 * not before that of any operation that was answered before this one was asked.
 */
import type { ReplicaId, Slot } from '../../types.js';
import type { ToyCommand } from '../machine.js';
import type { Observer, Operation } from '../observer.js';
import { must } from '../violation.js';

export class Linearizability implements Observer {
  /** Where in its key's order of writes a command stands, from 1. */
  private readonly places = new Map<number, number>();
  private readonly writes = new Map<number, number>();
  /** The furthest place that an answered operation of a key has taken. */
  private readonly answered = new Map<number, number>();
  /** That place, when an operation that is still open was asked. */
  private readonly floors = new Map<number, number>();
  /** Whoever executes a command first is the first to do so with every earlier one, too. */
  executed(_replica: ReplicaId, _slot: Slot, { id, key }: ToyCommand): void {
    if (this.places.has(id)) return;
    const place = (this.writes.get(key) ?? 0) + 1;
    this.writes.set(key, place);
    this.places.set(id, place);
  }

  asked({ id, key }: Operation): void {
    this.floors.set(id, this.answered.get(key) ?? 0);
  }

  wrote(operation: Operation): void {
    const place = this.places.get(operation.id) ?? 0;
    const floor = this.floors.get(operation.id)!;
    must(
      place > floor,
      'linearizability',
      () => `write ${operation.id} of key ${operation.key} is ordered before an operation that preceded it`,
    );
    this.answer(operation, place);
  }

  read(operation: Operation, value: number): void {
    const place = value === 0 ? 0 : (this.places.get(value) ?? 0);
    const floor = this.floors.get(operation.id)!;
    must(
      place >= floor,
      'linearizability',
      () =>
        `read ${operation.id} of key ${operation.key} missed a write that was answered before it was asked`,
    );
    this.answer(operation, place);
  }

  private answer({ id, key }: Operation, place: number): void {
    this.floors.delete(id);
    if (place > (this.answered.get(key) ?? 0)) this.answered.set(key, place);
  }
}
