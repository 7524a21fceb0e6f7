/**
 * Execution: every replica executes the slots in order, each once, and no command twice; and states at the
 * same slot are the same (contracts 16 and 19).
 */
import type { Batch, ReplicaId, Slot } from '../../types.js';
import { commandsOf, type ToyMachine } from '../machine.js';
import type { Observer } from '../observer.js';
import { must } from '../violation.js';

export class Execution implements Observer {
  private readonly at = new Map<ReplicaId, Slot>();
  private readonly digests = new Map<Slot, number>();
  private readonly slotOf = new Map<number, Slot>();

  applied(replica: ReplicaId, slot: Slot, batch: Batch, machine: ToyMachine): void {
    const before = this.at.get(replica) ?? 0;
    must(slot === before + 1, 'execution', () => `replica ${replica} executed slot ${slot} after ${before}`);
    this.at.set(replica, slot);
    for (const { id } of commandsOf(batch)) {
      const earlier = this.slotOf.get(id) ?? slot;
      must(earlier === slot, 'execution', () => `command ${id} was executed in slots ${earlier} and ${slot}`);
      this.slotOf.set(id, slot);
    }
    this.compare(replica, machine);
  }

  restored(replica: ReplicaId, machine: ToyMachine): void {
    this.at.set(replica, machine.appliedThrough);
    this.compare(replica, machine);
  }

  /** The slot a command was executed in; undefined if it was not, so far. */
  executedIn(command: number): Slot | undefined {
    return this.slotOf.get(command);
  }

  private compare(replica: ReplicaId, { appliedThrough, digest }: ToyMachine): void {
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
