/** Looks at a small file now and then; whoever changes it puts another in its place (durable-file.ts). */
import { readFileIfThere } from './durable-file.js';

/** Milliseconds between two looks. */
const LOOK_MS = 500;

/**
 * Calls `onChange` after the first look, and when the file has another text than at the look before.
 * @returns ends it
 */
export function watchFile(file: string, onChange: () => void): () => void {
  let known: string | undefined;
  const timer = setInterval(() => {
    const text = textOf(file);
    if (text === undefined || text === known) return;
    known = text;
    onChange();
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Undefined while it cannot be read: the next look may find it again. */
function textOf(file: string): string | undefined {
  try {
    return readFileIfThere(file);
  } catch {
    return undefined;
  }
}
