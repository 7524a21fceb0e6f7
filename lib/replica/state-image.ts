/**
 * The state machine's image, taken and put back.
 *
 * 1. The first chunk is pulled at the moment the image is asked for, so that a state machine that gives
 *    its whole state in one chunk cannot give a later one by being a generator.
 * 2. An image that does not give back the state it was taken of is refused: its digest is compared
 *    (contract 19).
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import type { CheckpointFile } from '../storage/checkpoint-file.js';
import type { StateMachine } from './state-machine.js';

/** The state as it is now, in chunks that may be pulled later. */
export function takeImage(machine: StateMachine): Iterable<Uint8Array> {
  const chunks = machine.checkpoint()[Symbol.iterator]();
  const first = chunks.next();
  return (function* () {
    for (let next = first; next.done !== true; next = chunks.next()) yield next.value;
  })();
}

/**
 * Replaces the state by that of a checkpoint.
 * @throws ERR_INDELIBLE_STATE_MACHINE if restoring throws, or gives another state than the one written.
 */
export function restoreImage(machine: StateMachine, file: CheckpointFile): void {
  const { stateDigest, throughSlot } = file.meta;
  try {
    machine.restore(file.chunks());
  } catch (cause) {
    if (cause instanceof IndelibleError) throw cause;
    const sentence = `the state machine's restore threw at slot ${throughSlot}: ${String(cause)}`;
    throw new IndelibleError(ErrorCode.stateMachine, sentence, { cause, path: file.path });
  }
  const restored = stateDigest === undefined ? undefined : machine.digest?.();
  if (restored === stateDigest || restored === undefined) return;
  const sentence =
    `the checkpoint through slot ${throughSlot} restores a state with digest ${restored}, but was taken of one ` +
    `with ${stateDigest}: checkpoint() must give the state as of its call, whatever is executed meanwhile`;
  throw new IndelibleError(ErrorCode.stateMachine, sentence, { path: file.path });
}
