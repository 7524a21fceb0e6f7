/**
 * Mutants nobody planned: `run.ts [file[:line[-line]] or part of a name …] [--share 10 --seed 1] [--lanes 1]
 * [--static]`.
 *
 * Stryker changes the sources of groups.ts in every way it knows, one at a time, and runs the unit tests that
 * reach the change. A change that no test notices is a test that is missing, code that nothing needs, or one
 * that changes nothing, which equivalent.json then lists with its reason. Prints each that is neither, with
 * the command that tries it again, and a score a file and folder; ends with `N passed, N failed`.
 */
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { LogLevel, MutantResult, PartialStrykerOptions } from '@stryker-mutator/api/core';
import { Stryker } from '@stryker-mutator/core';
import makeScratchDirectory from '../scratch-directory.js';
import { Equivalents } from './equivalents.js';
import { type Group, groups } from './groups.js';
import { Scores } from './scores.js';
import { shareOf } from './share.js';
import { survivorOf } from './survivor.js';

const { values, positionals } = parseArgs({
  options: {
    share: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '1' },
    static: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const oneIn = Number(values.share);
const seed = Number(values.seed);
const equivalents = new Equivalents();
const scores = new Scores();
let passed = 0;
let failed = 0;
let leftOut = 0;

/** What of a group is asked for, as Stryker's patterns. */
function patternsOf(group: Group): string[] {
  if (oneIn > 1) return shareOf(group.sources, oneIn, seed);
  if (positionals.length === 0) return [...group.sources];
  return positionals.flatMap((wanted) => {
    const [name = '', lines] = wanted.split(':');
    const files = group.sources.filter((file) => file.includes(name));
    if (lines === undefined) return files;
    return files.map((file) => `${file}:${lines.includes('-') ? lines : `${lines}-${lines}`}`);
  });
}

function optionsFor(group: Group, mutate: string[]): PartialStrykerOptions {
  return {
    mutate,
    testRunner: 'in-process',
    testRunnerNodeArgs: ['--import', 'tsx'],
    plugins: ['./test/mutation/stryker-plugin.ts'],
    ignorers: ['sentences'],
    ignoreStatic: !values.static,
    inProcess: { files: group.tests },
    warnings: { unknownOptions: false, preprocessorErrors: true, unserializableOptions: true, slow: false },
    concurrency: Number(values.lanes),
    tempDirName: path.join(os.tmpdir(), 'stryker'),
    cleanTempDir: 'always',
    ignorePatterns: ['bench', 'build*', 'dist', 'docs', 'examples', 'native', 'prebuilds'],
    reporters: ['progress-append-only'],
    logLevel: 'error' as LogLevel,
    allowConsoleColors: false,
  };
}

function judge(result: MutantResult): void {
  if (result.status === 'Ignored' && result.statusReason?.startsWith('Static')) leftOut++;
  const isNoticed = result.status === 'Killed' || result.status === 'Timeout';
  if (!isNoticed && result.status !== 'Survived' && result.status !== 'NoCoverage') return;
  const survivor = survivorOf(result);
  const isListed = !isNoticed && equivalents.take(survivor);
  scores.add(survivor.file, isNoticed ? 'noticed' : isListed ? 'listed' : 'survived');
  if (isNoticed || isListed) {
    passed++;
    return;
  }
  failed++;
  const { file, lineNumber, mutator, original, replacement } = survivor;
  const reach = result.status === 'NoCoverage' ? 'no test reaches it' : 'no test notices';
  console.log(`SURVIVED ${file}:${lineNumber} ${mutator}, ${reach}`);
  console.log(`    ${original}\n  → ${replacement}`);
  console.log(`  replay: npm run mutation -- ${file}:${lineNumber}`);
}

const removeScratchDirectory = makeScratchDirectory();
if (oneIn > 1) console.log(`one in ${oneIn} stretches of lines, seed ${seed}`);
try {
  for (const group of groups) {
    const patterns = patternsOf(group);
    if (patterns.length === 0) continue;
    console.log(`── ${group.name}`);
    for (const result of await new Stryker(optionsFor(group, patterns)).runMutationTest()) judge(result);
    const whole = new Set(patterns.filter((pattern) => !pattern.includes(':')));
    for (const { file, line, mutator, replacement } of equivalents.stale(whole)) {
      failed++;
      console.log(
        `FAIL equivalent.json lists what is killed or gone: ${file}: ${line}: ${mutator} → ${replacement}`,
      );
    }
  }
} finally {
  removeScratchDirectory();
}
scores.print();
if (leftOut > 0)
  console.log(`${leftOut} mutants that only loading a module reaches were left out: --static tries them`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
