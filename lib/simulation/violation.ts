/**
 * A promise that was broken: which checker saw it, and what it saw. Ends the simulation that it happens in.
 */
export class Violation extends Error {
  override readonly name = 'Violation';
  /** The checker's name, or `contract N` where the core itself refused to go on. */
  readonly checker: string;

  constructor(checker: string, sentence: string) {
    super(`${checker}: ${sentence}`);
    this.checker = checker;
  }
}

/** Throws a {@link Violation} unless `condition` holds. The sentence is only made when it does not. */
export function must(condition: boolean, checker: string, sentence: () => string): asserts condition {
  if (!condition) throw new Violation(checker, sentence());
}
