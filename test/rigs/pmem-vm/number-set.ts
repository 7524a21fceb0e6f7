/** A growing set of whole numbers that is nearly all of 1 … n, kept as ranges. */

export class NumberSet {
  /** From and through of each range, rising, with a gap between any two. */
  #ranges: [from: number, through: number][] = [];

  static parse(text: string): NumberSet {
    const set = new NumberSet();
    if (text === '') return set;
    set.#ranges = text.split(',').map((range) => {
      const [from, through] = range.split('-').map(Number);
      return [from!, through ?? from!];
    });
    return set;
  }

  toString(): string {
    return this.#ranges
      .map(([from, through]) => (from === through ? `${from}` : `${from}-${through}`))
      .join();
  }

  has(number: number): boolean {
    return this.#ranges.some(([from, through]) => from <= number && number <= through);
  }

  get highest(): number {
    return this.#ranges.at(-1)?.[1] ?? 0;
  }

  get count(): number {
    return this.#ranges.reduce((sum, [from, through]) => sum + through - from + 1, 0);
  }

  add(number: number): void {
    const ranges = this.#ranges;
    let at = ranges.length;
    while (at > 0 && ranges[at - 1]![0] > number) at--;
    const before = ranges[at - 1];
    const after = ranges[at];
    if (before !== undefined && number <= before[1]) return;
    const joinsBefore = before !== undefined && before[1] === number - 1;
    const joinsAfter = after !== undefined && after[0] === number + 1;
    if (joinsBefore && joinsAfter) {
      before[1] = after[1];
      ranges.splice(at, 1);
    } else if (joinsBefore) before[1] = number;
    else if (joinsAfter) after[0] = number;
    else ranges.splice(at, 0, [number, number]);
  }

  /** The first few numbers that are here and not there. */
  without(other: NumberSet, count: number): readonly number[] {
    const found: number[] = [];
    for (const [from, through] of this.#ranges) {
      for (let number = from; number <= through && found.length < count; number++) {
        if (!other.has(number)) found.push(number);
      }
    }
    return found;
  }
}
