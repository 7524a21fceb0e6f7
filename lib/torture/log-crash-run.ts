/**
 * Runs histories of the log crash check and prints what they covered:
 *
 *   node dist/torture/log-crash-run.js [--seed 1] [--histories 20] [--operations 100] [--images 4]
 *
 * Exits 1 at the first violation, with the command that replays it.
 */
import { parseArgs } from 'node:util';
import { checkLogCrashes } from './log-crash.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    histories: { type: 'string', default: '20' },
    operations: { type: 'string', default: '100' },
    images: { type: 'string', default: '4' },
  },
});
const first = Number(values.seed);
const operations = Number(values.operations);
const imagesPerFence = Number(values.images);
const total = { operations: 0, groups: 0, restarts: 0, trims: 0, laps: 0, images: 0, damages: 0 };
const fences = new Map<string, number>();

for (let seed = first; seed < first + Number(values.histories); seed++) {
  const result = checkLogCrashes({ seed, operations, imagesPerFence });
  for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += result[key];
  for (const [site, count] of Object.entries(result.fences))
    fences.set(site, (fences.get(site) ?? 0) + count);
  if (result.violation === undefined) continue;
  console.log(`seed ${seed}: ${result.violation}`);
  console.log(
    `replay with: --seed ${seed} --histories 1 --operations ${operations} --images ${imagesPerFence}`,
  );
  process.exitCode = 1;
  break;
}
console.log(JSON.stringify({ ...total, fences: Object.fromEntries([...fences].sort()) }));
