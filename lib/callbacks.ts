/**
 * Callbacks of the program that uses this library: requesters, listeners, subscribers. What one throws, or
 * what a promise that it returns rejects with, is that program's mistake: it is told as a warning of the
 * process, and nothing here stops or goes another way because of it.
 */
import { ErrorCode } from './errors.js';

let thrown = 0;

/** `callback` has thrown. Told for the 1st, 2nd, 4th, 8th … time, so that one in a loop does not flood. */
export function callbackThrew(callback: string, error: unknown): void {
  thrown++;
  if ((thrown & (thrown - 1)) !== 0) return;
  const detail = (error instanceof Error ? error.stack : undefined) ?? '';
  const sentence = `${callback} threw: ${described(error)} (${thrown} times in this process)`;
  process.emitWarning(sentence, { code: ErrorCode.callback, detail });
}

/** `callback` has returned something: a promise is watched, so that its rejection ends nothing. */
export function callbackReturned(callback: string, value: unknown): void {
  if (isThenable(value)) absorb(value, (error) => callbackThrew(callback, error));
}

/** Whether a value has a `then` that can be called; asking never throws. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  try {
    return typeof (value as { then?: unknown }).then === 'function';
  } catch {
    return false;
  }
}

/** Takes up what `promise` rejects with. */
export function absorb(promise: PromiseLike<unknown>, rejected: (error: unknown) => void): void {
  try {
    promise.then(undefined, rejected);
  } catch (error) {
    rejected(error);
  }
}

/** Anything that was thrown, as a few words: not everything has any. */
export function described(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'something that cannot be printed';
  }
}
