/**
 * `indelible replace 3 --dir data`: a new replica takes the place of another one of a cluster on this
 * machine, store, process and all. What is done is in the cluster's file (cluster-file.ts, phases of a
 * replacement); its supervisor starts and stops who is a member there.
 *
 * 1. What is to be done next follows from the file and the members alone, so a command that was interrupted
 *    anywhere is repeated.
 * 2. The heir's id and store are in the file before the store is formatted. Only a store that never ran is
 *    formatted; where one that ran is lost, there is another heir with another id.
 * 3. Whoever is gone is stopped only when the cluster has removed it. No store is deleted.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import {
  type ClusterFile,
  type Replacement,
  readClusterFile,
  replicaDirectory,
  writeClusterFile,
} from '../cluster/cluster-file.js';
import { checkRoom } from '../cluster/directory.js';
import { ioError, makeDirectory } from '../cluster/durable-file.js';
import { formatReplica, hasStore } from '../cluster/stores.js';
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import { highestIdOf } from '../paxos/configuration-batch.js';
import { lockDirectory } from '../storage/file/lock.js';
import type { Configuration, ReplicaId } from '../types.js';
import type { Arrangement, Look } from './arrangement.js';
import { inRole, memberOf, withMember, without } from './membership.js';

/** What is asked of the running cluster. */
type By = Pick<Arrangement, 'look' | 'reach' | 'started' | 'stopped' | 'tell'>;

/**
 * Resolves with what is then so.
 * @throws RangeError for a replica that is none of this cluster's, or while another one is being replaced;
 * ERR_INDELIBLE_STORE_LOCKED while the same command is at work; ERR_INDELIBLE_STORE_IO
 */
export async function replaceHere(by: By, gone: ReplicaId, directory: string): Promise<Look> {
  const unlock = await lockReplacing(directory);
  try {
    const look = await by.look();
    const begun = await begin(by, look, gone, directory);
    if (begun === undefined) return await by.reach((now) => without(now, gone));
    if (begun.replacement.phase === 'forming') await formHeir(by, begun, directory, look);
    if (begun.replacement.phase !== 'leaving') await exchange(by, begun.replacement, directory);
    await setAside(by, begun.replacement, directory);
    return await by.look();
  } finally {
    await unlock();
  }
}

type Replacing = ClusterFile & { readonly replacement: Replacement };

/** As it stands in the cluster's file, begun there if it is not. Undefined: it was replaced before. */
async function begin(
  by: By,
  { configuration, answers }: Look,
  gone: ReplicaId,
  directory: string,
): Promise<Replacing | undefined> {
  const file = fileIn(directory);
  const { replacement } = file;
  if (replacement === undefined) {
    if (file.members.some(({ id }) => id === gone)) return plan(file, [gone], configuration, directory);
    if (configuration.members.some(({ id }) => id === gone)) {
      throw argumentError(
        `replica ${gone} is not started by the cluster in ${directory}: name its heir --with`,
      );
    }
    return undefined;
  }
  const { heir, phase } = replacement;
  if (!replacement.gone.includes(gone)) {
    const [first] = replacement.gone;
    throw argumentError(
      `replica ${heir.id} is taking the place of replica ${first}: run indelible replace ${first} --dir ${directory} first`,
    );
  }
  const recovery = answers.find(({ id }) => id === heir.id)?.status?.recovery;
  const isLost =
    phase === 'joining' && (recovery === 'lost' || !hasStore(replicaDirectory(directory, heir.id)));
  const isSpent = phase !== 'leaving' && isUsedByAnother(heir, configuration);
  if (!isLost && !isSpent) return { ...file, replacement };
  by.tell(`replica ${heir.id} cannot take the place any more: another one is to`);
  return plan(file, [...replacement.gone, heir.id], configuration, directory);
}

