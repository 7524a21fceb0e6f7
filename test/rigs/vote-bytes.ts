/** The batch that the rigs vote for at a slot and ballot: the two alone decide its length and its bytes. */

const LENGTHS_MAX = [0, 64, 600, 600, 4200, 20_000];

function scramble(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

export function voteBytes(slot: number, ballot: number): Uint8Array {
  let state = scramble(slot) ^ scramble((ballot % 2 ** 32) + Math.floor(ballot / 2 ** 32) + 0x9e3779b9);
  const lengthMax = LENGTHS_MAX[(state >>> 0) % LENGTHS_MAX.length]!;
  const bytes = new Uint8Array(lengthMax === 0 ? 0 : scramble(state + 1) % lengthMax);
  for (let at = 0; at < bytes.length; at++) {
    if (at % 4 === 0) state = scramble(state + 0x9e3779b9 + at);
    bytes[at] = state >>> (8 * (at % 4));
  }
  return bytes;
}
