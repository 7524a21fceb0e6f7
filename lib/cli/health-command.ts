/** `indelible health`: whether a replica, or all of a cluster, is well; as lines, and as an exit code. */
import { Command } from 'commander';
import { surveyOf } from '../client/survey.js';
import { parseHostPort } from '../cluster/addresses.js';
import { firstLineOf } from '../cluster/service-config.js';
import { type ClusterView, levelOf, viewOf } from '../http/page-source.js';
import { type Health, healthLines } from '../replica/health.js';
import { ExitCode } from './exit-code.js';
import { helpWith } from './help.js';
import { askHttp, type HttpAnswer } from './http-client.js';
import { accessOf, type MemberFlags, membersOf, withMembers } from './members.js';
import type { Output } from './output.js';

interface HealthFlags extends MemberFlags {
  readonly httpTokenFile?: string;
  readonly json?: boolean;
}

const HELP = `
Of one replica over its HTTP port, or of every replica of a cluster over their peer ports.

  indelible health                                     the cluster that \`cluster\` runs in data/
  indelible health --peers 1=10.0.0.1:7101,2=10.0.0.2:7101,3=10.0.0.3:7101 --key-file client.key
  indelible health 127.0.0.1:7301                      one replica, and whether it is ready

Exit code 0: nothing fails; there may be warnings. 1: a check fails, a replica is away, or there is no quorum.
4: nobody answers at all. What each check means is in docs/operating.md.`;

/** Milliseconds until a replica that does not answer counts as one that does not. */
const ANSWER_MS_MAX = 3000;

export function healthCommand(output: Output): Command {
  const command = new Command('health')
    .description('say whether a replica or a cluster is well')
    .argument('[address]', 'the HTTP port of one replica: host:port');
  withMembers(command)
    .option('--http-token-file <file>', 'its first line is the token that the HTTP port asks for')
    .option('--json', 'print everything as JSON')
    .action((address: string | undefined, flags: HealthFlags) =>
      address === undefined ? ofCluster(flags, output) : ofReplica(address, flags, output),
    );
  return helpWith(command, HELP);
}

async function ofCluster(flags: HealthFlags, output: Output): Promise<void> {
  const view = viewOf(await surveyOf(membersOf(flags), accessOf(flags)), Date.now());
  const level = levelOf(view);
  if (flags.json === true) output.line(JSON.stringify({ level, ...view }, null, 2));
  else for (const line of clusterLines(view)) output.line(line);
  const isSilent = view.replicas.every(({ status }) => status === undefined);
  if (level === 'fail') process.exitCode = isSilent ? ExitCode.silent : ExitCode.failed;
}

/** What is not well, replica by replica, and the whole in the last line. */
export function clusterLines(view: ClusterView): readonly string[] {
  const { verdict, replicas, troubles } = view;
  const lines = replicas.flatMap(({ id, health, problem }) => {
    if (health === undefined) return [`fail replica ${id}: does not answer: ${problem}`];
    const bad = health.checks.filter(({ level }) => level !== 'ok');
    if (bad.length === 0) return [`ok   replica ${id}`];
    return healthLines({ ...health, checks: bad }).map(
      (line) => `${line.slice(0, 5)}replica ${id}, ${line.slice(5)}`,
    );
  });
  const { hasQuorum, leader } = verdict;
  const quorum = !hasQuorum
    ? 'fail no quorum'
    : leader === 0
      ? 'fail no leader'
      : `ok   replica ${leader} leads`;
  return [...lines, ...troubles.map((sentence) => `fail ${sentence}`), quorum];
}

async function ofReplica(address: string, flags: HealthFlags, output: Output): Promise<void> {
  const where = parseHostPort(address, 'the address');
  const { httpTokenFile, json } = flags;
  const token = httpTokenFile === undefined ? undefined : firstLineOf(httpTokenFile, 'token');
  let answer: HttpAnswer;
  try {
    answer = await askHttp({ ...where, path: '/readyz?format=json', token, answerMsMax: ANSWER_MS_MAX });
  } catch (error) {
    output.problem(`fail ${address} does not answer: ${(error as Error).message}`);
    process.exitCode = ExitCode.silent;
    return;
  }
  const health = answer.status === 200 || answer.status === 503 ? parsed(answer.body) : undefined;
  if (health === undefined) {
    output.problem(`fail ${address} answers ${answer.status}: ${answer.body.trim()}`);
    process.exitCode = ExitCode.failed;
    return;
  }
  if (json === true) output.line(JSON.stringify(health, null, 2));
  else for (const line of healthLines(health)) output.line(line);
  if (health.level === 'fail') process.exitCode = ExitCode.failed;
}

function parsed(body: string): Health | undefined {
  try {
    const health = JSON.parse(body) as Partial<Health>;
    return Array.isArray(health.checks) && typeof health.level === 'string' ? (health as Health) : undefined;
  } catch {
    return undefined;
  }
}
