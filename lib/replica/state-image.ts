/**
 * The state machine's image, taken and put back.
 *
 * 1. The first chunk is pulled at the moment the image is asked for, so that a state machine that gives
 *    its whole state in one chunk cannot give a later one by being a generator.
 * 2. An image that does not give back the state it was taken of is refused: its digest is compared
 *    (contract 19).
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import type { CheckpointMeta } from '../storage/checkpoint-format.js';
import type { Slot } from '../types.js';
import { digestOfState, machineError, notPromised } from './machine-calls.js';
import type { StateMachine } from './state-machine.js';

/** What a checkpoint of the state says of itself. @throws ERR_INDELIBLE_STATE_MACHINE if `digest` throws */
export function imageMeta(machine: StateMachine, place: CheckpointMeta): CheckpointMeta {
  const stateDigest = digestOfState(machine, place.throughSlot);
  return stateDigest === undefined ? place : { ...place, stateDigest };
}

/**
 * The state as it is now, in chunks that may be pulled later.
 * @throws ERR_INDELIBLE_STATE_MACHINE, now or when a chunk is pulled, if `checkpoint` throws
 */
export function takeImage(machine: StateMachine, throughSlot: Slot): Iterable<Uint8Array> {
  const chunks = guarded(throughSlot, () => machine.checkpoint()[Symbol.iterator]());
  const first = guarded(throughSlot, () => chunks.next());
  return (function* () {
    for (let next = first; next.done !== true; next = guarded(throughSlot, () => chunks.next())) {
      if (!(next.value instanceof Uint8Array)) {
        throw machineError('checkpoint', throughSlot, 'it gave a chunk that is no Uint8Array');
      }
      yield next.value;
    }
  })();
}

function guarded<T>(throughSlot: Slot, step: () => T): T {
  try {
    return step();
  } catch (cause) {
    throw machineError('checkpoint', throughSlot, cause);
  }
}

/** An image of a state: a checkpoint, or what is kept of the state that a machine is made with. */
export interface Image {
  readonly meta: Pick<CheckpointMeta, 'stateDigest' | 'throughSlot'>;
  readonly path?: string;
  chunks(): Iterable<Uint8Array>;
}

/**
 * The image of a state before its first slot, to be put back; undefined where it is longer than `bytesMax`,
 * or where the machine cannot give it.
 */
export function keepImage(machine: StateMachine, bytesMax: number): Image | undefined {
  const chunks: Uint8Array[] = [];
  let lengthBytes = 0;
  try {
    const stateDigest = digestOfState(machine, 0);
    for (const chunk of takeImage(machine, 0)) {
      lengthBytes += chunk.length;
      if (lengthBytes > bytesMax) return undefined;
      chunks.push(Buffer.from(chunk));
    }
    const meta = { throughSlot: 0, ...(stateDigest === undefined ? {} : { stateDigest }) };
    return { meta, chunks: () => chunks };
  } catch {
    return undefined;
  }
}

/**
 * Replaces the state by that of a checkpoint.
 * @throws ERR_INDELIBLE_STATE_MACHINE if restoring throws, or gives another state than the one written.
 */
export function restoreImage(machine: StateMachine, file: Image): void {
  const { stateDigest, throughSlot } = file.meta;
  const place = file.path === undefined ? {} : { path: file.path };
  try {
    notPromised(machine.restore(file.chunks()) as unknown);
  } catch (cause) {
    if (cause instanceof IndelibleError) throw cause;
    const sentence = `the state machine's restore threw at slot ${throughSlot}: ${String(cause)}`;
    throw new IndelibleError(ErrorCode.stateMachine, sentence, { cause, ...place });
  }
  const restored = stateDigest === undefined ? undefined : digestOfState(machine, throughSlot);
  if (restored === stateDigest || restored === undefined) return;
  const sentence =
    `the checkpoint through slot ${throughSlot} restores a state with digest ${restored}, but was taken from a state ` +
    `with ${stateDigest}: checkpoint() must give the state as it was at the call, whatever is executed while its chunks are read`;
  throw new IndelibleError(ErrorCode.stateMachine, sentence, place);
}
