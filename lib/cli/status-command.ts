/** `indelible status`: role, ballot, slots, lag and durability of every replica. */
import { Command } from 'commander';
import { parsePeers } from '../cluster/addresses.js';
import { readFileIfThere } from '../cluster/durable-file.js';
import { readRunning } from '../cluster/running-file.js';
import { parseServeFile, peersOf } from '../cluster/serve-config.js';
import { type Answer, surveyOf, type Verdict, verdictOf } from '../cluster/survey.js';
import { argumentError } from '../errors.js';
import { formatAddress } from '../transport/address.js';
import { clusterKeyPath, readClientKey } from '../transport/key-file.js';
import type { ReplicaId } from '../types.js';
import { ExitCode } from './exit-code.js';
import { helpWith } from './help.js';
import { type Output, tableLines } from './output.js';
import { formatSize } from './size.js';

interface StatusFlags {
  readonly dir: string;
  readonly peers?: string;
  readonly config?: string;
  readonly keyFile?: string;
  readonly json?: boolean;
}

const HELP = `
Asks every replica; the exit code is 1 when no majority answers and votes, none leads, or
replicas have come to differ.

  indelible status                                     the cluster that \`cluster\` runs in data/
  indelible status --config replica.json               the members that a replica's configuration names
  indelible status --peers 1=10.0.0.1:7101,2=10.0.0.2:7101,3=10.0.0.3:7101 --key-file client.key
  indelible status --json | jq '.replicas[].status.lagSlots'

chosen: the highest slot that the replica knows to be chosen · lag: slots that some replica knows to be chosen
and this one has not applied · log: bytes in use, of how many · durability: what its log survives
(the kind of log, and what makes it durable: libpmem, or a processor's instruction where that is not installed).`;

export function statusCommand(output: Output): Command {
  const command = new Command('status')
    .description('show how every replica of a cluster is')
    .option('--dir <directory>', 'of a cluster on this machine', 'data')
    .option('--peers <addresses>', 'or the members: 1=host:port,2=host:port,…')
    .option('--config <file>', 'or the configuration file of one of them')
    .option('--key-file <file>', "the cluster's key, or that of its clients")
    .option('--json', 'print everything as JSON')
    .action((flags: StatusFlags) => status(flags, output));
  return helpWith(command, HELP);
}

async function status(flags: StatusFlags, output: Output): Promise<void> {
  const answers = await surveyOf(membersOf(flags), keyOf(flags));
  const verdict = verdictOf(answers);
  if (flags.json === true) output.line(JSON.stringify({ ...verdict, replicas: answers }, null, 2));
  else for (const line of statusLines(answers, verdict)) output.line(line);
  if (!verdict.hasQuorum || verdict.leader === 0 || verdict.differences.length > 0)
    process.exitCode = ExitCode.failed;
}

function membersOf({ dir, peers, config }: StatusFlags): ReadonlyMap<ReplicaId, string> {
  if (peers !== undefined) return parsePeers(peers, '--peers');
  if (config !== undefined) {
    const text = readFileIfThere(config);
    if (text === undefined) throw argumentError(`there is no configuration ${config}`);
    return peersOf(parseServeFile(text));
  }
  const running = readRunning(dir);
  if (running === undefined) {
    throw Object.assign(new Error(`no cluster runs in ${dir}: it has no running.json`), {
      code: 'NOT_RUNNING',
    });
  }
  return new Map(running.replicas.map(({ id, peer }) => [id, formatAddress(peer)]));
}

/** What asks for a key is told that there is none, and refuses by itself. */
function keyOf({ dir, peers, config, keyFile }: StatusFlags): Uint8Array | undefined {
  if (keyFile !== undefined) {
    const key = readClientKey(keyFile);
    if (key === undefined) throw argumentError(`there is no key file ${keyFile}`);
    return key;
  }
  if (peers !== undefined) return undefined;
  if (config === undefined) return readClientKey(clusterKeyPath(dir));
  const settings = parseServeFile(readFileIfThere(config) ?? '{}');
  return readClientKey(settings.keyFile ?? clusterKeyPath(settings.directory ?? '.'));
}

const HEAD = ['replica', 'role', 'ballot', 'chosen', 'applied', 'lag', 'log', 'durability'];

export function statusLines(answers: readonly Answer[], verdict: Verdict): readonly string[] {
  const rows = answers.map(({ id, status, problem }) => {
    if (status === undefined) return [String(id), `does not answer: ${problem}`];
    const { ballot, learnedThrough, appliedThrough, mode, durability, flushedBy } = status;
    return [
      String(id),
      roleOf(status),
      ballot,
      String(learnedThrough),
      String(appliedThrough),
      String(verdict.learnedThrough - appliedThrough),
      `${formatSize(status.logUsedBytes)} of ${formatSize(status.logCapacityBytes)}`,
      `${durability} (${mode}${flushedBy === undefined ? '' : `, ${flushedBy}`})`,
    ];
  });
  // A replica of an earlier version gives no advice.
  const advice = answers.flatMap(({ id, status }) =>
    status?.advice ? [`replica ${id}: ${status.advice}`] : [],
  );
  return [
    ...tableLines(HEAD, rows),
    ...advice,
    ...exposures(answers),
    ...verdict.differences,
    verdictSentence(answers, verdict),
  ];
}

/** What anybody on the network may do. */
function exposures(answers: readonly Answer[]): readonly string[] {
  return answers.flatMap(({ id, status }) => {
    const { security } = status ?? {};
    if (security === undefined) return [];
    if (!security.key) return [`replica ${id} is insecure: it asks nobody on its peer port for a key`];
    if (security.channel !== 'plain') return [];
    return [
      `replica ${id} has insecure peers: what they say is not encrypted, and can be changed on the way`,
    ];
  });
}

function roleOf(status: NonNullable<Answer['status']>): string {
  if (status.failure !== undefined) return `stopped: ${status.failure}`;
  if (!status.votes) return `${status.role}, does not vote (log ${status.recovery})`;
  return status.recovery === 'intact' ? status.role : `${status.role} (log ${status.recovery})`;
}

function verdictSentence(answers: readonly Answer[], { hasQuorum, leader }: Verdict): string {
  const answering = answers.filter(({ status }) => status !== undefined).length;
  if (!hasQuorum) return `no quorum: ${answering} of ${answers.length} replicas answer`;
  return leader === 0 ? 'no leader' : `replica ${leader} leads`;
}
