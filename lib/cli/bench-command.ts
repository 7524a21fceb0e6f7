/** `indelible bench`: the benchmarks, which come with a checkout of the sources and not with the package. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { ErrorCode, IndelibleError } from '../errors.js';
import { ExitCode } from './exit-code.js';
import { helpWith } from './help.js';

const HELP = `
Compares the backends side by side on this machine, at the storage level and as a cluster, beside what the
machine allows at the most; writes bench/results/latest.json and latest.html. The same as \`npm run bench --\`.

  indelible bench --quick                      three short rounds: shows that it runs, measures little
  indelible bench --only storage               appending to logs; or \`cluster\`: what clients see
  indelible bench --rounds 7 --name mine       everything, into bench/results/mine.json and mine.html

A full run takes about 20 minutes on a machine that has nothing else to do.`;

export function benchCommand(): Command {
  const command = new Command('bench')
    .description('compare the backends on this machine')
    .argument('[options...]', 'as `npm run bench -- --help` lists them')
    .allowUnknownOption()
    .action((options: readonly string[]) => bench(options));
  return helpWith(command, HELP);
}

async function bench(options: readonly string[]): Promise<void> {
  const program = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));
  if (!existsSync(program)) {
    const sentence = 'the benchmarks come with a checkout of the sources, not with the installed package';
    throw new IndelibleError(ErrorCode.argument, sentence, { path: program });
  }
  const child = spawn(process.execPath, ['--import', 'tsx', program, ...options], { stdio: 'inherit' });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (code !== 0) process.exitCode = ExitCode.failed;
}
