/** How new a state a read wants, and what a caller says of it, checked. */
import { argumentError, argumentTypeError } from '../errors.js';
import type { Slot } from '../types.js';
import type { RequestOptions } from './service.js';

/**
 * How new the state is that a read is answered from.
 *
 * - `'linearizable'`: it holds everything answered before the call, by whatever replica. Costs a round of
 *   messages; the leader must be reachable.
 * - `{ atLeast: slot }`: it has applied that slot. For who has the slot from an earlier call, and wants to
 *   see no older state than that one, on whatever replica.
 * - `{ maxStalenessMs }`: it holds everything answered that many milliseconds before the call. Costs a round
 *   only if the last one was longer ago. 0 is as `'linearizable'`.
 * - `'local'`: whatever this replica has applied.
 */
export type Consistency =
  | 'linearizable'
  | 'local'
  | {
      /** A slot that must be applied, from 0. */
      readonly atLeast: Slot;
    }
  | {
      /** Milliseconds before the call, from 0. */
      readonly maxStalenessMs: number;
    };

/** Options of `Replica.read`. */
export interface ReadOptions extends RequestOptions {
  /** `'linearizable'` by default. */
  readonly consistency?: Consistency;
}

/** @throws TypeError, RangeError with ERR_INDELIBLE_ARGUMENT */
export function checkConsistency(consistency: Consistency): void {
  if (consistency === 'linearizable' || consistency === 'local') return;
  const { atLeast, maxStalenessMs } = asBounds(consistency);
  if ((atLeast === undefined) === (maxStalenessMs === undefined)) {
    throw argumentTypeError('a consistency is a name, or has one of atLeast and maxStalenessMs');
  }
  if (atLeast !== undefined && !isFrom0(atLeast, Number.isSafeInteger)) {
    throw argumentError(`a slot is a whole number from 0 on, not ${String(atLeast)}`);
  }
  if (maxStalenessMs !== undefined && !isFrom0(maxStalenessMs, Number.isFinite)) {
    throw argumentError(`a staleness is a number of milliseconds from 0 on, not ${String(maxStalenessMs)}`);
  }
}

function isFrom0(given: unknown, isNumber: (given: unknown) => boolean): boolean {
  return isNumber(given) && (given as number) >= 0;
}

/** Callers without types give anything. */
function asBounds(given: unknown): { readonly atLeast?: unknown; readonly maxStalenessMs?: unknown } {
  if (typeof given !== 'object' || given === null) {
    throw argumentTypeError(`no consistency is called ${String(given)}`);
  }
  return given;
}
