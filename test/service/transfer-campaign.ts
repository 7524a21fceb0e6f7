/**
 * A state that goes over a link to a replica that has none, or too old a one.
 *
 * 1. Under load it arrives, and is in force, at RATIO_MIN or more of the rate of a plain copy over TCP of as
 *    many bytes, to a durable file, over the same link under the same load; by one transfer.
 * 2. A receiver that is killed goes on, when it is started again, where it stopped; and so it does when its
 *    source is killed, and is started again.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { ReplicaStatus } from '../../lib/index.js';
import { temporaryDirectory } from '../cluster/cluster-process.js';
import { BulkLoad } from './bulk-load.js';
import type { Campaign } from './campaign.js';
import { eventually } from './eventually.js';
import { bothWays, Network } from './network.js';
import { NetworkedCluster } from './networked-cluster.js';

const PROGRAM = path.join(import.meta.dirname, 'plain-copy-program.ts');
const COPY_PORT = 7201;
const VALUE_BYTES = 256 << 10;
const RATIO_MIN = 0.5;
/** Of the state, when a process is killed. */
const KILLED_AT = 0.3;

/** What the links carry, and the log of each replica: what is written while a state moves has to fit. */
const SHORT = { stateMiB: 64, megabytes: 20, region: '112MiB' };
const WHOLE = { stateMiB: 1024, megabytes: 125, region: '1GiB' };

const SMALL = { valueBytes: 100, keys: 10_000, inFlight: 256 };

interface Rig {
  readonly network: Network;
  readonly cluster: NetworkedCluster;
  readonly directory: string;
  /** The replica that the state goes to. */
  readonly receiver: number;
  readonly stateBytes: number;
  /** What a link carries while a state moves. */
  readonly bytesPerSecond: number;
}

export const transferCampaign: Campaign = async (settings, report) => {
  const { stateMiB, megabytes, region } = settings.isShort ? SHORT : WHOLE;
  const stateBytes = stateMiB << 20;
  const network = new Network([1, 2, 3]);
  const directory = temporaryDirectory();
  const maxMemory = ['--max-memory', `${4 * stateMiB}MiB`];
  const { backend } = settings;
  const cluster = new NetworkedCluster({ network, backend, regionSize: region, directory, flags: maxMemory });
  const rig: Rig = { network, cluster, directory, receiver: 3, stateBytes, bytesPerSecond: megabytes * 1e6 };
  try {
    for (const id of [1, 2]) cluster.start(id);
    await fill(rig);
    await report.check(`${stateMiB} MiB to a new replica under load, against a plain copy`, () =>
      underLoad(rig),
    );
    await report.check('a receiver that is killed goes on where it stopped', () => killReceiver(rig));
    await report.check('a receiver whose source is killed goes on where it stopped', () => killSource(rig));
    await report.check('all replicas have one state', async () => {
      await cluster.converged();
      return '';
    });
  } finally {
    await cluster.stop();
    network.close();
  }
  fs.rmSync(directory, { recursive: true, force: true });
};

/** Writes the whole state, and more until the logs have forgotten what the receiver, now ended, lacks. */
async function fill({ cluster, network, receiver, stateBytes, bytesPerSecond }: Rig): Promise<void> {
  await network.limit(undefined);
  const before = (await cluster.statusOf(receiver))?.learnedThrough ?? 0;
  await cluster.kill(receiver);
  const leader = await cluster.leader();
  const keys = Math.ceil(stateBytes / VALUE_BYTES);
  const load = new BulkLoad({ ...cluster.redis(leader), valueBytes: VALUE_BYTES, keys, inFlight: 32 });
  load.start();
  await eventually(
    `the others have forgotten slot ${before}`,
    async () => {
      const trims = (await cluster.statuses()).map(({ trimThrough }) => trimThrough);
      const isForgotten = trims.length === 2 && Math.min(...trims) > before + 1;
      return (isForgotten && load.done >= keys) || undefined;
    },
    () => cluster.diagnosis(),
  );
  load.stop();
  await network.limit(bytesPerSecond);
}

async function underLoad(rig: Rig): Promise<string> {
  const { cluster, receiver, stateBytes } = rig;
  const leader = await cluster.leader();
  const load = new BulkLoad({ ...cluster.redis(leader), ...SMALL });
  load.start();
  try {
    const plain = await plainCopy(rig, leader);
    const before = load.done;
    cluster.start(receiver);
    const status = await installed(rig);
    const commands = load.done - before;
    const lines = cluster.logOf(receiver);
    const [begun] = lines.filter(({ msg, what }) => msg === 'state transfer' && what === 'begun');
    const [taken] = lines.filter(({ msg, from }) => msg === 'checkpoint' && from !== 0);
    const seconds = (Date.parse(taken!.time) - Date.parse(begun!.time)) / 1000;
    const ratio = plain / seconds;
    const rate = stateBytes / seconds / 1e6;
    const text =
      `${ratio.toFixed(2)} of the rate of a plain copy: in force after ${seconds.toFixed(1)} s ` +
      `(${rate.toFixed(0)} MB/s), a copy takes ${plain.toFixed(1)} s; meanwhile ${commands} commands`;
    const { installed: installs } = status.transfers;
    if (installs !== 1) throw new Error(`${installs} transfers; ${text}\n${await cluster.diagnosis()}`);
    if (ratio < RATIO_MIN) throw new Error(`only ${text}\n${await cluster.diagnosis()}`);
    return text;
  } finally {
    load.stop();
  }
}

