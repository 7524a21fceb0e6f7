/** `indelible top`: a cluster in a terminal, again and again. */
import { Command } from 'commander';
import { surveyOf } from '../client/survey.js';
import { type ClusterView, viewOf } from '../http/page-source.js';
import { clusterLines } from './health-command.js';
import { helpWith } from './help.js';
import { accessOf, type MemberFlags, membersOf, withMembers } from './members.js';
import { integerOption } from './option-parsers.js';
import { type Output, tableLines } from './output.js';
import { formatSize } from './size.js';

interface TopFlags extends MemberFlags {
  readonly once?: boolean;
  readonly json?: boolean;
  readonly interval: number;
}

const HELP = `
Asks every replica over its peer port. On a terminal the picture is drawn anew in place; elsewhere, and with
--json, each look is lines of its own. Ctrl-C ends it.

  indelible top                                        the cluster that \`cluster\` runs in data/
  indelible top --once                                 one look, with rates over one interval
  indelible top --json | jq '.replicas[].status.lagSlots'

cmd/s, read/s: executed and answered since the last look · lag: slots known to be chosen and not applied ·
log: share in use · commit, disk: what 99 of 100 commands, and groups of votes on their way to the log, took
at most since the last look.`;

/** Clears the screen below, from the top on. */
const FROM_THE_TOP = '\u001b[H\u001b[J';

export function topCommand(output: Output): Command {
  const command = new Command('top').description('show a cluster in the terminal, as it moves');
  withMembers(command)
    .option('--interval <ms>', 'from one look to the next', integerOption(100, 60_000), 1000)
    .option('--once', 'look once, and end')
    .option('--json', 'a line of JSON for each look')
    .action((flags: TopFlags) => top(flags, output));
  return helpWith(command, HELP);
}

async function top(flags: TopFlags, output: Output): Promise<void> {
  const look = async (): Promise<ClusterView> =>
    viewOf(await surveyOf(membersOf(flags), accessOf(flags)), Date.now());
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort());
  let before = await look();
  let looks = 0;
  while (await passed(flags.interval, ending.signal)) {
    const now = await look();
    if (flags.json === true) output.line(JSON.stringify(now));
    else show(topLines(before, now), output, looks);
    before = now;
    looks++;
    if (flags.once === true) return;
  }
}

/** False: it is to end. */
function passed(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve(false);
    });
  });
}

function show(lines: readonly string[], output: Output, looks: number): void {
  if (output.isTerminal) output.line(`${FROM_THE_TOP}${lines.join('\n')}`);
  else for (const line of looks === 0 ? lines : ['', ...lines]) output.line(line);
}

const HEAD = ['replica', 'role', 'cmd/s', 'read/s', 'lag', 'log', 'commit', 'disk', 'clients', 'health'];

type Shown = ClusterView['replicas'][number];

/** One look, with what happened since the one before. */
export function topLines(before: ClusterView, now: ClusterView): readonly string[] {
  const seconds = Math.max(1, now.atMs - before.atMs) / 1000;
  const rows = now.replicas.map((replica) => row(replica, before, seconds));
  // What a replica advises says more than its checks.
  const advised = now.replicas.flatMap(({ id, status }) => (status?.advice ? [` replica ${id}, `] : []));
  const trouble = clusterLines(now).filter(
    (line) => !line.startsWith('ok') && !advised.some((said) => line.slice(4).startsWith(said)),
  );
  const advice = now.replicas.flatMap(({ id, status }) =>
    status?.advice ? [`replica ${id}: ${status.advice}`] : [],
  );
  const { leader } = now.verdict;
  const quorum = !now.verdict.hasQuorum
    ? 'no quorum'
    : leader === 0
      ? 'no leader'
      : `replica ${leader} leads`;
  const at = new Date(now.atMs).toISOString().slice(11, 19);
  return [`Indelible  ${at} UTC  ${quorum}`, '', ...tableLines(HEAD, rows), ...trouble, ...advice];
}

function row({ id, status, health }: Shown, before: ClusterView, seconds: number): readonly string[] {
  if (status === undefined) return [String(id), 'does not answer', '', '', '', '', '', '', '', 'fail'];
  const earlier = before.replicas.find((other) => other.id === id)?.status;
  // One that was started again counts from nothing.
  const rate = (now: number, then = now): string => String(Math.round(Math.max(0, now - then) / seconds));
  const { pace, logUsedBytes, logCapacityBytes } = status;
  const share = Math.round((logUsedBytes / logCapacityBytes) * 100);
  const { failure, halted, role } = status;
  return [
    String(id),
    failure !== undefined ? 'stopped' : halted !== undefined ? 'halted' : role,
    rate(status.commandsExecuted, earlier?.commandsExecuted),
    rate(status.queriesAnswered, earlier?.queriesAnswered),
    String(status.lagSlots),
    `${share} % of ${formatSize(logCapacityBytes)}`,
    most(pace.commit, earlier?.pace.commit),
    most(pace.persist, earlier?.pace.persist),
    String(status.programs),
    health?.level ?? '',
  ];
}

type Buckets = readonly (readonly [seconds: number, count: number])[];

/** What 99 of 100 took at most since the look before; a dash where there was nothing. */
function most(now: Buckets, then: Buckets = []): string {
  const earlier = new Map(then);
  const counts = now.map(([upTo, count]) => [upTo, Math.max(0, count - (earlier.get(upTo) ?? 0))] as const);
  let left = counts.reduce((sum, [, count]) => sum + count, 0) * 0.99;
  if (left === 0) return '-';
  for (const [upTo, count] of counts) {
    left -= count;
    if (left <= 0) return durationOf(upTo);
  }
  return '-';
}

function durationOf(seconds: number): string {
  if (seconds < 0.001) return `${Number((seconds * 1e6).toPrecision(3))} µs`;
  return seconds < 1 ? `${Number((seconds * 1e3).toPrecision(3))} ms` : `${Number(seconds.toPrecision(3))} s`;
}
