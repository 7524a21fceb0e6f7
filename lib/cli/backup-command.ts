/** `indelible backup`: the state of a cluster and the log behind it, in one file. */
import fs from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { BackupFile } from '../backup/backup-file.js';
import { type BackupResult, backupOf } from '../backup/live-backup.js';
import { backupOfStopped } from '../backup/stopped-backup.js';
import { StoppedStores } from '../backup/stopped-stores.js';
import { StoreHistory } from '../backup/store-history.js';
import { type Answer, surveyOf } from '../client/survey.js';
import { OWNER_ONLY } from '../cluster/durable-file.js';
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import type { ReplicaStatus } from '../replica/status.js';
import type { ReplicaId } from '../types.js';
import { helpWith } from './help.js';
import { accessOf, type MemberFlags, membersOf, withMembers } from './members.js';
import { integerOption, sizeOption } from './option-parsers.js';
import type { Output } from './output.js';
import { formatSize } from './size.js';
import { storeDirectories } from './store-directories.js';

interface BackupFlags extends MemberFlags {
  readonly to?: string;
  readonly from?: readonly string[];
  readonly replica?: ReplicaId;
  readonly rate?: number;
  readonly verify?: string;
  readonly json?: boolean;
}

const HELP = `
Of a cluster that runs it takes the newest checkpoint of one replica and everything chosen behind it: the
state of one moment, and the log that leads there. It asks a follower, or a learner; the leader only where
there is nobody else, or where --replica names it. The file is written aside, verified while it is written
and once more when it is whole, and has its name only then. What is there already is never written over.

  indelible backup --to /backups                       of the cluster in data/: a file named after the time
  indelible backup --to monday.backup --rate 20MiB     at most that much a second
  indelible backup --to /backups --key-file client.key --peers 1=10.0.0.1:7101,2=10.0.0.2:7101
  indelible backup --to /backups --from data           of replicas that are stopped: name all of them
  indelible backup --verify monday.backup              reads it all, and says what it holds

\`restore\` makes a new cluster of it, as it was at any slot between the checkpoint and the end; \`replay\` goes
through it. Keep it as you keep the data: it holds all of it, not encrypted.`;

export function backupCommand(output: Output): Command {
  const command = new Command('backup')
    .description('copy the state of a cluster, and the log behind it, into one file')
    .option('--to <path>', 'the file, or the directory for one')
    .option('--from <directories...>', 'of stores that are stopped, instead of a cluster that runs')
    .option('--replica <number>', 'the replica to ask', integerOption(1, 65_535))
    .option(
      '--rate <size>',
      'bytes of the state a second, at most; the log is taken at once',
      sizeOption('--rate'),
    )
    .option('--verify <file>', 'check a back-up, and write nothing')
    .option('--json', 'print the result as JSON');
  withMembers(command).action((flags: BackupFlags) => backup(flags, output));
  return helpWith(command, HELP);
}

async function backup(flags: BackupFlags, output: Output): Promise<void> {
  const { to, from, verify } = flags;
  if ((to === undefined) === (verify === undefined))
    throw argumentError('backup needs --to, where the back-up goes; or --verify, to check one');
  process.umask(OWNER_ONLY);
  if (verify !== undefined) return say(await verified(verify), 'verified', flags, output);
  const file = fileFor(to!);
  const result = from === undefined ? await takenLive(flags, file) : await takenOf(from, file, output);
  say(result, 'back-up', flags, output);
}

/** Into a directory goes a file that is named after the time, so that names sort as they were taken. */
function fileFor(to: string): string {
  const isDirectory = fs.statSync(to, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isDirectory) return to;
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  return path.join(to, `indelible-${time}.backup`);
}

async function verified(file: string): Promise<BackupResult> {
  const found = await BackupFile.open(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new IndelibleError(ErrorCode.storeMissing, `there is no ${file}`, { path: file });
  });
  await found.close();
  return { ...found.description, file, lengthBytes: found.lengthBytes };
}

async function takenLive(flags: BackupFlags, file: string): Promise<BackupResult> {
  const access = accessOf(flags);
  const answers = await surveyOf(membersOf(flags), access);
  const { id, address } = sourceOf(answers, flags.replica);
  const pace = flags.rate === undefined ? {} : { bytesPerSecond: flags.rate };
  return backupOf({ address, replicaId: id, ...access, file, ...pace });
}

/** Who is asked: not who leads, unless it is alone or named; of the others who has come furthest. */
export function sourceOf(answers: readonly Answer[], named: ReplicaId | undefined): Answer {
  const running = answers.filter(({ status }) => status !== undefined && status.failure === undefined);
  if (named !== undefined) {
    const found = running.find(({ id }) => id === named);
    if (found !== undefined) return found;
    const problem = answers.find(({ id }) => id === named)?.problem;
    throw new IndelibleError(
      ErrorCode.network,
      problem === undefined ? `there is no replica ${named}` : `replica ${named} does not answer: ${problem}`,
    );
  }
  const others = running.filter(({ status }) => status!.role !== 'leader');
  const alone = running.filter(({ status }) => status!.members.length === 1);
  const best = [...others, ...alone].sort((a, b) => standing(b.status!) - standing(a.status!))[0];
  if (best !== undefined) return best;
  const who = running.map(({ id }) => id).join(', ');
  throw new IndelibleError(
    ErrorCode.network,
    running.length === 0
      ? `no replica answers: ${answers.map(({ id, problem }) => `${id}: ${problem}`).join('; ')}`
      : `only the leader answers, and a back-up would slow it: name it with --replica ${who} to ask it all the same`,
  );
}

/** One whose disk stalls is asked last. */
function standing({ appliedThrough, stalledMs }: ReplicaStatus): number {
  return stalledMs > 0 ? -1 : appliedThrough;
}

async function takenOf(from: readonly string[], file: string, output: Output): Promise<BackupResult> {
  const stores = await StoppedStores.open(storeDirectories(from));
  try {
    const { hasQuorum } = stores;
    const result = await backupOfStopped(new StoreHistory(stores, hasQuorum ? 'quorum' : 'learned'), file);
    if (!hasQuorum) {
      output.problem(
        'these stores are no majority: the back-up ends with the last slot that they know to be chosen, and commands ' +
          'that were answered shortly before the stop may be behind it. Name all directories to have those too',
      );
    }
    return result;
  } finally {
    await stores.close();
  }
}

function say(result: BackupResult, what: string, { json }: BackupFlags, output: Output): void {
  if (json === true) return output.line(JSON.stringify(result));
  const { file, lengthBytes, clusterId, replicaId, checkpointThrough, throughSlot, takenMs } = result;
  output.line(`${what.padEnd(9)} ${file}, ${formatSize(lengthBytes)}`);
  const whose = replicaId === 0 ? 'of stopped stores' : `from replica ${replicaId}`;
  output.line(`of        cluster ${clusterId}, ${whose}, ${new Date(takenMs).toISOString()}`);
  output.line(`holds     the state at slot ${checkpointThrough}, and the log through slot ${throughSlot}`);
}
