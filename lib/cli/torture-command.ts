/**
 * `indelible torture`: its options. What it does is loaded when it is called (torture-run.ts): no other
 * command needs it, and all modules of a program are open at once while they are loaded.
 */
import { Command, Option } from 'commander';
import { argumentError } from '../errors.js';
import { COVERED_FROM_IMAGES } from '../torture/coverage.js';
import { THOROUGHNESS } from '../torture/history.js';
import { helpWith } from './help.js';
import { integerOption } from './option-parsers.js';
import type { Output } from './output.js';
import type { TortureFlags } from './torture-run.js';

const HELP = `
Runs workloads on the production log over a medium that records every store, flush and fence (of files: every
write and sync), and at every fence and between operations judges what a power cut or kill -9 could leave:
what was answered must be found, byte for byte, and nothing that was not submitted; nothing called damaged;
recovery, crashed again or not, must come to the same; and the log must take more. Ends at the first
violation, and prints the command that shows it again. Touches no disk.

With --media it damages what logs hold instead, at their ends and while they are open: whatever is not as it
was written must be found out and called what it is, and nothing be silently wrong. Faults that leave an
image that was legal earlier are counted: those no log can see alone. Cuts off small files in the temporary
directory.

  indelible torture                              until 100,000 distinct images, of each backend in proportion
  indelible torture --budget 10m                 as many as ten minutes allow
  indelible torture --backend file --seed 7      the file backend, from seed 7 on
  indelible torture --media                      bits that flip, blocks zeroed, stale, misplaced or unreadable
  indelible torture --picture append.html        one append, and what a crash leaves of it, as a page

Exit code 0: no violation, and of ${COVERED_FROM_IMAGES} images or more a share at every site; 1: else.`;

const UNITS_MAX = 16;

export function tortureCommand(output: Output): Command {
  const command = new Command('torture')
    .description('cut the power of the log, everywhere, and judge what is left')
    .addOption(
      new Option('--backend <name>', 'which log').choices(['emulated', 'file', 'both']).default('both'),
    )
    .option('--budget <time>', 'how long: 30s, 10m, 1h', parseBudget)
    .option('--images <number>', 'until so many distinct images were judged', integerOption(1, 1e12))
    .option('--histories <number>', 'so many histories', integerOption(1, 1e9))
    .option('--seed <number>', 'the first history', integerOption(0, 1e9), 1)
    .option('--moment <number>', 'of each history this moment alone', integerOption(0, 1e6))
    .option('--image <number>', 'of that moment this image alone', integerOption(0, 1e9))
    .option(
      '--exhaustive <units>',
      'judge every choice where at most so many units are outstanding',
      integerOption(1, UNITS_MAX),
      Math.log2(THOROUGHNESS.exhaustiveMax),
    )
    .option(
      '--random <number>',
      'random images of a moment with more units',
      integerOption(0, 1e6),
      THOROUGHNESS.randomImages,
    )
    .option('--threads <number>', 'threads; as many as there are processors', integerOption(1, 256))
    .option('--picture <file>', "write a page with one append's timeline and the states a crash leaves")
    .option('--media', 'faults of media instead of power cuts')
    .option('--json', 'print the summary as JSON')
    .action(async (flags: TortureFlags) => (await import('./torture-run.js')).runTorture(flags, output));
  return helpWith(command, HELP);
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

function parseBudget(text: string): number {
  const match = /^(\d{1,6})([smh])$/.exec(text);
  if (match === null) throw argumentError(`a budget is a number and s, m or h, not ${JSON.stringify(text)}`);
  return Number(match[1]) * UNITS_MS[match[2]!]!;
}
