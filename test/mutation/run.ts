/**
 * Mutants nobody planned: `run.ts [part of a file's name[:line[-line]] …] [--share 10 --seed 1] [--lanes 1]
 * [--static] [--update]`.
 *
 * Stryker changes the sources of groups.ts in every way it knows, one at a time, and runs the unit tests that
 * reach the change. A change that no test notices is a test that is missing, code that nothing needs, or one
 * that changes nothing, which equivalent.json then lists with its reason. open.json lists those that nobody
 * has judged yet; --update writes it anew for the files that are tried. Prints each that is on neither list,
 * with the command that tries it again, and a score a file and folder; ends with `N passed, N failed`.
 */
import { subscribe } from 'node:diagnostics_channel';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { LogLevel, MutantResult, PartialStrykerOptions } from '@stryker-mutator/api/core';
import { Stryker } from '@stryker-mutator/core';
import makeScratchDirectory from '../scratch-directory.js';
import { toolArguments } from '../tool-arguments.mjs';
import { type Group, groups } from './groups.js';
import { MutantList } from './mutant-list.js';
import { type Fate, Scores } from './scores.js';
import { shareOf } from './share.js';
import { TRIED } from './stryker-plugin.js';
import { linesOf, type Name, survivorOf } from './survivor.js';

const { values, positionals } = toolArguments({
  command: 'npm run mutation --',
  about: 'Changes the sources in every small way there is, and names each change that no unit test notices.',
  takes: [{ name: 'file[:line[-line]]', help: "part of a file's name; all files if none", repeats: true }],
  options: {
    share: { type: 'number', default: 1, help: 'try one change in so many' },
    seed: { type: 'number', default: 1, help: 'which ones' },
    lanes: { type: 'number', default: 1, help: 'at a time' },
    static: { type: 'boolean', help: 'changes of code that runs when a file is loaded too' },
    update: { type: 'boolean', help: 'writes open.json anew for the files that are tried' },
  },
});
/** Ends what hangs; a machine with other work may take long over the tests as they are. */
const DRY_RUN_MINUTES_MAX = 60;
const oneIn = values.share;
const { seed } = values;
const equivalent = new MutantList('equivalent.json');
const open = new MutantList('open.json');
const scores = new Scores();
let passed = 0;
let failed = 0;
let leftOut = 0;

/** What of a group is asked for, as Stryker's patterns. */
function patternsOf(group: Group): string[] {
  if (positionals.length === 0) return oneIn > 1 ? shareOf(group.sources, oneIn, seed) : [...group.sources];
  return positionals.flatMap((wanted) => {
    const [name = '', lines] = wanted.split(':');
    const files = group.sources.filter((file) => file.includes(name));
    if (oneIn > 1) return shareOf(files, oneIn, seed);
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
    inProcess: { files: group.tests, leftOut: group.leftOut ?? [] },
    warnings: { unknownOptions: false, preprocessorErrors: true, unserializableOptions: true, slow: false },
    dryRunTimeoutMinutes: DRY_RUN_MINUTES_MAX,
    concurrency: values.lanes,
    tempDirName: fs.mkdtempSync(path.join(os.tmpdir(), 'stryker-')),
    cleanTempDir: 'always',
    ignorePatterns: ['/bench', '/build*', '/dist', '/docs', '/examples', '/native', '/prebuilds'],
    reporters: ['progress-append-only', 'told'],
    logLevel: 'error' as LogLevel,
    allowConsoleColors: false,
  };
}

function fateOf({ status }: MutantResult, name: Name): Fate {
  if (status === 'Killed' || status === 'Timeout') return 'noticed';
  if (equivalent.take(name)) return 'equivalent';
  return open.take(name) ? 'open' : 'survived';
}

/** @returns the name of a mutant that is neither noticed nor equivalent. */
function judge(result: MutantResult): Name[] {
  if (result.status === 'Ignored' && result.statusReason?.startsWith('Static')) leftOut++;
  if (!['Killed', 'Timeout', 'Survived', 'NoCoverage'].includes(result.status)) return [];
  const { name, lineNumber } = survivorOf(result);
  const fate = fateOf(result, name);
  scores.add(name.file, fate);
  if (fate === 'survived') {
    failed++;
    const reach = result.status === 'NoCoverage' ? 'no test reaches it' : 'no test notices';
    console.log(`SURVIVED ${name.file}:${lineNumber} ${name.mutator}, ${reach}`);
    console.log(`    ${name.original}\n  → ${name.replacement}`);
    console.log(`  replay: npm run mutation -- ${name.file}:${lineNumber}`);
  } else passed++;
  return fate === 'survived' || fate === 'open' ? [name] : [];
}

/** What is listed of files that were tried as a whole, and is noticed now or no more. */
function complainOfStale(files: ReadonlySet<string>): void {
  for (const { file, line, mutator, replacement } of equivalent.stale(files)) {
    failed++;
    console.log(`FAIL equivalent, and noticed or gone: ${file}: ${line}: ${mutator} → ${replacement}`);
  }
  const settled = open.stale(files).length;
  if (settled > 0 && !values.update) console.log(`${settled} of open.json are noticed or gone: --update`);
}

const removeScratchDirectory = makeScratchDirectory();
if (oneIn > 1) console.log(`one in ${oneIn} stretches of lines, seed ${seed}`);
try {
  const whole = new Set<string>();
  const left: Name[] = [];
  subscribe(TRIED, (result) => left.push(...judge(result as MutantResult)));
  for (const group of groups) {
    const patterns = patternsOf(group);
    if (patterns.length === 0) continue;
    console.log(`── ${group.name}`);
    for (const file of group.sources) linesOf(file);
    for (const pattern of patterns) if (!pattern.includes(':')) whole.add(pattern);
    await new Stryker(optionsFor(group, patterns)).runMutationTest();
  }
  complainOfStale(whole);
  if (values.update)
    open.replace(
      whole,
      left.filter(({ file }) => whole.has(file)),
    );
} finally {
  removeScratchDirectory();
}
scores.print();
if (leftOut > 0)
  console.log(`${leftOut} mutants that only loading a module reaches were left out: --static tries them`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
