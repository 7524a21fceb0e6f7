/**
 * The state machine's answers, held to what they must be: it is synchronous, so that a promise is a mistake
 * of its program, found before anything rests on it.
 */
import { absorb, callbackThrew, described, isThenable } from '../callbacks.js';
import { argumentTypeError, ErrorCode, IndelibleError } from '../errors.js';
import type { Slot } from '../types.js';
import type { StateMachine } from './state-machine.js';

const ASYNC = Object.getPrototypeOf(async () => {}).constructor as typeof Function;

/** Methods that must be there, and those that may. */
const REQUIRED = ['execute', 'query', 'checkpoint', 'restore'] as const;
const OPTIONAL = ['foresee', 'grows', 'digest'] as const;

/**
 * Refuses what cannot be a state machine before any of it is called.
 * @throws TypeError with ERR_INDELIBLE_ARGUMENT for a method that is missing or async
 */
export function checkMachine(machine: StateMachine): void {
  for (const name of [...REQUIRED, ...OPTIONAL]) {
    const method: unknown = machine?.[name];
    if (method === undefined && (OPTIONAL as readonly string[]).includes(name)) continue;
    if (typeof method !== 'function') throw argumentTypeError(`a state machine has a method ${name}`);
    if (method instanceof ASYNC) {
      throw argumentTypeError(
        `${name} of a state machine must be synchronous: an async function cannot be replicated`,
      );
    }
  }
}

/** What a method returned. @throws TypeError for a promise */
export function notPromised<T>(returned: T): T {
  if (!isThenable(returned)) return returned;
  absorb(returned, () => {});
  throw new TypeError('it returned a promise, and a state machine is synchronous');
}

/** Whether the command may grow the state; one of which that cannot be told may. */
export function mayGrow(machine: StateMachine, bytes: Uint8Array, start: number, end: number): boolean {
  if (machine.grows === undefined) return true;
  try {
    return notPromised(machine.grows(bytes, start, end)) !== false;
  } catch (error) {
    callbackThrew('StateMachine.grows', error);
    return true;
  }
}

/** The state's digest; undefined where the machine gives none. @throws ERR_INDELIBLE_STATE_MACHINE */
export function digestOfState(machine: StateMachine, slot: Slot): string | undefined {
  if (machine.digest === undefined) return undefined;
  try {
    const digest: unknown = notPromised(machine.digest());
    if (typeof digest === 'string') return digest;
    throw new TypeError(`it returned ${typeof digest}, not a string`);
  } catch (error) {
    throw machineError('digest', slot, error);
  }
}

/** @param method what threw; `slot` is what it was about */
export function machineError(method: string, slot: Slot, cause: unknown): IndelibleError {
  const sentence = `the state machine's ${method} threw at slot ${slot}: ${described(cause)}`;
  return new IndelibleError(ErrorCode.stateMachine, sentence, { cause });
}
