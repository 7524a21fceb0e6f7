/**
 * More data than the logs hold: small logs, writes without end, and a state that takes longer to write out
 * than a log takes to fill, so that logs are full again and again.
 *
 * 1. Every log goes around so many times; checkpoints and trims keep up, and the disk does not grow with
 *    the laps.
 * 2. A follower that stood still for longer than the leader's log reaches back returns by state transfer:
 *    once when it goes on, once when it is killed and started again.
 * 3. The leader is killed while its log is full: the next one is elected all the same, and writes go on.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { ReplicaStatus } from '../../lib/index.js';
import type { Campaign, CampaignSettings } from './campaign.js';
import { eventually } from './eventually.js';
import { Loader, valueFor } from './loader.js';
import { ServiceCluster } from './service-cluster.js';
import { checkAcknowledged } from './verification.js';
import { readWords } from './words.js';

const REGION = '1MiB';
/** A state of about 6 MB over logs of 1 MB. */
const KEYS = 6000;
const VALUE_BYTES = 900;
const IN_FLIGHT = 64;
/** A log with less room than this has refused, or is about to refuse, a batch. */
const FULL_SHARE = 0.8;
const FULL_KILLS = 3;

export const lapsCampaign: Campaign = async (settings, report) => {
  const cluster = await ServiceCluster.start({ backend: settings.backend, regionSize: REGION });
  const file = path.join(cluster.directory, 'acknowledged.txt');
  const diagnose = (): Promise<string> => cluster.diagnosis();
  const loader = new Loader({
    ports: cluster.ids.map((id) => cluster.redisPort(id)),
    words: readWords(),
    file,
    inFlight: IN_FLIGHT,
    keysMax: KEYS,
    valueBytes: VALUE_BYTES,
  });
  loader.start();
  await report.check(`every log goes around ${settings.laps} times`, () =>
    goAround(cluster, settings, loader),
  );
  await report.check('a follower that stood still for longer than the log goes on by state transfer', () =>
    returnByTransfer(cluster, loader, (pid) => process.kill(pid, 'SIGCONT')),
  );
  await report.check('a follower that was killed for longer than the log returns by state transfer', () =>
    returnByTransfer(cluster, loader, (pid) => process.kill(pid, 'SIGKILL')),
  );
  await report.check(`${FULL_KILLS} leaders are killed with a full log, and writes go on`, () =>
    killFullLeaders(cluster, loader),
  );
  await report.check('every acknowledged key is on every replica', async () => {
    await loader.stop(diagnose);
    const count = await checkAcknowledged(cluster, file, (key) => valueFor(key, VALUE_BYTES));
    await loader.checkCounter(cluster.redisPort(1), 0);
    return `${count} keys, ${loader.summary()}`;
  });
  await report.check('all are killed at once and started again, and nothing is missing', async () => {
    await cluster.killEverything();
    await cluster.startAgain();
    return `${await checkAcknowledged(cluster, file, (key) => valueFor(key, VALUE_BYTES))} keys`;
  });
  await cluster.stop();
  cluster.removeData();
};

/** Bytes on the disk that are not the campaign's own. */
function bytesOnDisk(cluster: ServiceCluster): number {
  const entries = fs.readdirSync(cluster.directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.parentPath !== cluster.directory)
    .reduce((sum, { parentPath, name }) => {
      const stat = fs.statSync(path.join(parentPath, name), { throwIfNoEntry: false });
      return sum + (stat?.size ?? 0);
    }, 0);
}

async function goAround(
  cluster: ServiceCluster,
  { laps }: CampaignSettings,
  loader: Loader,
): Promise<string> {
  let mostBytes = 0;
  const round = (status: ReplicaStatus): boolean => status.storage.laps >= laps;
  const statuses = await eventually(
    `every log has gone around ${laps} times`,
    async () => {
      mostBytes = Math.max(mostBytes, bytesOnDisk(cluster));
      const found = await cluster.statuses();
      return found.length === cluster.ids.length && found.every(round) ? found : undefined;
    },
    async () => `${loader.summary()}\n${await cluster.diagnosis()}`,
  );
  if (statuses.some(({ storage, checkpointId }) => storage.trims === 0 || checkpointId === 0)) {
    throw new Error(`a replica has not trimmed\n${await cluster.diagnosis()}`);
  }
  // Per replica: its log, and at most six images of the state (in force, the one before, being written, being
  // received, and two that are being sent).
  const bound = cluster.ids.length * (2 ** 20 * 4 + 6 * KEYS * (VALUE_BYTES + 200));
  if (mostBytes > bound) throw new Error(`${mostBytes} bytes on the disk, more than ${bound}`);
  const trims = statuses.map(({ storage }) => storage.trims);
  return `laps ${statuses.map(({ storage }) => storage.laps)}, trims ${trims}, ${mostBytes >> 20} MiB on disk; ${loader.summary()}`;
}

/** How often replica `id` has logged that a peer's checkpoint replaced its state. */
function transfersOf(cluster: ServiceCluster, id: number): number {
  return cluster.logOf(id).filter((line) => /"msg":"checkpoint"/.test(line) && !/"from":0/.test(line)).length;
}

async function returnByTransfer(
  cluster: ServiceCluster,
  loader: Loader,
  revive: (pid: number) => void,
): Promise<string> {
  const diagnose = (): Promise<string> => cluster.diagnosis();
  const leader = await cluster.leader();
  const id = cluster.ids.find((each) => each !== leader)!;
  const pid = await eventually(`replica ${id} runs`, () => cluster.pidOf(id), diagnose);
  const before = (await eventually(`replica ${id} answers`, () => cluster.statusOf(id), diagnose))
    .appliedThrough;
  const transfers = transfersOf(cluster, id);
  process.kill(pid, 'SIGSTOP');
  const trimmed = await eventually(
    `the others have forgotten slot ${before}, where replica ${id} stands`,
    async () => {
      const others = (await cluster.statuses()).filter(({ replicaId }) => replicaId !== id);
      const least = Math.min(...others.map(({ trimThrough }) => trimThrough));
      return others.length === cluster.ids.length - 1 && least > before + 100 ? least : undefined;
    },
    diagnose,
  );
  revive(pid);
  await cluster.caughtUp(id);
  await loader.advanced(loader.width + 1, diagnose);
  const received = transfersOf(cluster, id) - transfers;
  if (received === 0) throw new Error(`replica ${id} logged no transfer\n${await diagnose()}`);
  return `replica ${id} stood at slot ${before}, the others had trimmed through ${trimmed}; ${received} received`;
}

async function killFullLeaders(cluster: ServiceCluster, loader: Loader): Promise<string> {
  const diagnose = (): Promise<string> => cluster.diagnosis();
  const seen: string[] = [];
  for (let kill = 0; kill < FULL_KILLS; kill++) {
    const full = await eventually(
      `the leader's log is ${100 * FULL_SHARE} % full`,
      async () =>
        (await cluster.statuses()).find(
          ({ role, logUsedBytes, logCapacityBytes }) =>
            role === 'leader' && logUsedBytes >= FULL_SHARE * logCapacityBytes,
        ),
      diagnose,
    );
    await cluster.kill(full.replicaId);
    await loader.advanced(loader.width + 1, diagnose);
    await cluster.caughtUp(full.replicaId);
    const share = Math.round((100 * full.logUsedBytes) / full.logCapacityBytes);
    seen.push(`replica ${full.replicaId} at ${share} %`);
  }
  return seen.join(', ');
}
