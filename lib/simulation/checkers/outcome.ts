/** Outcome: a command reported as never executed is never executed, before or after the report. */
import type { ReplicaId, Slot } from '../../types.js';
import type { ToyCommand } from '../machine.js';
import type { Observer } from '../observer.js';
import { must } from '../violation.js';
import type { Execution } from './execution.js';

export class OutcomeChecker implements Observer {
  private readonly execution: Execution;
  private readonly refused = new Set<number>();

  constructor(execution: Execution) {
    this.execution = execution;
  }

  notExecuted({ id }: ToyCommand): void {
    const slot = this.execution.executedIn(id);
    must(
      slot === undefined,
      'outcome',
      () => `command ${id} was called lost, and was executed in slot ${slot}`,
    );
    this.refused.add(id);
  }

  executed(replica: ReplicaId, slot: Slot, { id }: ToyCommand): void {
    must(
      !this.refused.has(id),
      'outcome',
      () => `command ${id} was called lost, and replica ${replica} executed it in slot ${slot}`,
    );
  }
}
