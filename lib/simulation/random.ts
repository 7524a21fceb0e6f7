/**
 * The one source of chance in a simulation: a seeded generator, so that a seed is a whole history.
 *
 * 1. Equal seeds give equal sequences, on every machine.
 * 2. `fork` gives an independent stream: drawing more from one part of the world does not shift another.
 */
const GOLDEN = 0x9e3779b9;
const TWO_32 = 2 ** 32;

function scramble(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

export class Random {
  private state: number;
  private readonly stride: number;

  constructor(seed: number) {
    const low = seed >>> 0;
    const high = Math.floor(seed / TWO_32) >>> 0;
    this.state = scramble(low ^ GOLDEN) ^ scramble(high + GOLDEN);
    this.stride = (scramble(low + high + 1) | 1) >>> 0;
  }

  /** Uniform in 0 … 2³² − 1. */
  bits(): number {
    this.state = (this.state + this.stride) >>> 0;
    return scramble(this.state ^ scramble(this.stride ^ (this.state >>> 3)));
  }

  /** Uniform in [0, 1). */
  fraction(): number {
    return this.bits() / TWO_32;
  }

  /** An integer in 0 … `bound` − 1. */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  /** An integer in `min` … `max`, both inclusive. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One of `choices`, which is not empty. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** `count` different ones of `choices`, in a random order. */
  sample<T>(choices: readonly T[], count: number): T[] {
    const rest = [...choices];
    const taken: T[] = [];
    while (taken.length < count && rest.length > 0) taken.push(...rest.splice(this.below(rest.length), 1));
    return taken;
  }

  fork(): Random {
    return new Random(this.bits() * 2 ** 21 + (this.bits() >>> 11));
  }
}
