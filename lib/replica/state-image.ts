/**
 * The image of the state, taken and put back: that of the state machine, and in front of it the sessions.
 *
 * 1. The first chunk is pulled at the moment the image is asked for, so that a state machine that gives
 *    its whole state in one chunk cannot give a later one by being a generator.
 * 2. The table of sessions is a section of its own: the state machine never sees it.
 * 3. An image that does not give back the state it was taken of is refused: its digest is compared
 *    (contract 19).
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import type { CheckpointMeta } from '../storage/checkpoint-format.js';
import type { Slot } from '../types.js';
import { digestOfState, machineError, notPromised } from './machine-calls.js';
import { readSessions, writeSessions } from './sessions/session-image.js';
import type { SessionTable } from './sessions/session-table.js';
import type { StateMachine } from './state-machine.js';

/** Everything that the commands have made: what the state machine holds, and the sessions. */
export interface ReplicatedState {
  readonly machine: StateMachine;
  readonly sessions: SessionTable;
}

/** An image, and what its checkpoint says of itself. */
export interface TakenImage {
  readonly meta: CheckpointMeta;
  readonly chunks: Iterable<Uint8Array>;
}

/**
 * The digest of the state: that of the state machine, and of the sessions if there ever was one. Undefined
 * where the machine gives none.
 * @throws ERR_INDELIBLE_STATE_MACHINE if `digest` throws
 */
export function digestOfAll({ machine, sessions }: ReplicatedState, throughSlot: Slot): string | undefined {
  const ofMachine = digestOfState(machine, throughSlot);
  const ofSessions = ofMachine === undefined ? undefined : sessions.digest();
  return ofSessions === undefined ? ofMachine : `${ofMachine}+${ofSessions}`;
}

/**
 * The state as it is now, in chunks that may be pulled later, and `place` with what is to be said of it.
 * @throws ERR_INDELIBLE_STATE_MACHINE, now or when a chunk is pulled, if `checkpoint` throws
 */
export function takeImage(state: ReplicatedState, place: CheckpointMeta): TakenImage {
  const stateDigest = digestOfAll(state, place.throughSlot);
  const sessions = writeSessions(state.sessions);
  const meta = {
    ...place,
    ...(stateDigest === undefined ? {} : { stateDigest }),
    ...(sessions === undefined ? {} : { sessionBytes: sessions.length }),
  };
  const chunks = chunksOf(state.machine, place.throughSlot);
  if (sessions === undefined) return { meta, chunks };
  return {
    meta,
    chunks: (function* () {
      yield sessions;
      yield* chunks;
    })(),
  };
}

function chunksOf(machine: StateMachine, throughSlot: Slot): Iterable<Uint8Array> {
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
  readonly meta: Pick<CheckpointMeta, 'stateDigest' | 'throughSlot' | 'sessionBytes'>;
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
    for (const chunk of chunksOf(machine, 0)) {
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
 * @throws ERR_INDELIBLE_STATE_MACHINE if restoring throws, or gives another state than the one written;
 * ERR_INDELIBLE_STORE_CORRUPT if it holds no sound table of sessions
 */
export function restoreImage(state: ReplicatedState, file: Image): void {
  const { machine, sessions } = state;
  const { stateDigest, throughSlot, sessionBytes } = file.meta;
  const place = file.path === undefined ? {} : { path: file.path };
  try {
    const { section, rest } = split(file.chunks(), sessionBytes ?? 0);
    readSessions(sessions, sessionBytes === undefined ? undefined : section);
    notPromised(machine.restore(rest) as unknown);
  } catch (cause) {
    if (cause instanceof IndelibleError) throw cause;
    const sentence = `the state machine's restore threw at slot ${throughSlot}: ${String(cause)}`;
    throw new IndelibleError(ErrorCode.stateMachine, sentence, { cause, ...place });
  }
  const restored = stateDigest === undefined ? undefined : digestOfAll(state, throughSlot);
  if (restored === stateDigest || restored === undefined) return;
  const sentence =
    `the checkpoint through slot ${throughSlot} restores a state with digest ${restored}, but was taken from a state ` +
    `with ${stateDigest}: checkpoint() must give the state as it was at the call, whatever is executed while its chunks are read`;
  throw new IndelibleError(ErrorCode.stateMachine, sentence, place);
}

/** The first `sectionBytes` of the chunks, and those behind. */
function split(
  chunks: Iterable<Uint8Array>,
  sectionBytes: number,
): { readonly section: Buffer; readonly rest: Iterable<Uint8Array> } {
  if (sectionBytes === 0) return { section: Buffer.alloc(0), rest: chunks };
  const iterator = chunks[Symbol.iterator]();
  const parts: Uint8Array[] = [];
  let got = 0;
  while (got < sectionBytes) {
    const next = iterator.next();
    // What is missing is found in the section itself.
    if (next.done === true) break;
    parts.push(next.value);
    got += next.value.length;
  }
  const all = Buffer.concat(parts);
  const behind = all.subarray(sectionBytes);
  const rest = (function* () {
    if (behind.length > 0) yield behind;
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) yield next.value;
  })();
  return { section: all.subarray(0, sectionBytes), rest };
}
