/**
 * Back-ups under load, restores, and recovery after a majority was lost: on real processes, killed on the
 * way.
 *
 * 1. A back-up that is taken while clients write holds every write that was acknowledged before it was begun;
 *    what is restored from it has them, through every port.
 * 2. A back-up, and the replica it is taken from, are killed with SIGKILL: nothing has the name of the
 *    back-up.
 * 3. A restore is killed with SIGKILL at several moments: there is a whole cluster or none, and another
 *    restore of the same back-up succeeds.
 * 4. `--through` brings back what was there before a mistake.
 * 5. A majority of the stores is deleted: `recover` makes a cluster of the last one, with all that this one
 *    had.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { indelible, PROGRAM } from '../cluster/cluster-process.js';
import type { Campaign, CampaignReport, CampaignSettings } from './campaign.js';
import { eventually } from './eventually.js';
import { Loader, valueFor } from './loader.js';
import { runs, signal } from './processes.js';
import { retried } from './retried.js';
import { ServiceCluster } from './service-cluster.js';
import { checkThrough, readKeys } from './verification.js';
import { readWords } from './words.js';

const REGION = '4MiB';
const IN_FLIGHT = 16;
const VALUE_BYTES = 900;
const WRITES = 4000;
const WRITES_SHORT = 1000;
/** So slow that there is time to kill what is under way. */
const SLOW = '1MiB';
const expected = (key: string): string => valueFor(key, VALUE_BYTES);

export const backupCampaign: Campaign = async (settings, report) => {
  const options = { backend: settings.backend, regionSize: REGION };
  const cluster = await ServiceCluster.start(options);
  const scratch = path.dirname(cluster.directory);
  const diagnose = (): Promise<string> => cluster.diagnosis();
  const acknowledged = path.join(scratch, 'acknowledged.txt');
  const ports = cluster.ids.map((id) => cluster.redisPort(id));
  const words = readWords();
  const loader = new Loader({
    ports,
    words,
    file: acknowledged,
    inFlight: IN_FLIGHT,
    valueBytes: VALUE_BYTES,
  });
  loader.start();
  const good = path.join(scratch, 'good.backup');
  let keys: readonly string[] = [];
  await report.check('a back-up under load is taken from a follower, and verified', async () => {
    await loader.advanced(settings.isShort ? WRITES_SHORT : WRITES, diagnose);
    keys = readKeys(acknowledged);
    for (const id of cluster.ids) await cluster.caughtUp(id);
    const taken = await mustSucceed('backup', '--dir', cluster.directory, '--to', good, '--json');
    const { replicaId } = JSON.parse(taken) as { replicaId: number };
    await mustSucceed('backup', '--verify', good);
    return `from replica ${replicaId}, ${keys.length} keys acknowledged before it was begun`;
  });
  await report.check('what is killed while a back-up is under way leaves none under its name', () =>
    killBackups(cluster, settings, scratch),
  );
  await loader.advanced(loader.width, diagnose);
  await loader.stop(diagnose);
  await report.check('restores are killed, and leave a whole cluster or none', () =>
    killRestores(good, scratch, settings, report),
  );
  await report.check('what is restored has every write that was acknowledged before', () =>
    serve(
      path.join(scratch, 'restored', 'data'),
      settings,
      (port) => checkThrough(port, keys, expected),
      `${keys.length} keys`,
    ),
  );
  await report.check('a mistake is undone by going back to before it', () =>
    undoMistake(cluster, scratch, settings),
  );
  await report.check('what one store had goes on in a new cluster after the others were lost', async () => {
    await cluster.converged();
    const all = readKeys(acknowledged);
    await cluster.killEverything();
    for (const id of [1, 2]) fs.rmSync(path.join(cluster.directory, `replica-${id}`), { recursive: true });
    const left = path.join(cluster.directory, 'replica-3');
    const target = path.join(scratch, 'recovered', 'data');
    fs.mkdirSync(path.dirname(target));
    await mustSucceed('recover', left, '--force', '--dir', target, ...logOf(settings));
    return serve(target, settings, (port) => checkThrough(port, all, expected), `${all.length} keys`);
  });
  cluster.removeData();
};

const logOf = ({ backend }: CampaignSettings): readonly string[] => [
  ...['--backend', backend],
  ...['--region-size', REGION],
];

async function mustSucceed(...args: readonly string[]): Promise<string> {
  const { code, out, problems } = await indelible(...args);
  if (code !== 0) throw new Error(`indelible ${args.join(' ')}: exit code ${code}: ${problems}`);
  return out;
}

/**
 * Runs a verb until `isTime`, then kills it; resolves when it is gone. False: it had ended, well, by then.
 */
