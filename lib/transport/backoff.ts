/**
 * How long to wait before the next try: doubling from the least to the most, each time a random part of it,
 * so that many who lost the same peer do not come back together.
 */
export class Backoff {
  readonly #random: () => number;
  readonly #msMin: number;
  readonly #msMax: number;
  #failures = 0;

  /** @param random gives numbers in [0, 1). */
  constructor(random: () => number, msMin = 20, msMax = 1000) {
    this.#random = random;
    this.#msMin = msMin;
    this.#msMax = msMax;
  }

  /** Milliseconds to wait after one more failure: half to all of min · 2^failures, or of max if less. */
  next(): number {
    const whole = Math.min(this.#msMax, this.#msMin * 2 ** Math.min(this.#failures++, 30));
    return whole * (0.5 + this.#random() / 2);
  }

  /** A try succeeded. */
  reset(): void {
    this.#failures = 0;
  }
}
