/** A part of the sources drawn by a seed: some stretches of lines, of which the mutants are tried. */
import fs from 'node:fs';
import path from 'node:path';
import { Random } from '../../lib/simulation/random.js';
import { PROJECT_ROOT } from '../packaging/sources.js';

const STRETCH_LINES = 15;

/** About one in `oneIn` stretches of these files, each as Stryker's `file:first-last`. */
export function shareOf(files: readonly string[], oneIn: number, seed: number): string[] {
  const random = new Random(seed);
  const stretches: string[] = [];
  for (const file of files) {
    const lines = fs.readFileSync(path.join(PROJECT_ROOT, file), 'utf8').split('\n').length;
    for (let first = 1; first <= lines; first += STRETCH_LINES)
      if (random.below(oneIn) === 0) stretches.push(`${file}:${first}-${first + STRETCH_LINES - 1}`);
  }
  return stretches;
}
