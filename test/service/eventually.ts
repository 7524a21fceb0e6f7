/** Waiting for what can be observed, up to a deadline that fails with what was seen instead. */
import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds between two looks. */
const LOOK_MS = 25;

/** What hangs is to be told; a machine under load must not fail what is right. */
export const DEADLINE_MS = 600_000;

/**
 * Looks again and again until `look` gives something.
 * @param what the condition, for a person
 * @param diagnose what to say of the state of things when the deadline has passed
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  diagnose: () => Promise<string> | string = () => '',
  deadlineMs: number = DEADLINE_MS,
): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > endMs) {
      throw new Error(`after ${deadlineMs / 1000} s not: ${what}\n${await diagnose()}`);
    }
    await pause(LOOK_MS);
  }
}
