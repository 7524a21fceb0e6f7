/** The options with which a new cluster is made of a state, and what is said of it when it is there. */
import path from 'node:path';
import { type Command, Option } from 'commander';
import { isoTime, type Replay } from '../backup/replay.js';
import { BACKENDS, type Backend, SYNCS, type Sync } from '../cluster/cluster-file.js';
import type { ClusterPlan } from '../cluster/plan.js';
import { type NewLogs, restoreCluster } from '../cluster/restoration.js';
import { checkSync } from '../cluster/serve-config.js';
import { LOG_BYTES_DEFAULT, MEMBERS_MAX } from '../limits.js';
import { integerOption, sizeOption } from './option-parsers.js';
import type { Output } from './output.js';

export interface NewClusterFlags {
  readonly replicas: number;
  readonly backend: Backend;
  readonly sync: Sync;
  readonly regionSize: number;
  readonly stateMachine?: string;
  readonly json?: boolean;
}

export function withNewCluster(command: Command): Command {
  return command
    .option('--replicas <number>', 'of the new cluster', integerOption(1, MEMBERS_MAX), 3)
    .addOption(
      new Option('--backend <backend>', 'the kind of its logs').choices(BACKENDS).default('emulated'),
    )
    .addOption(new Option('--sync <sync>', 'what a fence is, if emulated').choices(SYNCS).default('none'))
    .addOption(
      new Option('--region-size <size>', 'bytes of each log')
        .argParser(sizeOption('--region-size'))
        .default(LOG_BYTES_DEFAULT, '128MiB'),
    )
    .option('--state-machine <module>', 'whose default export makes it; the bundled one by default')
    .option('--json', 'print the result as JSON');
}

export function newLogsOf({ backend, sync, regionSize }: NewClusterFlags): NewLogs {
  checkSync(backend, sync);
  return { backend, sync, regionBytes: regionSize };
}

/** Makes a cluster on this machine, and says so. */
export async function makeCluster(
  directory: string,
  flags: NewClusterFlags,
  replay: Replay,
  output: Output,
): Promise<void> {
  const plan = await restoreCluster(directory, flags.replicas, newLogsOf(flags), replay);
  if (flags.json === true) return output.line(JSON.stringify(resultOf(directory, plan, replay)));
  for (const line of stateLines(replay, plan)) output.line(line);
  output.line(`stores    ${flags.replicas} replicas in ${path.resolve(directory)}`);
  output.line(`next      indelible cluster --dir ${directory}`);
}

export function resultOf(directory: string, plan: ClusterPlan, replay: Replay): object {
  const { clusterId, members } = plan;
  const { slot: throughSlot, stateDigest } = replay;
  return {
    directory: path.resolve(directory),
    clusterId,
    members,
    throughSlot,
    timeMs: replay.timeMs,
    ...(stateDigest === undefined ? {} : { stateDigest }),
    of: replay.history.meta.clusterId,
  };
}

export function stateLines(
  { slot, timeMs, stateDigest, history }: Replay,
  plan: ClusterPlan,
): readonly string[] {
  const digest = stateDigest === undefined ? '' : `, digest ${stateDigest}`;
  const time = slot === 0 ? '' : ` (${isoTime(timeMs)})`;
  return [
    `state     as after slot ${slot}${time} of cluster ${history.meta.clusterId}${digest}`,
    `cluster   ${plan.clusterId}: a new one; no replica of the old one can join it`,
  ];
}
