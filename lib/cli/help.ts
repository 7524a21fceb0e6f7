/** What `--help` says after the options: how the command is used, and what its exit codes mean. */
import type { Command } from 'commander';

const EXIT_CODES = `
Exit codes: 0 done · 1 failed while running · 2 wrong command line · 3 refused: the data on the disk is not
what was asked for, and nothing was written.`;

export function helpWith(command: Command, text: string): Command {
  return command.addHelpText('after', `${text}\n${EXIT_CODES}`);
}
