/** `indelible trace`: the way of single commands through the leader of a running cluster. */
import fs from 'node:fs';
import { Command } from 'commander';
import { surveyOf, verdictOf } from '../client/survey.js';
import { parseHostPort } from '../cluster/addresses.js';
import { readRunning } from '../cluster/running-file.js';
import { firstLineOf } from '../cluster/service-config.js';
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import type { Trace } from '../replica/tracing.js';
import { formatAddress } from '../transport/address.js';
import { helpWith } from './help.js';
import { askHttp } from './http-client.js';
import { accessOf, type MemberFlags, membersOf, withMembers } from './members.js';
import { integerOption } from './option-parsers.js';
import { type Output, tableLines } from './output.js';
import { tracePicture } from './trace-picture.js';

interface TraceFlags extends MemberFlags {
  readonly commands: number;
  readonly seconds: number;
  readonly httpTokenFile?: string;
  readonly json?: boolean;
  readonly svg?: string;
}

const HELP = `
Follows commands, one after the other, as they are asked of the leader: it needs some to be asked
meanwhile. While no traces are taken, nothing is paid for them.

  indelible trace                                      at the leader of the cluster in data/
  indelible trace 10.0.0.1:7301 --commands 50          at a replica, over its HTTP port; it must lead
  indelible trace --svg way.svg                        a picture besides

Milliseconds since the command was received. durable 2: replica 2 has said that its vote is durable, so the
way of that word is in it; a replica that says so after the answer is left out. chosen: a quorum voted, and
all before it is executed. answered: it is executed, and who asked has the outcome.`;

export function traceCommand(output: Output): Command {
  const command = new Command('trace')
    .description('show where the time of a command goes')
    .argument('[address]', 'the HTTP port of the leader: host:port');
  withMembers(command)
    .option('--commands <number>', 'how many are followed', integerOption(1, 1000), 10)
    .option('--seconds <s>', 'for how long at most', integerOption(1, 60), 5)
    .option('--http-token-file <file>', 'its first line is the token that the HTTP port asks for')
    .option('--json', 'print everything as JSON')
    .option('--svg <file>', 'draw a picture into a file')
    .action((address: string | undefined, flags: TraceFlags) => trace(address, flags, output));
  return helpWith(command, HELP);
}

async function trace(address: string | undefined, flags: TraceFlags, output: Output): Promise<void> {
  const { commands, seconds, httpTokenFile, json, svg } = flags;
  const where = address === undefined ? await leaderOf(flags) : parseHostPort(address, 'the address');
  const token = httpTokenFile === undefined ? undefined : firstLineOf(httpTokenFile, 'token');
  const path = `/trace?commands=${commands}&seconds=${seconds}`;
  const { status, body } = await askHttp({ ...where, path, token, answerMsMax: (seconds + 5) * 1000 });
  if (status !== 200) {
    const sentence = `${formatAddress(where)} takes no traces: ${body.trim()}`;
    throw new IndelibleError(ErrorCode.network, sentence, { path: formatAddress(where) });
  }
  const traces = JSON.parse(body) as readonly Trace[];
  if (svg !== undefined) fs.writeFileSync(svg, tracePicture(traces));
  if (json === true) output.line(JSON.stringify(traces, null, 2));
  else for (const line of traceLines(traces)) output.line(line);
}

async function leaderOf(flags: TraceFlags): Promise<{ readonly host: string; readonly port: number }> {
  const { dir, peers, config } = flags;
  if (peers !== undefined || config !== undefined) {
    throw argumentError('the HTTP port of the leader has to be named: host:port');
  }
  const { leader } = verdictOf(await surveyOf(membersOf(flags), accessOf(flags)));
  const http = readRunning(dir)?.replicas.find(({ id }) => id === leader)?.http;
  if (http !== undefined) return http;
  throw argumentError(leader === 0 ? 'no replica leads' : `replica ${leader}, which leads, has no HTTP port`);
}

/** A row for each command; a last one with the middle of each column. */
export function traceLines(traces: readonly Trace[]): readonly string[] {
  if (traces.length === 0) {
    return ['no command was asked of this replica while it led, in that time: ask some, or ask the leader'];
  }
  const columns = columnsOf(traces);
  const cells = (each: Trace): readonly (number | undefined)[] =>
    columns.map((column) => each.steps.find((step) => nameOf(step) === column)?.ms);
  const all = traces.map(cells);
  const middle = columns.map((_, index) => middleOf(all.map((row) => row[index])));
  const words = (ms: number | undefined): string => (ms === undefined ? '' : ms.toFixed(3));
  return tableLines(
    ['slot', 'commands', ...columns],
    [
      ...traces.map(({ slot, commands }, index) => [
        String(slot),
        String(commands),
        ...all[index]!.map(words),
      ]),
      ['half', '', ...middle.map(words)],
    ],
  );
}

/** In the order of the way; where it became durable, by id. */
function columnsOf(traces: readonly Trace[]): readonly string[] {
  const names = new Set(traces.flatMap(({ steps }) => steps.map((step) => nameOf(step))));
  const durable = [...names].filter((name) => name.startsWith('durable ')).sort();
  return ['proposed', ...durable, 'chosen', 'answered'].filter((name) => names.has(name));
}

function nameOf({ what, replica }: Trace['steps'][number]): string {
  return what === 'durable' ? `durable ${replica}` : what;
}

function middleOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  return known[Math.floor(known.length / 2)];
}
