/**
 * What a client sent, as far as an error text repeats it: as Redis has it, up to the first NUL, and no longer
 * than 128 bytes. One character stands for one byte, as in every error text.
 */
export const SHOWN_BYTES_MAX = 128;

export function shown(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
  mostBytes: number = SHOWN_BYTES_MAX,
): string {
  const stop = Math.min(end, start + mostBytes);
  let text = '';
  for (let at = start; at < stop && bytes[at] !== 0; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}
