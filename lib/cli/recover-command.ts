/** `indelible recover`: a new cluster out of what is left of one that has lost a majority of its stores. */
import { Command } from 'commander';
import { Replay, type Through } from '../backup/replay.js';
import { backupOfStopped } from '../backup/stopped-backup.js';
import { StoppedStores } from '../backup/stopped-stores.js';
import { StoreHistory } from '../backup/store-history.js';
import { lossLines, type Survivors, survivorsOf } from '../backup/survivors.js';
import { OWNER_ONLY } from '../cluster/durable-file.js';
import { runThrough } from '../cluster/restoration.js';
import { argumentError } from '../errors.js';
import { helpWith } from './help.js';
import { machineMaker, throughOption } from './history-source.js';
import { makeCluster, type NewClusterFlags, withNewCluster } from './new-cluster.js';
import type { Output } from './output.js';
import { storeDirectories } from './store-directories.js';

interface RecoverFlags extends NewClusterFlags {
  readonly dir?: string;
  readonly to?: string;
  readonly through?: Through;
  readonly force?: boolean;
}

const HELP = `
For the day on which a majority of the stores is lost for good. Name every store that is left. It counts them
against the members that the cluster has, and refuses while they are a majority: start that one, and nothing
is lost. Otherwise it says what is kept and what may be lost; with --force it makes a new cluster of what is
kept, under a new id, with new stores and a new key. Replicas of the old cluster, should they turn up again,
can never join it. The stores named stay as they are: keep them until you know that nothing is missed.
If there is a back-up that is newer than what these stores have, restore that one.

  indelible recover data/replica-1                                   what would be kept, and what be lost
  indelible recover data/replica-1 --force --dir new                 then: indelible cluster --dir new
  indelible recover /mnt/a /mnt/b --force --to left.backup           for several machines: restore it on each

Never start what is left of the old cluster again: there would be two clusters with one past.`;

export function recoverCommand(output: Output): Command {
  const command = new Command('recover')
    .description('make a new cluster of what is left after a majority of the stores was lost')
    .argument('<stores...>', 'directories of all stores that are left')
    .option('--force', 'do it; without it only say what would be done')
    .option('--dir <directory>', 'where the new cluster goes; must not be there, or be empty')
    .option('--to <file>', 'write a back-up of what is left instead, for `restore`')
    .option('--through <place>', 'leave out what is behind a slot or a time', throughOption);
  withNewCluster(command).action((stores: string[], flags: RecoverFlags) => recover(stores, flags, output));
  return helpWith(command, HELP);
}

async function recover(named: readonly string[], flags: RecoverFlags, output: Output): Promise<void> {
  const { force, dir, to, through, stateMachine, json } = flags;
  process.umask(OWNER_ONLY);
  if (force === true && (dir === undefined) === (to === undefined))
    throw argumentError('recover --force needs --dir, where the new cluster goes, or --to for a back-up');
  if (to !== undefined && through !== undefined)
    throw argumentError('--through goes with --dir: of a back-up `restore` takes it');
  const make = await machineMaker(stateMachine);
  const stores = await StoppedStores.open(storeDirectories(named));
  try {
    const history = new StoreHistory(stores, 'survivors');
    const survivors = survivorsOf(stores, history);
    const replay = new Replay(history, make());
    runThrough(replay, through);
    tell(survivors, replay, flags, output);
    if (force !== true) return;
    if (dir !== undefined) return await makeCluster(dir, flags, replay, output);
    const result = await backupOfStopped(history, to!);
    if (json === true) return output.line(JSON.stringify(result));
    output.line(`back-up   ${to}: make a new cluster of it with \`indelible restore\``);
  } finally {
    await stores.close();
  }
}

function tell(survivors: Survivors, { timeMs }: Replay, flags: RecoverFlags, output: Output): void {
  const isDone = flags.force === true;
  if (flags.json === true) return output.line(JSON.stringify({ ...survivors, timeMs, force: isDone }));
  for (const line of lossLines(survivors, timeMs)) output.line(line);
  if (!isDone) output.line('nothing was written: with --force, and --dir or --to, it is done');
}
