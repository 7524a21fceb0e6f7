/**
 * Mutants that change nothing a user of the code could notice, each with its reason: equivalent.json.
 * One entry speaks of all mutants with its name, as a line may stand in a file twice.
 */
import fs from 'node:fs';
import { keyOf, type Name } from './survivor.js';

export interface Equivalent extends Name {
  readonly why: string;
}

const LIST = new URL('./equivalent.json', import.meta.url);

export class Equivalents {
  private readonly entries: readonly Equivalent[] = JSON.parse(fs.readFileSync(LIST, 'utf8'));
  private readonly byKey = new Map<string, Equivalent>(this.entries.map((entry) => [keyOf(entry), entry]));
  private readonly met = new Set<Equivalent>();

  /** True if the mutant is listed. */
  take(name: Name): boolean {
    const entry = this.byKey.get(keyOf(name));
    if (entry !== undefined) this.met.add(entry);
    return entry !== undefined;
  }

  /** Entries of these files that no mutant has borne out: it is killed now, or there is none such. */
  stale(files: ReadonlySet<string>): readonly Equivalent[] {
    return this.entries.filter((entry) => files.has(entry.file) && !this.met.has(entry));
  }
}
