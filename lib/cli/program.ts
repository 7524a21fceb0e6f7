/**
 * The program `indelible`: its commands, and how their errors become lines and exit codes.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { backupCommand } from './backup-command.js';
import { benchCommand } from './bench-command.js';
import { clusterCommand } from './cluster-command.js';
import { errorLines } from './error-report.js';
import { type ExitCode, exitCodeOf } from './exit-code.js';
import { formatCommand } from './format-command.js';
import { healthCommand } from './health-command.js';
import { helpWith } from './help.js';
import { inspectCommand } from './inspect-command.js';
import { membersCommands } from './members-commands.js';
import type { Output } from './output.js';
import { recoverCommand } from './recover-command.js';
import { replayCommand } from './replay-command.js';
import { restoreCommand } from './restore-command.js';
import { serveCommand } from './serve-command.js';
import { skipCommand } from './skip-command.js';
import { statusCommand } from './status-command.js';
import { topCommand } from './top-command.js';
import { tortureCommand } from './torture-command.js';
import { traceCommand } from './trace-command.js';
import { watchCommand } from './watch-command.js';

const HELP = `
On one machine \`indelible cluster\` does everything. On several: \`format\` on each, then \`serve\`.
\`indelible COMMAND --help\` explains each with examples.`;

function versionOf(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

export function buildProgram(output: Output): Command {
  const program = new Command('indelible')
    .description('Replicated state on persistent memory: runs, shows and examines its replicas')
    .version(versionOf());
  program.addCommand(clusterCommand(output));
  program.addCommand(formatCommand(output));
  program.addCommand(serveCommand());
  program.addCommand(statusCommand(output));
  program.addCommand(healthCommand(output));
  program.addCommand(topCommand(output));
  program.addCommand(watchCommand(output));
  program.addCommand(traceCommand(output));
  for (const command of membersCommands(output)) program.addCommand(command);
  program.addCommand(skipCommand(output));
  program.addCommand(inspectCommand(output));
  program.addCommand(backupCommand(output));
  program.addCommand(restoreCommand(output));
  program.addCommand(replayCommand(output));
  program.addCommand(recoverCommand(output));
  program.addCommand(benchCommand());
  program.addCommand(tortureCommand(output));
  const nested = program.commands.flatMap(({ commands }) => commands);
  for (const command of [program, ...program.commands, ...nested]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => output.line(text.trimEnd()),
      // What commander says of a wrong command line is printed below, in the form of every other error.
      writeErr: () => {},
      getOutHelpWidth: () => 110,
    });
  }
  return helpWith(program, HELP);
}

/**
 * Runs one command line.
 * @param args what follows the program's name
 * @returns the exit code
 */
export async function run(args: readonly string[], output: Output): Promise<ExitCode> {
  const program = buildProgram(output);
  try {
    if (args.length === 0) program.help();
    await program.parseAsync(args, { from: 'user' });
    return (process.exitCode ?? 0) as ExitCode;
  } catch (error) {
    const code = exitCodeOf(error);
    if (code === 0) return code;
    for (const line of errorLines(asUsageError(error))) output.problem(line);
    return code;
  }
}

function asUsageError(error: unknown): unknown {
  if (!(error instanceof CommanderError)) return error;
  const message = error.message.replace(/^error: /, '');
  return Object.assign(new Error(message), { code: 'ERR_INDELIBLE_ARGUMENT' });
}
