/**
 * A disk that fills up under a cluster, and has room again: a small tmpfs of its own, filled from outside.
 *
 * 1. At 85 % the status and the log of every replica say so, and nothing else changes.
 * 2. With less than the reserve left what grows the state gets MISCONF; reads go on, those that expire a key
 *    too, and so do removals. Nobody stops.
 * 3. A leader that is killed then has a successor, and a cluster that is killed whole starts again.
 * 4. With room again it goes on by itself, and nothing that was acknowledged is lost.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { temporaryDirectory } from '../cluster/cluster-process.js';
import type { Campaign, CampaignReport } from './campaign.js';
import { eventually } from './eventually.js';
import { retried } from './retried.js';
import { ServiceCluster } from './service-cluster.js';

const DISK_MIB = 64;
const REGION = '1MiB';
const KEYS = 1500;
const VALUE = '.'.repeat(900);
const EXPIRING = 'expiring';
const EXPIRY_MS = 15_000;
const REFUSED = /^MISCONF not executed/;

export const diskFullCampaign: Campaign = async ({ backend }, report) => {
  const disk = temporaryDirectory();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'none', disk]);
  if (mounted.status !== 0) throw new Error(`mount: ${mounted.stderr}`);
  const filling = new Filling(disk);
  const cluster = await ServiceCluster.start({ backend, regionSize: REGION, parent: disk });
  const clients = cluster.ids.map((id) => client(cluster.redisPort(id)));
  try {
    await new Run(report, cluster, clients, filling).all();
  } finally {
    for (const redis of clients) redis.disconnect();
  }
  await cluster.stop();
  cluster.removeData();
  spawnSync('umount', ['-l', disk]);
};

/** A file beside the data that takes what is left of the disk, as far as it is told. */
class Filling {
  readonly #file: string;
  readonly #disk: string;

  constructor(disk: string) {
    this.#disk = disk;
    this.#file = path.join(disk, 'filling');
  }

