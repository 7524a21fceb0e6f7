/** `indelible skip`: an operator's decision that a command at which every replica throws is passed over. */
import { Command } from 'commander';
import { skipAt } from '../client/skip.js';
import { type Answer, surveyOf, verdictOf } from '../client/survey.js';
import { ErrorCode, IndelibleError } from '../errors.js';
import { checkSkip } from '../replica/skip-record.js';
import type { Slot } from '../types.js';
import { helpWith } from './help.js';
import { accessOf, type MemberFlags, membersOf, withMembers } from './members.js';
import { integerOption } from './option-parsers.js';
import type { Output } from './output.js';

interface SkipFlags extends MemberFlags {
  readonly because: string;
  readonly command?: number;
  readonly json?: boolean;
}

const HELP = `
For a cluster that is halted: its state machine throws at one command, on every replica, at each start. Mend
the program first, if you can: replicas that are started with the mended one execute the command. Otherwise
this passes over it, on all of them, now and whenever the log is read again; the decision and its reason stay
in the log. Only what the replicas are halted at can be skipped, and nothing that any of them has executed.

  indelible status                                     says: halted at slot 4711, command 0: …
  indelible skip 4711 --because 'divides by zero, see ticket 815'
  indelible skip 4711 --command 2 --because 'the same again' --config replica.json
  indelible skip 4711 --because 'sent by mistake' --json --key-file client.key \\
                      --peers 1=10.0.0.1:7101,2=10.0.0.2:7101,3=10.0.0.3:7101`;

export function skipCommand(output: Output): Command {
  const command = new Command('skip')
    .description('pass over a command at which the state machine throws on every replica')
    .argument(
      '<slot>',
      'the slot at which the replicas are halted',
      integerOption(1, Number.MAX_SAFE_INTEGER),
    )
    .requiredOption('--because <text>', 'why, for those who read the log: at most 512 bytes')
    .option(
      '--command <number>',
      'the command within the slot, from 0: by default where the leader is halted',
      integerOption(0, 2 ** 32 - 1),
    );
  withMembers(command)
    .option('--json', 'print what was skipped as JSON')
    .action((slot: Slot, flags: SkipFlags) => skip(slot, flags, output));
  return helpWith(command, HELP);
}

async function skip(slot: Slot, flags: SkipFlags, output: Output): Promise<void> {
  const { because } = flags;
  checkSkip({ slot, ordinal: flags.command ?? 0, reason: because });
  const members = membersOf(flags);
  const access = accessOf(flags);
  const answers = await surveyOf(members, access);
  const leader = leaderOf(answers);
  const halted = leader.status?.halted;
  const command = flags.command ?? halted?.command ?? 0;
  // The leader knows whom it has heard of in its time; this has asked everybody just now.
  const ahead = answers.find(({ status }) => status !== undefined && status.appliedThrough >= slot);
  if (halted?.slot === slot && ahead !== undefined) {
    const sentence = `nothing is skipped: replica ${ahead.id} has executed slot ${slot}; see indelible status`;
    throw new IndelibleError(ErrorCode.diverged, sentence);
  }
  await skipAt(
    { address: leader.address, replicaId: leader.id, ...access },
    { slot, ordinal: command, reason: because },
  );
  const done = { slot, command, error: halted?.error ?? '', because, leader: leader.id };
  if (flags.json === true) output.line(JSON.stringify(done, null, 2));
  else
    output.line(`slot ${slot}, command ${command} is skipped on every replica; replica ${leader.id} goes on`);
}

function leaderOf(answers: readonly Answer[]): Answer {
  const { leader } = verdictOf(answers);
  const found = answers.find(({ id }) => id === leader);
  if (found !== undefined) return found;
  throw new IndelibleError(
    ErrorCode.notExecuted,
    'nothing is skipped: no replica leads; see indelible status',
  );
}
