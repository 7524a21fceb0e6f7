/** Durability: a command that was answered is in the state of every replica in the end (contract 17). */
import type { Slot } from '../../types.js';
import type { FinalState, Observer, Operation } from '../observer.js';
import { must } from '../violation.js';
import type { Execution } from './execution.js';

export class Durability implements Observer {
  private readonly execution: Execution;
  private readonly answered: number[] = [];

  constructor(execution: Execution) {
    this.execution = execution;
  }

  wrote(operation: Operation, slot: Slot): void {
    must(
      this.execution.executedIn(operation.id) === slot,
      'durability',
      () => `command ${operation.id} was answered for slot ${slot}, where it was not executed`,
    );
    this.answered.push(operation.id);
  }

  finished(replicas: readonly FinalState[]): void {
    for (const { replica, machine } of replicas) {
      const executed = new Set(machine.executed);
      must(
        executed.size === machine.executed.length,
        'durability',
        () => `the state of replica ${replica} has executed a command twice`,
      );
      for (const id of this.answered) {
        must(
          executed.has(id),
          'durability',
          () => `command ${id} was answered and is missing on replica ${replica}`,
        );
      }
    }
  }
}
