/**
 * Mutants known by name, in a file of JSON: equivalent.json has those that change nothing a user of the code
 * could notice, each with its reason; open.json those that nobody has judged yet, and only becomes shorter.
 * One entry speaks of all mutants with its name, as a line may stand in a file twice.
 */
import fs from 'node:fs';
import { keyOf, type Name } from './survivor.js';

interface Entry extends Name {
  readonly why?: string;
}

export class MutantList {
  private readonly url: URL;
  private readonly entries: readonly Entry[];
  private readonly byKey: ReadonlyMap<string, Entry>;
  private readonly met = new Set<Entry>();

  constructor(name: string) {
    this.url = new URL(name, import.meta.url);
    this.entries = JSON.parse(fs.readFileSync(this.url, 'utf8'));
    this.byKey = new Map(this.entries.map((entry) => [keyOf(entry), entry]));
  }

  /** True if the mutant is listed. */
  take(name: Name): boolean {
    const entry = this.byKey.get(keyOf(name));
    if (entry !== undefined) this.met.add(entry);
    return entry !== undefined;
  }

  /** Entries of these files that no mutant has borne out: it is killed now, or there is none such. */
  stale(files: ReadonlySet<string>): readonly Name[] {
    return this.entries.filter((entry) => files.has(entry.file) && !this.met.has(entry));
  }

  /** Writes the list anew with these names in place of all entries of these files. */
  replace(files: ReadonlySet<string>, names: readonly Name[]): void {
    const unique = new Map(names.map((name) => [keyOf(name), name]));
    const entries = [...this.entries.filter(({ file }) => !files.has(file)), ...unique.values()];
    const sorted = entries.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    fs.writeFileSync(this.url, `${JSON.stringify(sorted, null, 2)}\n`);
  }
}
