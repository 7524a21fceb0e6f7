/**
 * Two histories gone through side by side: the first slot at which they are not the same.
 *
 * 1. The batches are compared before the states: other commands explain another state, and nothing else does
 *    but a state machine that is not deterministic, or a state that was damaged.
 * 2. What lies before the slot at which both have a state cannot be compared.
 */
import { argumentError } from '../errors.js';
import type { Slot } from '../types.js';
import type { Replay } from './replay.js';

/** `commands`: other batches were chosen; `state`: the same commands led to another state. */
export interface Difference {
  readonly slot: Slot;
  readonly of: 'commands' | 'state';
  /** It is where the comparison begins: the first difference may lie before it. */
  readonly isFirst: boolean;
}

export interface Comparison {
  /** The slots that were compared. */
  readonly from: Slot;
  readonly through: Slot;
  /** Undefined if there is none. */
  readonly difference: Difference | undefined;
  /** False where the state machine gives no digest: the commands alone were compared. */
  readonly hasStates: boolean;
}

/**
 * @param through the last slot to compare, as far as both have it
 * @param each called at every slot, with both
 * @throws RangeError where no slot is in both; ERR_INDELIBLE_STATE_MACHINE
 */
export function compare(
  a: Replay,
  b: Replay,
  through: Slot = Number.POSITIVE_INFINITY,
  each: (a: Replay, b: Replay) => void = () => {},
): Comparison {
  const from = Math.max(a.slot, b.slot);
  const last = Math.min(a.history.throughSlot, b.history.throughSlot, through);
  if (from > last) {
    throw argumentError(
      `no slot is in both: ${a.history.path} has ${a.slot} … ${a.history.throughSlot}, ` +
        `${b.history.path} has ${b.slot} … ${b.history.throughSlot}`,
    );
  }
  a.run(from);
  b.run(from);
  const hasStates = a.stateDigest !== undefined && b.stateDigest !== undefined;
  for (;;) {
    each(a, b);
    const isOtherState = hasStates && a.stateDigest !== b.stateDigest;
    const of = a.chain !== b.chain ? 'commands' : isOtherState ? 'state' : undefined;
    const { slot } = a;
    if (of !== undefined)
      return { from, through: slot, hasStates, difference: { slot, of, isFirst: slot === from } };
    if (slot === last) return { from, through: last, hasStates, difference: undefined };
    a.step();
    b.step();
  }
}
