/**
 * Contracts as code. Their numbers are those of docs/protocol.md. A violated contract is neither an
 * operating error nor the caller's: the replica stops and says which one broke, and where.
 *
 * Messages are literals, so that a check that holds costs a comparison and nothing else.
 */

/** Whether a caller, the code itself, or the state in between broke the contract. */
export type ContractKind = 'requires' | 'ensures' | 'invariant';

/** A broken contract: a bug of Indelible, or a state machine that breaks its rules. The replica stops. */
export class ContractViolation extends Error {
  /** Always `ContractViolation`. */
  override readonly name = 'ContractViolation';
  /** Always `ERR_INDELIBLE_CONTRACT`. */
  readonly code = 'ERR_INDELIBLE_CONTRACT';
  /** Its number in docs/protocol.md. */
  readonly contract: number;
  /** What kind of contract it is. */
  readonly kind: ContractKind;

  constructor(kind: ContractKind, contract: number, sentence: string) {
    super(`contract ${contract} (${kind}): ${sentence}`);
    this.contract = contract;
    this.kind = kind;
  }
}

/** What must hold on entry; if not, the caller broke contract `contract`. */
export function requires(condition: boolean, contract: number, sentence: string): asserts condition {
  if (!condition) throw new ContractViolation('requires', contract, sentence);
}

/** What must hold on exit; if not, this code broke contract `contract`. */
export function ensures(condition: boolean, contract: number, sentence: string): asserts condition {
  if (!condition) throw new ContractViolation('ensures', contract, sentence);
}

/** What must hold at all times between two steps. */
export function invariant(condition: boolean, contract: number, sentence: string): asserts condition {
  if (!condition) throw new ContractViolation('invariant', contract, sentence);
}

/** A place no execution reaches; the type system agrees where the argument is `never`. */
export function unreachable(what: never): never {
  throw new ContractViolation('invariant', 0, `unreachable: ${JSON.stringify(what)}`);
}
