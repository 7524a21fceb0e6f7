/** `indelible status`: role, ballot, slots, lag and durability of every replica. */
import { Command } from 'commander';
import {
  type Answer,
  newestConfiguration,
  surveyOf,
  type Verdict,
  verdictOf,
  votersOf,
} from '../client/survey.js';
import { replicaDirectory } from '../cluster/cluster-file.js';
import { hasStore } from '../cluster/stores.js';
import { replaceHereLine } from './cluster-report.js';
import { ExitCode } from './exit-code.js';
import { helpWith } from './help.js';
import { accessOf, type MemberFlags, membersOf, withMembers } from './members.js';
import { type Output, tableLines } from './output.js';
import { formatSize } from './size.js';

interface StatusFlags extends MemberFlags {
  readonly json?: boolean;
}

const HELP = `
Asks every replica; the exit code is 1 when no majority answers and votes, none leads, one is halted by
its state machine, or replicas have come to differ.

  indelible status                                     the cluster that \`cluster\` runs in data/
  indelible status --config replica.json               the members that a replica's configuration names
  indelible status --peers 1=10.0.0.1:7101,2=10.0.0.2:7101,3=10.0.0.3:7101 --key-file client.key --tls
  indelible status --json | jq '.replicas[].status.lagSlots'

chosen: the highest slot that the replica knows to be chosen · lag: slots that some replica knows to be chosen
and this one has not applied · log: bytes in use, of how many · durability: what its log survives
(the kind of log, and what makes it durable: libpmem, or a processor's instruction where that is not installed).`;

export function statusCommand(output: Output): Command {
  const command = new Command('status').description('show how every replica of a cluster is');
  withMembers(command)
    .option('--json', 'print everything as JSON')
    .action((flags: StatusFlags) => status(flags, output));
  return helpWith(command, HELP);
}

async function status(flags: StatusFlags, output: Output): Promise<void> {
  const answers = await surveyOf(membersOf(flags), accessOf(flags));
  const verdict = verdictOf(answers);
  if (flags.json === true) output.line(JSON.stringify({ ...verdict, replicas: answers }, null, 2));
  else
    for (const line of [...statusLines(answers, verdict), ...mendingLines(answers, flags)]) output.line(line);
  const isHalted = answers.some(({ status: told }) => told?.halted !== undefined);
  if (!verdict.hasQuorum || verdict.leader === 0 || isHalted || verdict.differences.length > 0)
    process.exitCode = ExitCode.failed;
}

/** What mends each lost store of a cluster on this machine, whose replicas are started from its directory. */
function mendingLines(answers: readonly Answer[], { peers, config, dir }: StatusFlags): readonly string[] {
  if (peers !== undefined || config !== undefined) return [];
  const lost = answers.filter(({ id, status }) =>
    status === undefined ? !hasStore(replicaDirectory(dir, id)) : status.recovery === 'lost',
  );
  return lost.map(({ id }) => `the store of replica ${id} is lost: ${replaceHereLine(id, dir)}`);
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
    ...configurationLines(answers),
    ...sessionLines(answers),
    verdictSentence(answers, verdict),
  ];
}

/** Who the members are, once they have changed: the list that was asked may be an earlier one. */
function configurationLines(answers: readonly Answer[]): readonly string[] {
  const statuses = answers.flatMap(({ status }) => (status === undefined ? [] : [status]));
  const configuration = newestConfiguration(statuses);
  if (configuration === undefined || configuration.number === 1) return [];
  const learners = configuration.members.filter(({ role }) => role === 'learner').map(({ id }) => id);
  const learn = learners.length === 0 ? '' : `; ${learners.join(', ')} learn`;
  return [`configuration ${configuration.number}: ${votersOf(configuration).join(', ')} vote${learn}`];
}

/** Sessions that were forgotten: whose holder comes back cannot go on with them. */
function sessionLines(answers: readonly Answer[]): readonly string[] {
  // A replica of an earlier version says nothing of sessions.
  const told = answers.flatMap(({ status }) => (status?.sessions === undefined ? [] : [status.sessions]));
  const forgotten = Math.max(0, ...told.map((each) => each.forgotten));
  if (forgotten === 0) return [];
  const { kept, answerBytes } = told.find((each) => each.forgotten === forgotten)!;
  const size = formatSize(answerBytes);
  return [
    `${forgotten} sessions were forgotten by a bound; ${kept} are kept, with ${size} of answers (docs/operating.md)`,
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
  if (status.halted !== undefined) return `${status.role}, halted`;
  const { standing } = status;
  if (standing === 'newcomer' || standing === 'removed') return standing;
  if (standing === 'learner' && status.recovery !== 'lost') return standing;
  if (!status.votes) return `${status.role}, does not vote (log ${status.recovery})`;
  return status.recovery === 'intact' ? status.role : `${status.role} (log ${status.recovery})`;
}

function verdictSentence(answers: readonly Answer[], { hasQuorum, leader }: Verdict): string {
  const answering = answers.filter(({ status }) => status !== undefined).length;
  if (!hasQuorum) return `no quorum: ${answering} of ${answers.length} replicas answer`;
  return leader === 0 ? 'no leader' : `replica ${leader} leads`;
}