/** Its id was given to another store meanwhile, or it was removed. */
function isUsedByAnother({ id, storeUuid }: Replacement['heir'], configuration: Configuration): boolean {
  const member = configuration.members.find((each) => each.id === id);
  return member === undefined ? id <= highestIdOf(configuration) : member.storeUuid !== storeUuid;
}

/** Names an heir in the cluster's file. Heirs that were lost are stopped by that. */
function plan(
  file: ClusterFile,
  gone: Replacement['gone'],
  configuration: Configuration,
  directory: string,
): Replacing {
  const [first, ...lost] = gone;
  const members = file.members.filter(({ id }) => !lost.includes(id));
  const id = Math.max(highestIdOf(configuration), first, ...file.members.map((each) => each.id), ...lost) + 1;
  const heir = { id, storeUuid: randomBytes(16).toString('hex') };
  checkRoom(directory, 1, file.regionBytes);
  const planned = { ...file, members, replacement: { gone, heir, phase: 'forming' } } as const;
  writeClusterFile(directory, planned);
  return planned;
}

async function formHeir(by: By, file: Replacing, directory: string, { configuration }: Look): Promise<void> {
  const { replacement, backend, sync, regionBytes, clusterId } = file;
  const { heir } = replacement;
  const where = replicaDirectory(directory, heir.id);
  if (!hasStore(where)) {
    by.tell(`replica ${heir.id} is formatted, which is to take the place of replica ${replacement.gone[0]}`);
    makeDirectory(where);
    const identity = { clusterId, replicaId: heir.id, storeUuid: heir.storeUuid };
    const store = { directory: where, backend, sync, regionBytes, identity, configuration };
    await formatReplica({ ...store, key: undefined });
  }
  writeClusterFile(directory, {
    ...file,
    members: [...file.members, heir],
    replacement: { ...replacement, phase: 'joining' },
  });
}

/** The heir learns, and then, in one step, it votes and whoever is gone is removed. */
async function exchange(by: By, { heir, gone }: Replacement, directory: string): Promise<void> {
  const status = await by.started(heir.id);
  const file = fileIn(directory);
  const member = memberOf(heir.id, undefined, status, file);
  const removed = (now: Configuration): Configuration => ({
    ...now,
    members: now.members.filter(({ id }) => !gone.includes(id)),
  });
  await by.reach((now) => withMember(now, member));
  await by.reach((now) => inRole(removed(now), heir.id, 'voter'));
  writeClusterFile(directory, {
    ...file,
    members: file.members.filter(({ id }) => !gone.includes(id)),
    replacement: { heir, gone, phase: 'leaving' },
  });
}

async function setAside(by: By, { gone }: Replacement, directory: string): Promise<void> {
  for (const id of gone) {
    await by.stopped(id);
    const store = replicaDirectory(directory, id);
    if (!fs.existsSync(store)) continue;
    const aside = `${store}.set-aside`;
    try {
      fs.renameSync(store, aside);
    } catch (error) {
      throw ioError(`cannot set aside ${store}`, store, error);
    }
    by.tell(`the store of replica ${id} is in ${path.resolve(aside)}`);
  }
  const { replacement: _, ...file } = fileIn(directory);
  writeClusterFile(directory, file);
}

function fileIn(directory: string): ClusterFile {
  const file = readClusterFile(directory);
  if (file?.state === 'formed') return file;
  throw argumentError(`${directory} holds no cluster that \`indelible cluster\` has formatted`);
}

/** One at a time in a directory. */
async function lockReplacing(directory: string): Promise<() => Promise<void>> {
  fileIn(directory);
  try {
    return await lockDirectory(directory, { name: 'replacing' });
  } catch (error) {
    if ((error as IndelibleError).code !== ErrorCode.storeLocked) throw error;
    const sentence = `another \`indelible replace\` is at work in ${directory}`;
    throw new IndelibleError(ErrorCode.storeLocked, sentence, { cause: error, path: directory });
  }
}
