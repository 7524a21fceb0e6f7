/**
 * A fingerprint of everything that happened, in order: two runs of a seed are the same run exactly if their
 * fingerprints are equal.
 */
export class Trace {
  private low = 0x243f6a88;
  private high = 0x13198a2e;

  fold(value: number): void {
    const low = Math.imul(this.low ^ (value >>> 0), 0x9e3779b1);
    const high = Math.imul(this.high ^ Math.floor(value / 2 ** 32), 0x85ebca77);
    this.low = low ^ (high >>> 15) ^ (low >>> 13);
    this.high = (high + low) ^ (high >>> 11);
  }

  foldBytes(bytes: Uint8Array): void {
    let low = this.low;
    for (let at = 0; at < bytes.length; at++) low = Math.imul(low ^ bytes[at]!, 0x01000193);
    this.low = low;
    this.fold(bytes.length);
  }

  /** Sixteen hex digits. */
  get hash(): string {
    const hex = (half: number) => (half >>> 0).toString(16).padStart(8, '0');
    return hex(this.high) + hex(this.low);
  }
}
