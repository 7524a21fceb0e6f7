/** How many mutants there were of each file and folder, and what became of them. */
import path from 'node:path';

export type Fate = 'noticed' | 'listed' | 'survived';

export class Scores {
  private readonly counts = new Map<string, Record<Fate, number>>();

  add(file: string, fate: Fate): void {
    for (const name of [file, `${path.dirname(file)}/`, 'all']) {
      const count = this.counts.get(name) ?? { noticed: 0, listed: 0, survived: 0 };
      count[fate]++;
      this.counts.set(name, count);
    }
  }

  /** The score is what was noticed of all; what is listed as equivalent lowers it. */
  print(): void {
    console.log(`${''.padEnd(36)} mutants  noticed  listed  survived      %`);
    for (const [name, { noticed, listed, survived }] of [...this.counts].sort(([a], [b]) =>
      a < b ? -1 : 1,
    )) {
      const all = noticed + listed + survived;
      const cells = [String(all).padStart(7), String(noticed).padStart(8), String(listed).padStart(7)];
      const percent = ((100 * noticed) / all).toFixed(1).padStart(6);
      console.log(`${name.padEnd(36)} ${cells.join(' ')} ${String(survived).padStart(9)} ${percent}`);
    }
  }
}
