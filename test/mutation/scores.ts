/** How many mutants there were of each file and folder, and what became of them. */
import path from 'node:path';

export type Fate = 'noticed' | 'equivalent' | 'open' | 'survived';

export class Scores {
  private readonly counts = new Map<string, Record<Fate, number>>();

  add(file: string, fate: Fate): void {
    for (const name of [file, `${path.dirname(file)}/`, 'all']) {
      const count = this.counts.get(name) ?? { noticed: 0, equivalent: 0, open: 0, survived: 0 };
      count[fate]++;
      this.counts.set(name, count);
    }
  }

  /** The score is what was noticed of all: what is equivalent lowers it too. */
  print(): void {
    const columns = ['noticed', 'equivalent', 'open', 'survived'] as const;
    console.log([''.padEnd(36), 'mutants', ...columns, '     %'].join('  '));
    for (const [name, count] of [...this.counts].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const all = columns.reduce((sum, column) => sum + count[column], 0);
      const cells = columns.map((column) => String(count[column]).padStart(column.length));
      const percent = ((100 * count.noticed) / all).toFixed(1).padStart(6);
      console.log([name.padEnd(36), String(all).padStart(7), ...cells, percent].join('  '));
    }
  }
}
