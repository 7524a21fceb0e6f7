/**
 * A copy that is one: `slice` of a Buffer, which is a Uint8Array too, is a view of the same bytes, and what
 * looks like kept bytes then changes when their owner writes the next ones.
 */
export function copied(bytes: Uint8Array, start = 0, end: number = bytes.length): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes, start, end);
}