  /** Leaves about so many MiB, or nothing. */
  leave(mebibytes: number): void {
    const { bavail, bsize } = fs.statfsSync(this.#disk);
    const blocks = mebibytes === 0 ? DISK_MIB : Math.floor((bavail * bsize) / (1 << 20)) - mebibytes;
    const handle = fs.openSync(this.#file, 'a');
    try {
      for (const block = Buffer.alloc(1 << 20); fs.fstatSync(handle).size < DISK_MIB << 20; ) {
        if (mebibytes > 0 && blocks * block.length <= fs.fstatSync(handle).size) return;
        fs.writeSync(handle, block);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      fs.closeSync(handle);
    }
  }

  remove(): void {
    fs.rmSync(this.#file, { force: true });
  }
}

class Run {
  readonly #report: CampaignReport;
  readonly #cluster: ServiceCluster;
  readonly #clients: readonly Redis[];
  readonly #filling: Filling;
  /** The version of each key that was acknowledged last. */
  readonly #versions = new Map<number, number>();

  constructor(report: CampaignReport, cluster: ServiceCluster, clients: readonly Redis[], filling: Filling) {
    this.#report = report;
    this.#cluster = cluster;
    this.#clients = clients;
    this.#filling = filling;
  }

  async all(): Promise<void> {
    const report = this.#report;
    await report.check('the disk has room, and the status says so', async () => {
      await this.#writeAll(1);
      return this.#states('ok');
    });
    await report.check('every replica warns at 85 %, and writes go on', async () => {
      this.#filling.leave(9);
      const states = await this.#states('warn');
      await this.#mustBeLogged('the disk fills up', '"state":"warn"');
      await this.#writeAll(2);
      return states;
    });
    await report.check('with nothing left writes are refused, and whoever asks is told why', async () => {
      await this.#clients[0]!.set(EXPIRING, 'soon', 'PX', EXPIRY_MS);
      this.#filling.leave(0);
      const refusal = await this.#refusal();
      // The logs are on that very disk.
      await this.#mustBeTold('full');
      return `${await this.#states('full')}; ${refusal}`;
    });
    await report.check('reads go on, those that expire a key too, and so do removals', () => this.#readAll());
    await report.check('a leader that is killed has a successor', async () => {
      const leader = await this.#cluster.leader();
      await this.#cluster.kill(leader);
      const next = await this.#cluster.leader();
      await this.#states('full');
      await this.#readAll();
      return `replica ${leader}, then replica ${next}`;
    });
    await report.check('a cluster that is killed whole starts again on the full disk', async () => {
      await this.#cluster.killEverything();
      await this.#cluster.startAgain();
      await this.#readAll();
      return this.#refusal();
    });
    await report.check('with room again it goes on by itself, with all that was acknowledged', async () => {
      this.#filling.remove();
      await eventually(
        'a write is taken',
        () => this.#clients[0]!.set('again', 'yes').catch(() => undefined),
        () => this.#cluster.diagnosis(),
      );
      await this.#readAll();
      await this.#writeAll(3);
      await this.#readAll();
      await this.#mustBeLogged('the disk has room again', '"state":"ok"');
      return this.#states('ok');
    });
  }

  /** Every key gets this version, each on one of the replicas' ports. */
  async #writeAll(version: number): Promise<void> {
    const lanes = this.#clients.map(async (redis, lane) => {
      for (let key = lane; key < KEYS; key += this.#clients.length) {
        await retried(() => redis.set(`key:${key}`, `${version} ${VALUE}`));
        this.#versions.set(key, version);
      }
    });
    await Promise.all(lanes);
  }

  async #readAll(): Promise<string> {
    for (const redis of this.#clients) {
      for (const [key, version] of this.#versions) {
        const value = await retried(() => redis.get(`key:${key}`));
        if (value !== `${version} ${VALUE}`) throw new Error(`key ${key} is ${value?.slice(0, 9)}`);
      }
    }
    const [redis] = this.#clients;
    const removed = await retried(() => redis!.del('nobody', 'again'));
    const expired = await eventually('the key has expired', async () => {
      const found = await retried(() => redis!.get(EXPIRING));
      return found === null ? EXPIRING : undefined;
    });
    return `${this.#versions.size} keys on each replica; ${expired} has expired; removed ${removed}`;
  }

  /** What a write is told now, once it is refused on every port. */
  async #refusal(): Promise<string> {
    let told = '';
    for (const redis of this.#clients) {
      told = await eventually(
        'a write is refused',
        async () => {
          const text = await redis.set('key:0', `1 ${VALUE}`).catch((error: Error) => error.message);
          if (text === 'OK') this.#versions.set(0, 1);
          return REFUSED.test(text) ? text : undefined;
        },
        () => this.#cluster.diagnosis(),
      );
    }
    return told;
  }

  /** Resolves when every replica says this of its disk. */
  async #states(state: string): Promise<string> {
    const statuses = await eventually(
      `every replica says ${state} of its disk`,
      async () => {
        const all = await this.#cluster.statuses();
        const same = all.filter(({ disk }) => disk?.state === state);
        return same.length === this.#clients.length ? same : undefined;
      },
      () => this.#cluster.diagnosis(),
    );
    const [{ advice, disk }] = statuses as [(typeof statuses)[0]];
    if ((state === 'ok') !== (advice === '')) throw new Error(`${state}, and the advice is '${advice}'`);
    return `${Math.round(disk!.share * 100)} % in use, ${disk!.reserveBytes} bytes are the reserve`;
  }

  /** By the process that runs the cluster. */
  async #mustBeTold(state: string): Promise<void> {
    for (const replica of this.#cluster.ids) {
      const { events } = this.#cluster.supervisor;
      await eventually(
        `it is told that the disk of replica ${replica} is ${state}`,
        () =>
          events.some((each) => each.event === 'disk' && each.replica === replica && each.state === state) ||
          undefined,
        () => this.#cluster.diagnosis(),
      );
    }
  }

  async #mustBeLogged(...words: readonly string[]): Promise<void> {
    for (const id of this.#cluster.ids) {
      await eventually(
        `replica ${id} logs ${words}`,
        () => this.#cluster.logOf(id).some((line) => words.every((word) => line.includes(word))) || undefined,
        () => this.#cluster.diagnosis(),
      );
    }
  }
}

function client(port: number): Redis {
  const redis = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 50, maxRetriesPerRequest: null });
  redis.on('error', () => {});
  return redis;
}