async function killedDuring(args: readonly string[], isTime: () => boolean): Promise<boolean> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let problems = '';
  child.stderr.on('data', (text) => {
    problems += String(text);
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const pid = child.pid!;
  await eventually('it is far enough, or over', () => isTime() || !runs(pid) || undefined);
  const isUnderWay = runs(pid);
  signal(pid, 'SIGKILL');
  await exited;
  if (problems !== '') throw new Error(problems);
  return isUnderWay;
}

/** Bytes of what is being written beside `file`; 0 while there is nothing. */
function writtenBytes(file: string): number {
  const names = fs
    .readdirSync(path.dirname(file))
    .filter((name) => name.startsWith(`${path.basename(file)}.writing`));
  return names.reduce((sum, name) => sum + fs.statSync(path.join(path.dirname(file), name)).size, 0);
}

async function killBackups(
  cluster: ServiceCluster,
  { random, isShort }: CampaignSettings,
  scratch: string,
): Promise<string> {
  const file = path.join(scratch, 'killed.backup');
  const slowly = ['backup', '--dir', cluster.directory, '--to', file, '--rate', SLOW];
  const times = isShort ? 1 : 4;
  for (let kill = 0; kill < times; kill++) {
    const at = random.below(2 << 20);
    if (!(await killedDuring(slowly, () => writtenBytes(file) > at))) throw new Error('it was over too soon');
    if (fs.existsSync(file)) throw new Error('a back-up that was killed has its name');
    for (const name of fs.readdirSync(scratch))
      if (name.includes('.writing-')) fs.rmSync(path.join(scratch, name));
  }
  const leader = await cluster.leader();
  const victim = cluster.ids.find((id) => id !== leader)!;
  const failing = indelible(...slowly, '--replica', String(victim));
  await eventually('the back-up is under way', () => writtenBytes(file) > 0 || undefined);
  await cluster.kill(victim);
  const { code, problems } = await failing;
  if (code !== 1 || !problems.includes('ERR_INDELIBLE_NETWORK'))
    throw new Error(`exit code ${code}: ${problems}`);
  const left = fs.readdirSync(scratch).filter((name) => name.startsWith('killed.backup'));
  if (left.length > 0) throw new Error(`it left ${left}`);
  await cluster.caughtUp(victim);
  return `${times} back-ups killed, and replica ${victim} under one`;
}

/** Names in a directory; none where there is no directory. */
function namesIn(directory: string): readonly string[] {
  return fs.existsSync(directory) ? fs.readdirSync(directory) : [];
}

async function killRestores(
  file: string,
  scratch: string,
  settings: CampaignSettings,
  report: CampaignReport,
): Promise<string> {
  const target = path.join(scratch, 'restored', 'data');
  fs.mkdirSync(path.dirname(target));
  const args = ['restore', file, '--dir', target, ...logOf(settings)];
  let cut = 0;
  for (const stage of settings.isShort ? [1] : [0, 1, 2, 3]) {
    // With so many of the stores begun.
    const isTime = (): boolean =>
      stage === 0
        ? fs.existsSync(target)
        : namesIn(path.join(target, 'restoring')).includes(`replica-${stage}`) ||
          namesIn(target).includes('cluster.json');
    if (await killedDuring(args, isTime)) cut++;
    const names = namesIn(target).filter((name) => name !== 'restoring');
    if (names.includes('cluster.json')) {
      await mustSucceed('replay', target, '--every', '1000000');
    } else if (names.length > 0) {
      report.note(`killed while the stores got their names: ${names}`);
    }
    if (names.length > 0) fs.rmSync(target, { recursive: true });
  }
  await mustSucceed(...args);
  return `${cut} killed on the way`;
}

/** Starts a cluster on a directory, looks through each of its ports, and stops it. */
async function serve(
  directory: string,
  { backend }: CampaignSettings,
  look: (port: number) => Promise<void>,
  told: string,
): Promise<string> {
  const cluster = await ServiceCluster.startOn(directory, { backend, regionSize: REGION });
  try {
    await cluster.converged();
    for (const id of cluster.ids) await look(cluster.redisPort(id));
    const redis = new Redis({ port: cluster.redisPort(1), host: '127.0.0.1' });
    await redis.set('and it', 'goes on');
    redis.disconnect();
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${await cluster.diagnosis()}`);
  } finally {
    await cluster.stop();
  }
  return told;
}

/** Everything is deleted; a back-up of afterwards brings back what was there before. */
async function undoMistake(
  cluster: ServiceCluster,
  scratch: string,
  settings: CampaignSettings,
): Promise<string> {
  const redis = new Redis({ port: cluster.redisPort(1), host: '127.0.0.1' });
  await retried(() => redis.set('precious', 'yes'));
  const { appliedThrough } = await cluster.converged();
  await retried(() => redis.del('precious'));
  redis.disconnect();
  await cluster.converged();
  const file = path.join(scratch, 'mistake.backup');
  await mustSucceed('backup', '--dir', cluster.directory, '--to', file);
  const target = path.join(scratch, 'before', 'data');
  fs.mkdirSync(path.dirname(target));
  await mustSucceed(
    'restore',
    file,
    '--dir',
    target,
    '--through',
    String(appliedThrough),
    ...logOf(settings),
  );
  const look = async (port: number): Promise<void> => {
    const before = new Redis({ port, host: '127.0.0.1' });
    const value = await retried(() => before.get('precious'));
    before.disconnect();
    if (value !== 'yes') throw new Error(`what was deleted is ${value}`);
  };
  return serve(target, settings, look, `slot ${appliedThrough}`);
}
