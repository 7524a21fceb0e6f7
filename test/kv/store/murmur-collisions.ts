/** Texts that Murmur3's 32-bit function does not tell apart, whatever its seed is. */

/** The word that Murmur3 scrambles to `word`. */
function unscrambled(word: number): number {
  const turned = Math.imul(word, 0x56ed309b);
  return Math.imul((turned >>> 15) | (turned << 17), 0xdee13bb1);
}

/**
 * 2 ** blocks of them. In each block of 8 bytes the first word may differ in a bit that the mixing turns into
 * the highest one, which the second word then takes out again.
 */
export function murmurCollisions(blocks: number): Buffer[] {
  const texts: Buffer[] = [];
  for (let choice = 0; choice < 2 ** blocks; choice++) {
    const text = Buffer.alloc(8 * blocks);
    for (let block = 0; block < blocks; block++) {
      const other = (choice >>> block) & 1;
      text.writeInt32LE(unscrambled(0x1234567 ^ (other << 18)), 8 * block);
      text.writeInt32LE(unscrambled(0x2345678 ^ (other << 31)), 8 * block + 4);
    }
    texts.push(text);
  }
  return texts;
}