async function killReceiver(rig: Rig): Promise<string> {
  const { cluster, receiver } = rig;
  await fill(rig);
  cluster.start(receiver);
  const { received, total } = await receivedSome(rig);
  const linesBefore = cluster.logOf(receiver).length;
  await cluster.kill(receiver);
  cluster.start(receiver);
  const { transfers } = await installed(rig);
  const resumed = cluster
    .logOf(receiver)
    .slice(linesBefore)
    .find(({ msg, what }) => msg === 'state transfer' && what === 'resumed');
  const text = `killed with ${mib(received)} of ${mib(total)} MiB`;
  if (resumed === undefined || transfers.installed !== 1) {
    throw new Error(`${text}, not resumed\n${await cluster.diagnosis()}`);
  }
  return `${text}, gone on from ${mib(Number(resumed['offset']))}`;
}

async function killSource(rig: Rig): Promise<string> {
  const { cluster, network, receiver } = rig;
  await fill(rig);
  const leader = await cluster.leader();
  const other = cluster.ids.find((id) => id !== leader && id !== receiver)!;
  // The other one has files of its own, and would begin with one of them.
  await network.cut(bothWays([receiver], [other]));
  const linesBefore = cluster.logOf(receiver).length;
  cluster.start(receiver);
  const { received, total, from } = await receivedSome(rig);
  await cluster.kill(from);
  cluster.start(from);
  const { transfers } = await installed(rig);
  await network.cut([]);
  const lines = cluster.logOf(receiver).slice(linesBefore);
  const begun = lines.filter(({ msg, what }) => msg === 'state transfer' && what === 'begun').length;
  const text = `replica ${from} killed when ${mib(received)} of ${mib(total)} MiB had come`;
  if (begun !== 1 || transfers.installed !== 1) {
    throw new Error(`${text}; begun ${begun} times\n${await cluster.diagnosis()}`);
  }
  return text;
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

/** Resolves when a good part of a state has arrived at the receiver. */
function receivedSome({
  cluster,
  receiver,
}: Rig): Promise<{ received: number; total: number; from: number }> {
  return eventually(
    'a part of a state has arrived',
    async () => {
      const { receiving } = (await cluster.statusOf(receiver))?.transfers ?? {};
      if (receiving === undefined) return undefined;
      const { receivedBytes: received, lengthBytes: total, from } = receiving;
      return total > 0 && received > KILLED_AT * total ? { received, total, from } : undefined;
    },
    () => cluster.diagnosis(),
  );
}

/** Resolves when the receiver has a peer's state in force, and has learned what came behind it. */
async function installed({ cluster, receiver }: Rig): Promise<ReplicaStatus> {
  const status = await eventually(
    'a state has been taken',
    async () => {
      const found = await cluster.statusOf(receiver);
      return found !== undefined && found.transfers.installed > 0 ? found : undefined;
    },
    () => cluster.diagnosis(),
  );
  const target = Math.max(...(await cluster.statuses()).map(({ learnedThrough }) => learnedThrough));
  await eventually(
    `it has applied slot ${target}`,
    async () => ((await cluster.statusOf(receiver))?.appliedThrough ?? 0) >= target || undefined,
    () => cluster.diagnosis(),
  );
  return (await cluster.statusOf(receiver)) ?? status;
}

/** How many seconds a plain copy of as many bytes takes from `from` to the receiver's place. */
async function plainCopy({ network, directory, receiver, stateBytes }: Rig, from: number): Promise<number> {
  const run = (id: number, ...args: readonly string[]) => {
    const node = ['--import', 'tsx', PROGRAM, ...args];
    const [program, all] = network.command(id, process.execPath, node);
    return spawn(program, all, { stdio: ['ignore', 'pipe', 'inherit'] });
  };
  const file = path.join(directory, 'plain-copy');
  const taker = run(receiver, 'take', String(COPY_PORT), file);
  await once(createInterface({ input: taker.stdout }), 'line');
  const giver = run(from, 'give', network.host(from, receiver), String(COPY_PORT), String(stateBytes));
  const [seconds] = (await once(createInterface({ input: giver.stdout }), 'line')) as [string];
  if (taker.exitCode === null) await once(taker, 'exit');
  fs.rmSync(file);
  return Number(seconds);
}
