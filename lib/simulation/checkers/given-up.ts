/**
 * What was given up: a command that was told *unknown* may still be executed, but not behind a newer one of
 * the same requester that was answered. Whoever asks again after *unknown* would see the old one win.
 */
import type { ReplicaId, Slot } from '../../types.js';
import type { ToyCommand } from '../machine.js';
import type { Observer } from '../observer.js';
import { must } from '../violation.js';
import type { Execution } from './execution.js';

export class GivenUp implements Observer {
  private readonly execution: Execution;
  /** Where a newer command of the same requester was executed. */
  private readonly ends = new Map<number, Slot>();

  constructor(execution: Execution) {
    this.execution = execution;
  }

  overtaken(commands: readonly number[], slot: Slot): void {
    for (const id of commands) {
      this.mustBeBefore(id, this.execution.executedIn(id) ?? slot, slot);
      this.ends.set(id, slot);
    }
  }

  executed(_replica: ReplicaId, slot: Slot, { id }: ToyCommand): void {
    const end = this.ends.get(id);
    if (end !== undefined) this.mustBeBefore(id, slot, end);
  }

  private mustBeBefore(id: number, slot: Slot, end: Slot): void {
    must(
      slot <= end,
      'given-up',
      () =>
        `command ${id} was told unknown, and executed in slot ${slot}, behind a newer one of its requester ` +
        `that was answered for slot ${end}`,
    );
  }
}
