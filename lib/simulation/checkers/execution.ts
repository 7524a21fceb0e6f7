/**
 * Execution: every replica executes the slots in order, each once, and no command twice; and states at the
 * same slot are the same (contracts 16 and 19).
 */
import type { ReplicaId, Slot } from '../../types.js';
import type { StateView, ToyCommand } from '../machine.js';
import type { Observer } from '../observer.js';
import { must } from '../violation.js';

export class Execution implements Observer {
  private readonly at = new Map<ReplicaId, Slot>();
  private readonly digests = new Map<Slot, number>();
  private readonly slotOf = new Map<number, Slot>();

  executed(replica: ReplicaId, slot: Slot, { id }: ToyCommand): void {
    this.mustBeNext(replica, slot);
    const earlier = this.slotOf.get(id) ?? slot;
    must(earlier === slot, 'execution', () => `command ${id} was executed in slots ${earlier} and ${slot}`);
    this.slotOf.set(id, slot);
  }

  applied(replica: ReplicaId, slot: Slot, machine: StateView | undefined): void {
    this.mustBeNext(replica, slot);
    this.at.set(replica, slot);
    if (machine !== undefined) this.compare(replica, machine);
  }

  restored(replica: ReplicaId, machine: StateView): void {
    this.at.set(replica, machine.appliedThrough);
    this.compare(replica, machine);
  }

  /** The slot a command was executed in; undefined if it was not, so far. */
  executedIn(command: number): Slot | undefined {
    return this.slotOf.get(command);
  }

  private mustBeNext(replica: ReplicaId, slot: Slot): void {
    const before = this.at.get(replica) ?? 0;
    must(slot === before + 1, 'execution', () => `replica ${replica} executed slot ${slot} after ${before}`);
  }

  private compare(replica: ReplicaId, { appliedThrough, digest }: StateView): void {
    if (appliedThrough === 0) return;
    const known = this.digests.get(appliedThrough) ?? digest;
    must(
      known === digest,
      'execution',
      () => `the state of replica ${replica} differs at slot ${appliedThrough}`,
    );
    this.digests.set(appliedThrough, digest);
  }
}
