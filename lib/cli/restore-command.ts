/** `indelible restore`: a new cluster out of a back-up, as it was at any slot that the back-up reaches. */
import path from 'node:path';
import { Command } from 'commander';
import { BackupFile } from '../backup/backup-file.js';
import type { Replay, Through } from '../backup/replay.js';
import { OWNER_ONLY, readFileIfThere } from '../cluster/durable-file.js';
import { type ClusterPlan, drawPlan, parsePlan } from '../cluster/plan.js';
import { restoreReplica, runThrough } from '../cluster/restoration.js';
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import { MEMBERS_MAX } from '../limits.js';
import { readClusterKey } from '../replica/key-file.js';
import type { ReplicaId } from '../types.js';
import { keyPathOf, writePlanFiles } from './format-command.js';
import { helpWith } from './help.js';
import { throughOption, withReplay } from './history-source.js';
import {
  makeCluster,
  type NewClusterFlags,
  newLogsOf,
  resultOf,
  stateLines,
  withNewCluster,
} from './new-cluster.js';
import { integerOption } from './option-parsers.js';
import type { Output } from './output.js';

interface RestoreFlags extends NewClusterFlags {
  readonly dir?: string;
  readonly through?: Through;
  readonly newPlan?: number;
  readonly plan: string;
  readonly keyFile?: string;
  readonly replica?: ReplicaId;
}

const HELP = `
The back-up is verified before anything is written. The new cluster has a new id, new stores and a new key:
replicas of the old one can never join it, and clients need the new key. A directory that holds anything is
refused. --through goes back to any slot between the checkpoint in the back-up and its end, or to the last
slot whose commands were sent by a time.

  indelible restore monday.backup --dir data                              then: indelible cluster --dir data
  indelible restore monday.backup --dir data --through 2026-11-28T12:00:00Z
  indelible restore monday.backup --dir data --through 4711 --replicas 5

On several machines: draw the plan once, copy it with its key and the back-up to each.

  indelible restore monday.backup --new-plan 3 --plan plan.json           writes plan.json and plan.key
  indelible restore monday.backup --plan plan.json --replica 1 --dir /var/lib/indelible        then: serve`;

export function restoreCommand(output: Output): Command {
  const command = new Command('restore')
    .description('make a new cluster out of a back-up')
    .argument('<backup>', 'the file')
    .option('--dir <directory>', 'where the new data goes; must not be there, or be empty')
    .option('--through <place>', 'a slot, or a time (the end of the back-up)', throughOption)
    .option('--new-plan <replicas>', 'draw the plan of the new cluster', integerOption(1, MEMBERS_MAX))
    .option('--plan <file>', 'the plan, of a cluster on several machines', 'plan.json')
    .option('--key-file <file>', "the new cluster's key (PLAN with .key instead of .json)")
    .option('--replica <number>', 'the replica of the plan to restore', integerOption(1, 65_535));
  withNewCluster(command).action((backup: string, flags: RestoreFlags) => restore(backup, flags, output));
  return helpWith(command, HELP);
}

async function restore(file: string, flags: RestoreFlags, output: Output): Promise<void> {
  process.umask(OWNER_ONLY);
  const { newPlan, replica, dir, through } = flags;
  if (newPlan !== undefined && replica !== undefined)
    throw argumentError('--new-plan and --replica are two steps; take one');
  if (newPlan === undefined && dir === undefined)
    throw argumentError('restore needs --dir, where the new data goes; or --new-plan');
  const plan = replica === undefined ? undefined : planFor(flags);
  const wish = plan?.restores === undefined ? through : { slot: plan.restores.throughSlot };
  await withReplay(await openBackup(file), flags.stateMachine, async (replay) => {
    runThrough(replay, wish);
    if (newPlan !== undefined) return writePlan(newPlan, flags, replay, output);
    if (plan === undefined) return makeCluster(dir!, flags, replay, output);
    await restoreReplica(dir!, plan, replica!, newLogsOf(flags), keyFor(flags), replay);
    if (flags.json === true) return output.line(JSON.stringify(resultOf(dir!, plan, replay)));
    for (const line of stateLines(replay, plan)) output.line(line);
    output.line(`store     of replica ${replica} in ${path.resolve(dir!)}`);
  });
}

async function openBackup(file: string): Promise<BackupFile> {
  return BackupFile.open(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new IndelibleError(ErrorCode.storeMissing, `there is no ${file}`, { path: file });
  });
}

function planFor({ plan: file, through }: RestoreFlags): ClusterPlan {
  const text = readFileIfThere(file);
  if (text === undefined) throw argumentError(`there is no plan ${file}; draw one with restore --new-plan`);
  const plan = parsePlan(text);
  if (plan.restores === undefined)
    throw argumentError(`${file} is the plan of an empty cluster; draw one with restore --new-plan`);
  if (through !== undefined)
    throw argumentError('--through goes with --new-plan: the plan says it to all replicas');
  return plan;
}

function keyFor({ plan, keyFile = keyPathOf(plan) }: RestoreFlags): Uint8Array {
  const key = readClusterKey(keyFile);
  if (key !== undefined) return key;
  throw argumentError(`there is no key file ${keyFile}; restore --new-plan writes it beside the plan`);
}

function writePlan(
  replicas: number,
  { plan: file, json }: RestoreFlags,
  replay: Replay,
  output: Output,
): void {
  const plan = { ...drawPlan(replicas), restores: { throughSlot: replay.slot, chain: replay.chain } };
  const keyFile = writePlanFiles(plan, file);
  if (json === true) return output.line(JSON.stringify(plan));
  for (const line of stateLines(replay, plan)) output.line(line);
  output.line(`plan      ${file}: ${replicas} replicas`);
  output.line(`key       ${keyFile}: a secret; every replica has it`);
  output.line(
    `next      indelible restore ${replay.history.path} --plan ${file} --replica 1 --dir DIRECTORY, and so on`,
  );
}
