/**
 * Real input, and replicas killed under it: nothing that was acknowledged is ever missing.
 *
 * 1. redis-cli --pipe loads the word list into an undisturbed cluster.
 * 2. ioredis clients write while the leader is killed with SIGKILL again and again, now and then the next
 *    leader with it; each killed one is started again by the supervisor and catches up.
 * 3. All replicas are killed at once under the same load.
 * 4. The supervisor is killed with all of them, and the cluster started again.
 */
import path from 'node:path';
import type { Campaign, CampaignReport, CampaignSettings } from './campaign.js';
import { Loader, valueFor } from './loader.js';
import { ServiceCluster } from './service-cluster.js';
import { checkAcknowledged, sizesOf } from './verification.js';
import { encodeRequest, readWords, runTool } from './words.js';

const IN_FLIGHT = 16;
/** Writes between two kills, at least, and at most this many more. */
const ADVANCE_MIN = 200;
const ADVANCE_SPAN = 3000;
/** One kill in so many takes the next leader too, and with it the quorum for a moment. */
const DOUBLE_ONE_IN = 4;

export const killCampaign: Campaign = async (settings, report) => {
  const cluster = await ServiceCluster.start({ backend: settings.backend });
  const words = readWords();
  await report.check('redis-cli --pipe loads the word list', () => loadWordList(cluster, words));
  const file = path.join(cluster.directory, 'acknowledged.txt');
  const ports = cluster.ids.map((id) => cluster.redisPort(id));
  const diagnose = (): Promise<string> => cluster.diagnosis();
  let counter = 0;
  const loader = new Loader({ ports, words, file, inFlight: IN_FLIGHT });
  loader.start();
  await report.check(`${settings.kills} leaders are killed under load, and catch up`, () =>
    killLeaders(cluster, loader, settings, report),
  );
  await report.check('all replicas are killed at once under load, and go on', async () => {
    await Promise.all(cluster.ids.map((id) => cluster.kill(id)));
    await loader.advanced(ADVANCE_MIN, diagnose);
    await loader.stop(diagnose);
    return loader.summary();
  });
  await report.check('every acknowledged key is on every replica', async () => {
    const count = await checkAcknowledged(cluster, file, valueFor);
    counter = await loader.checkCounter(cluster.redisPort(1), 0);
    return `${count} keys, counter at ${counter}`;
  });
  await report.check('killed with its supervisor and started again, nothing is missing', async () => {
    await cluster.killEverything();
    await cluster.startAgain();
    const count = await checkAcknowledged(cluster, file, valueFor);
    await loader.checkCounter(cluster.redisPort(2), 0);
    return `${count} keys`;
  });
  await report.check('SIGTERM stops everything in order', async () => {
    const code = await cluster.stop();
    if (code !== 0) throw new Error(`exit code ${code}: ${cluster.supervisor.problems}`);
    return '';
  });
  cluster.removeData();
};

async function loadWordList(cluster: ServiceCluster, words: readonly string[]): Promise<string> {
  const input = words.map((word, index) => encodeRequest('SET', word, String(index))).join('');
  const { code, out } = await runTool('redis-cli', ['-p', String(cluster.redisPort(1)), '--pipe'], input);
  if (code !== 0 || !out.includes(`errors: 0, replies: ${words.length}`)) {
    throw new Error(`exit code ${code}: ${out}`);
  }
  await cluster.converged();
  const sizes = await sizesOf(cluster);
  if (sizes.some((size) => size !== words.length)) {
    throw new Error(`${words.length} words; DBSIZE ${sizes}\n${await cluster.diagnosis()}`);
  }
  return `${words.length} words, no errors, DBSIZE equal on all ports`;
}

async function killLeaders(
  cluster: ServiceCluster,
  loader: Loader,
  { kills, random }: CampaignSettings,
  report: CampaignReport,
): Promise<string> {
  const diagnose = (): Promise<string> => cluster.diagnosis();
  const times = new Map(cluster.ids.map((id) => [id, 0]));
  for (let kill = 1; kill <= kills; ) {
    await loader.advanced(ADVANCE_MIN + random.below(ADVANCE_SPAN), diagnose);
    const victims = [await cluster.leader()];
    await cluster.kill(victims[0]!);
    const startMs = performance.now();
    if (random.below(DOUBLE_ONE_IN) === 0) {
      // The one that leads next, or if none does yet, the next by number: either way two of three are gone.
      const other = cluster.ids[victims[0]! % cluster.ids.length]!;
      await cluster.kill(other);
      victims.push(other);
    }
    // More than were under way, so that the last of them was asked for after the kill.
    await loader.advanced(loader.width + 1, diagnose);
    const gapMs = performance.now() - startMs;
    for (const id of victims) {
      await cluster.caughtUp(id);
      times.set(id, times.get(id)! + 1);
    }
    report.note(
      `kill ${kill}: replica ${victims.join(' and ')}; writes went on after ${gapMs.toFixed(0)} ms`,
    );
    kill += victims.length;
  }
  const spread = [...times].map(([id, count]) => `replica ${id} ${count} times`).join(', ');
  return `${spread}; ${loader.summary()}`;
}
