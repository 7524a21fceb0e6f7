/**
 * Whether a hang-up (SIGHUP) is to be survived. `nohup` has it ignored, but Node.js sets every signal back
 * when it starts, so that the process itself does not show it any more; what is to be seen is what started
 * it, as shells note it, and whether there is a terminal at all that could hang up.
 */
import path from 'node:path';
import { isatty } from 'node:tty';

/** True of a process that a shell started through `nohup`, and of its children. */
export function isUnderNohup(): boolean {
  return path.basename(process.env['_'] ?? '') === 'nohup';
}

/** True if neither input, output nor errors are a terminal: one that hangs up is not this process's. */
export function hasNoTerminal(): boolean {
  return ![0, 1, 2].some((descriptor) => isatty(descriptor));
}
