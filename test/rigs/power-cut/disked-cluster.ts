/** A cluster of the file backend on disks of the rig, with clients that write to it without end. */
import fs from 'node:fs';
import path from 'node:path';
import { eventually } from '../../service/eventually.js';
import { Loader, valueFor } from '../../service/loader.js';
import { ServiceCluster } from '../../service/service-cluster.js';
import { checkAcknowledged } from '../../service/verification.js';
import { newDisk, type PowerCutBench } from './bench.js';
import type { CutDisk } from './cut-disk.js';

const OWN_DISK_BYTES = 64 << 20;
const IN_FLIGHT = 8;
const WORDS = ['ledger', 'decree', 'ballot', 'priest', 'messenger', 'chamber', 'quorum'];
const VALUE_BYTES = 300;

export class DiskedCluster {
  readonly cluster: ServiceCluster;
  readonly loader: Loader;
  readonly #acknowledged: string;

  private constructor(cluster: ServiceCluster, acknowledged: string) {
    this.cluster = cluster;
    this.#acknowledged = acknowledged;
    const ports = cluster.ids.map((id) => cluster.redisPort(id));
    const load = { words: WORDS, file: acknowledged, inFlight: IN_FLIGHT, valueBytes: VALUE_BYTES };
    this.loader = new Loader({ ports, ...load });
  }

  /** Formats and starts one below `parent`; what is acknowledged is written down outside the disks. */
  static async start(bench: PowerCutBench, name: string, parent: string): Promise<DiskedCluster> {
    const cluster = await ServiceCluster.start({ backend: 'file', regionSize: '4MiB', parent });
    const made = new DiskedCluster(cluster, path.join(bench.scratch, `${name}.acknowledged`));
    made.loader.start();
    return made;
  }

  /** The same, but each replica has a disk of its own, mounted where its data is. */
  static async startOnOwnDisks(
    bench: PowerCutBench,
    name: string,
  ): Promise<{ clustered: DiskedCluster; disks: readonly CutDisk[] }> {
    const cluster = await ServiceCluster.start({
      backend: 'file',
      regionSize: '4MiB',
      parent: bench.scratch,
    });
    await cluster.stop();
    const disks: CutDisk[] = [];
    for (const id of cluster.ids) {
      const place = path.join(cluster.directory, `replica-${id}`);
      fs.renameSync(place, `${place}.formatted`);
      const disk = newDisk(bench, `${name}-${id}`, OWN_DISK_BYTES, place);
      await disk.powerOn();
      fs.cpSync(`${place}.formatted`, place, { recursive: true });
      disks.push(disk);
    }
    await cluster.startAgain();
    const clustered = new DiskedCluster(cluster, path.join(bench.scratch, `${name}.acknowledged`));
    clustered.loader.start();
    return { clustered, disks };
  }

  diagnose = (): Promise<string> => this.cluster.diagnosis();

  /** The power of `disk` fails, and with it that of the whole cluster; resolves when it serves again. */
  async cutPower(disk: CutDisk, seed: number, keepPercent: number): Promise<void> {
    disk.cut();
    await this.restartOn(disk, seed, keepPercent);
  }

  async restartOn(disk: CutDisk, seed: number, keepPercent: number): Promise<void> {
    await this.cluster.killEverything();
    if (disk.isOn) disk.cut();
    await disk.powerOff();
    disk.drawLots(seed, keepPercent);
    await disk.powerOn();
    await this.#within('the cluster is up again', this.cluster.startAgain());
  }

  async #within(what: string, work: Promise<void>): Promise<void> {
    let isDone = false;
    const done = work.then(() => {
      isDone = true;
    });
    done.catch(() => {});
    await Promise.race([done, eventually(what, () => isDone || undefined, this.diagnose)]);
  }

  /** Lets the clients end, and compares what every replica holds with what was acknowledged. */
  async check(): Promise<string> {
    await this.loader.stop(this.diagnose);
    const bytes = (key: string): string => valueFor(key, VALUE_BYTES);
    const count = await checkAcknowledged(this.cluster, this.#acknowledged, bytes);
    const counter = await this.loader.checkCounter(this.cluster.redisPort(1), 0);
    return `${count} acknowledged keys on every replica, counter at ${counter}`;
  }

  /**
   * Resolves with what the first replica to die since event `since` said of why.
   * @throws when it said nothing
   */
  async firstDeath(since: number): Promise<{ readonly code: string; readonly message: string }> {
    type Death = {
      readonly event: string;
      readonly failure?: { readonly code: string; readonly message: string };
    };
    const death = await eventually(
      'a replica stops',
      () => (this.cluster.supervisor.events.slice(since) as Death[]).find(({ event }) => event === 'died'),
      this.diagnose,
    );
    if (death.failure !== undefined) return death.failure;
    throw new Error(`it does not say why: ${JSON.stringify(death)}\n${await this.diagnose()}`);
  }

  /** Resolves with what a replica says, once all have nothing left of their disk but the reserve. */
  shortOfRoom(): Promise<string> {
    return eventually(
      'every replica has nothing left of its disk but the reserve',
      async () => {
        const statuses = await this.cluster.statuses();
        const isShort = statuses.every(({ disk }) => disk?.state === 'reserve');
        return isShort && statuses.length === this.cluster.ids.length ? statuses[0]!.advice : undefined;
      },
      this.diagnose,
    );
  }

  async stop(): Promise<void> {
    const code = await this.cluster.stop();
    if (code !== 0) throw new Error(`exit code ${code}: ${this.cluster.supervisor.problems}`);
    fs.rmSync(this.#acknowledged);
  }
}
