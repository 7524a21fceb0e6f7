/**
 * Links that carry less than the clients send: bulk must not depose a leader that is well, and must not leave
 * the links idle either. For each rate a new cluster, with default tuning.
 *
 * 1. From the first command on, no replica changes its role or whom it follows.
 * 2. The links from the leader to the others carry at least USE_MIN of what they can, all in all, as the
 *    kernel counts it against rate and time of the same seconds.
 */
import fs from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { temporaryDirectory } from '../cluster/cluster-process.js';
import { BulkLoad } from './bulk-load.js';
import type { Campaign, CampaignReport, CampaignSettings } from './campaign.js';
import { eventually } from './eventually.js';
import { Network } from './network.js';
import { NetworkedCluster } from './networked-cluster.js';

const REGION = '64MiB';
const VALUE_BYTES = 64 << 10;
const KEYS = 64;
/** Values under way: more than any window, so that something always waits. */
const IN_FLIGHT = 192;
const USE_MIN = 0.8;

/** Short: what continuous integration runs. */
const SHORT = { sizes: [3], megabytes: [1, 8], seconds: 4 };
const WHOLE = { sizes: [3, 5], megabytes: [1, 8, 40], seconds: 20 };

export const linksCampaign: Campaign = async (settings, report) => {
  const { sizes, megabytes, seconds } = settings.isShort ? SHORT : WHOLE;
  for (const size of sizes) {
    for (const rate of megabytes) await onLinksOf(rate, size, seconds, settings, report);
  }
};

async function onLinksOf(
  megabytes: number,
  size: number,
  seconds: number,
  settings: CampaignSettings,
  report: CampaignReport,
): Promise<void> {
  const network = new Network(Array.from({ length: size }, (_, at) => at + 1));
  const directory = temporaryDirectory();
  const cluster = new NetworkedCluster({
    network,
    backend: settings.backend,
    regionSize: REGION,
    directory,
  });
  await network.limit(megabytes * 1e6);
  cluster.startAll();
  const leader = await cluster.leader();
  const load = new BulkLoad({
    ...cluster.redis(leader),
    valueBytes: VALUE_BYTES,
    keys: KEYS,
    inFlight: IN_FLIGHT,
  });
  try {
    await report.check(`${size} replicas, ${megabytes} MB/s a link: one leader, links in use`, () =>
      saturate(cluster, leader, megabytes * 1e6, seconds, load),
    );
  } finally {
    load.stop();
    await cluster.stop();
    network.close();
  }
  fs.rmSync(directory, { recursive: true, force: true });
}

async function saturate(
  cluster: NetworkedCluster,
  leader: number,
  bytesPerSecond: number,
  seconds: number,
  load: BulkLoad,
): Promise<string> {
  const { network, ids } = cluster;
  const others = ids.filter((id) => id !== leader);
  const sent = (): number => others.reduce((sum, id) => sum + network.bytesSent(leader, id), 0);
  const changes = cluster.roleChanges;
  load.start();
  await eventually(
    'the first values are acknowledged',
    () => load.done > 8 || undefined,
    () => cluster.diagnosis(),
  );
  const [before, doneBefore, fromMs] = [sent(), load.done, performance.now()];
  await pause(seconds * 1000);
  const elapsed = (performance.now() - fromMs) / 1000;
  const use = (sent() - before) / (bytesPerSecond * others.length * elapsed);
  const rate = (((load.done - doneBefore) * VALUE_BYTES) / elapsed / 1e6).toFixed(1);
  const text = `${(100 * use).toFixed(0)} % of the links in use, ${rate} MB/s of values acknowledged`;
  const changed = cluster.roleChanges - changes;
  if (changed > 0) throw new Error(`${changed} changes of a role; ${text}\n${await cluster.diagnosis()}`);
  if (use < USE_MIN) throw new Error(`only ${text}\n${await cluster.diagnosis()}`);
  return text;
}
