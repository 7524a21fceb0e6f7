/**
 * A directed schedule: a history by hand. It throws a Violation, or the core a ContractViolation, if it
 * breaks.
 */
import { Violation } from '../../../lib/simulation/violation.js';

export interface Schedule {
  readonly name: string;
  run(): void | Promise<void>;
}

/** Throws unless `found` is `expected`, compared as JSON. */
export function mustBe(found: unknown, expected: unknown, sentence: string): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  if (left !== right) throw new Violation('schedule', `${sentence}: found ${left}, expected ${right}`);
}
