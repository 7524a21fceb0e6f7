/**
 * Members that change under load, on real processes that are killed meanwhile: every acknowledged write is
 * there afterwards, on every member.
 *
 * 1. A new replica takes the place of one of three, and is killed with SIGKILL while it joins.
 * 2. It leads, and learns only, and votes again; the leader is killed with SIGKILL before each change.
 * 3. Whoever was removed says so, and a command that is repeated finds what is so already.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { surveyOf } from '../../lib/client/survey.js';
import type { ReplicaStatus } from '../../lib/index.js';
import { clusterKeyPath, readClientKey } from '../../lib/replica/key-file.js';
import { indelible, PROGRAM } from '../cluster/cluster-process.js';
import type { Campaign } from './campaign.js';
import { eventually } from './eventually.js';
import { Loader, valueFor } from './loader.js';
import { ServiceCluster } from './service-cluster.js';
import { checkThrough, readKeys } from './verification.js';
import { readWords } from './words.js';

const REGION = '18MiB';
const IN_FLIGHT = 16;
const WRITES = 500;
const GONE = 3;
const NEW = 4;

export const membersCampaign: Campaign = async ({ backend }, report) => {
  const cluster = await ServiceCluster.start({ backend, regionSize: REGION });
  const diagnose = (): Promise<string> => cluster.diagnosis();
  const file = path.join(path.dirname(cluster.directory), 'acknowledged.txt');
  const staying = cluster.ids.filter((id) => id !== GONE);
  const ports = staying.map((id) => cluster.redisPort(id));
  const loader = new Loader({ ports, words: readWords(), file, inFlight: IN_FLIGHT });
  const newcomer = new Newcomer(cluster, backend);
  loader.start();
  try {
    await report.check(
      'a replica is formatted to join, and killed while it takes the place of another',
      async () => {
        await loader.advanced(WRITES, diagnose);
        await newcomer.format();
        newcomer.start();
        const replaced = asked(cluster, 'replace', String(GONE), '--with', `${NEW}=${newcomer.address}`);
        await newcomer.kill();
        newcomer.start();
        const members = await replaced;
        await loader.advanced(WRITES, diagnose);
        return members;
      },
    );
    for (const words of [
      ['lead', NEW],
      ['demote', NEW],
      ['promote', NEW],
    ] as const) {
      await report.check(`the leader is killed, then: ${words.join(' ')}`, async () => {
        const leader = await leaderAmong(cluster, staying);
        if (leader !== undefined) await cluster.kill(leader);
        const members = await asked(cluster, words[0], String(words[1]));
        await loader.advanced(WRITES, diagnose);
        return members;
      });
    }
    await report.check('who was removed says so, and to remove it again is no error', async () => {
      await eventually(
        'it says so',
        async () => (await cluster.statusOf(GONE))?.standing === 'removed' || undefined,
      );
      return asked(cluster, 'remove', String(GONE));
    });
    await report.check('every acknowledged write is on every member', async () => {
      await loader.stop(diagnose);
      const keys = readKeys(file);
      for (const port of [...ports, newcomer.redisPort]) await checkThrough(port, keys, valueFor);
      return `${keys.length} keys`;
    });
  } finally {
    await newcomer.kill();
  }
  await cluster.stop();
  cluster.removeData();
};

/** Runs a verb. @returns the members it ends with, and their configuration */
async function asked(cluster: ServiceCluster, ...words: readonly string[]): Promise<string> {
  const { code, out, problems } = await indelible(...words, ...membersOf(cluster), '--json');
  if (code !== 0)
    throw new Error(`${words.join(' ')}: exit code ${code}: ${problems}\n${await cluster.diagnosis()}`);
  const { configuration, members } = JSON.parse(out) as {
    readonly configuration: number;
    readonly members: readonly { readonly id: number; readonly role: string }[];
  };
  return `configuration ${configuration}: ${members.map(({ id, role }) => `${id} ${role}`).join(', ')}`;
}

function peersOf(cluster: ServiceCluster): string {
  return cluster.ids.map((id) => `${id}=127.0.0.1:${cluster.peerPort(id)}`).join(',');
}

function membersOf(cluster: ServiceCluster): readonly string[] {
  return ['--peers', peersOf(cluster), '--key-file', clusterKeyPath(cluster.directory)];
}

async function leaderAmong(cluster: ServiceCluster, ids: readonly number[]): Promise<number | undefined> {
  const statuses = await cluster.statuses();
  const led = statuses.find(({ role, replicaId }) => role === 'leader' && ids.includes(replicaId));
  return led?.replicaId;
}

/** A replica that no supervisor looks after. */
class Newcomer {
  readonly address: string;
  readonly redisPort: number;
  readonly #cluster: ServiceCluster;
  readonly #backend: string;
  #process: ChildProcess | undefined;

  constructor(cluster: ServiceCluster, backend: string) {
    this.#cluster = cluster;
    this.#backend = backend;
    this.address = `127.0.0.1:${cluster.peerPort(NEW)}`;
    this.redisPort = cluster.redisPort(NEW);
  }

  get #directory(): string {
    return path.join(this.#cluster.directory, `replica-${NEW}`);
  }

  async format(): Promise<void> {
    const store = ['--dir', this.#directory, '--backend', this.#backend, '--region-size', REGION];
    const joins = ['format', '--join', '--replica', String(NEW), ...store];
    const { code, problems } = await indelible(...joins, ...membersOf(this.#cluster));
    if (code !== 0) throw new Error(`exit code ${code}: ${problems}`);
  }

  start(): void {
    const ports = ['--listen', this.address, '--redis', `127.0.0.1:${this.redisPort}`];
    const store = ['--dir', this.#directory, '--backend', this.#backend];
    const args = ['serve', ...store, ...ports, '--peers', peersOf(this.#cluster)];
    this.#process = spawn(process.execPath, [PROGRAM, ...args], { stdio: 'ignore' });
  }

  /** Once it answers, if it ever does before it ends. */
  async kill(): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    await eventually('the new replica answers', async () => (await this.#status()) ?? undefined);
    const ended = once(running, 'exit');
    running.kill('SIGKILL');
    await ended;
  }

  async #status(): Promise<ReplicaStatus | undefined> {
    const access = { key: readClientKey(clusterKeyPath(this.#cluster.directory)) };
    const [answer] = await surveyOf(new Map([[NEW, this.address]]), access);
    return answer?.status;
  }
}
