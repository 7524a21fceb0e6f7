/** `indelible replay`: a history executed offline, with digests of the state, slot by slot. */
import { Command } from 'commander';
import { type Comparison, compare } from '../backup/comparison.js';
import type { History } from '../backup/history.js';
import { isoTime, Replay, slotThrough, type Through } from '../backup/replay.js';
import type { Slot } from '../types.js';
import { ExitCode } from './exit-code.js';
import { helpWith } from './help.js';
import { machineMaker, openHistory, throughOption } from './history-source.js';
import { integerOption } from './option-parsers.js';
import type { Output } from './output.js';

interface ReplayFlags {
  readonly through?: Through;
  readonly every: number;
  readonly against?: string;
  readonly stateMachine?: string;
  readonly json?: boolean;
}

const HELP = `
Feeds the commands of a back-up, or of the store of a replica that is stopped, to a state machine of its own,
beginning with the checkpoint in it. A store is opened as at a start of its replica; nothing else is written.
For every slot, or every so many, it prints the time of its commands, the chain over the digests of all
batches up to it, and the digest of the state. Equal chains are equal commands. A store alone is gone through
as far as it knows what was chosen; a majority of the stores of a cluster (its directory) to the end.

  indelible replay monday.backup --every 1000
  indelible replay data/replica-1 --through 4711 --json
  indelible replay data/replica-1 --against data/replica-2        names the first slot at which they differ
  indelible replay tuesday.backup --state-machine machine.mjs     of a program that embeds one

Exit code 1 when --against finds a difference.`;

export function replayCommand(output: Output): Command {
  const command = new Command('replay')
    .description('execute the commands of a back-up or a stopped store, and print digests of the state')
    .argument('<source>', 'a back-up, the directory of a store, or that of a cluster')
    .option('--through <place>', 'a slot, or a time (the end)', throughOption)
    .option('--every <slots>', 'print one slot in so many', integerOption(1, Number.MAX_SAFE_INTEGER), 1)
    .option('--against <source>', 'go through another one beside it, and compare')
    .option('--state-machine <module>', 'whose default export makes it; the bundled one by default')
    .option('--json', 'print each line as JSON')
    .action((source: string, flags: ReplayFlags) => replay(source, flags, output));
  return helpWith(command, HELP);
}

async function replay(source: string, flags: ReplayFlags, output: Output): Promise<void> {
  const make = await machineMaker(flags.stateMachine);
  const opened: History[] = [];
  const replayOf = async (named: string): Promise<Replay> => {
    const history = await openHistory(named);
    opened.push(history);
    return new Replay(history, make());
  };
  try {
    const first = await replayOf(source);
    const last = slotThrough(first.history, flags.through);
    if (flags.against === undefined) return goThrough(first, last, flags, output);
    say(compare(first, await replayOf(flags.against), last, printer(flags, output)), flags, output);
  } finally {
    for (const history of opened) await history.close();
  }
}

function goThrough(of: Replay, last: Slot, flags: ReplayFlags, output: Output): void {
  const print = printer(flags, output);
  for (;;) {
    print(of, undefined, of.slot === last);
    if (of.slot === last) return;
    of.step();
  }
}

/** Prints the slots that are wanted; the last one always is. */
function printer(
  { every, json }: ReplayFlags,
  output: Output,
): (of: Replay, against?: Replay, isLast?: boolean) => void {
  return (of, _, isLast = false) => {
    const { slot, timeMs } = of;
    if (slot % every !== 0 && !isLast) return;
    const chain = of.chain.toString(16).padStart(13, '0');
    const { stateDigest } = of;
    if (json === true) return output.line(JSON.stringify({ slot, timeMs, chain, stateDigest }));
    output.line(
      `slot ${slot}  ${isoTime(timeMs)}  chain ${chain}  state ${stateDigest ?? 'without a digest'}`,
    );
  };
}

function say(found: Comparison, { json }: ReplayFlags, output: Output): void {
  const { difference } = found;
  if (difference !== undefined) process.exitCode = ExitCode.failed;
  output.line(json === true ? JSON.stringify(found) : sentenceOf(found));
}

function sentenceOf({ from, through, difference, hasStates }: Comparison): string {
  if (difference === undefined) {
    const what = hasStates
      ? 'the same commands and states'
      : 'the same commands (the states have no digests)';
    return `${what} at slots ${from} … ${through}`;
  }
  const { slot, of, isFirst } = difference;
  const what = of === 'commands' ? 'other commands' : 'the same commands, and another state';
  const early = isFirst ? ', where the comparison begins: they may have come to differ earlier' : '';
  return `they differ at slot ${slot}: ${what}${early}`;
}
