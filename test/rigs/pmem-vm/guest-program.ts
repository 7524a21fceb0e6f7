/**
 * The first program of the guest: it loads everything, says so, and waits; the rig then saves the machine's
 * state, and from there each life of the machine begins with one command.
 */
import fs from 'node:fs';
import { createInterface } from 'node:readline';
import { formatPmem, inspectPmem, openPmem } from '../../../lib/storage/pmem.js';
import { VoteWriter } from '../vote-writer.js';
import type { WriterLine } from '../writer-lines.js';
import { GuestCluster } from './guest-cluster.js';
import type { GuestCommand, GuestLine } from './guest-lines.js';
import { linkToDevice, makeFileSystem, makeNamespaces, mount, mountPointOf, unmount } from './nvdimms.js';

/**
 * A port of virtio-serial: unlike that of a UART, its write returns when QEMU has the bytes. What is told
 * before a call was told, whenever the machine ends.
 */
const PORT = '/dev/vport0p1';
const IN_FLIGHT = 12;
const DEVICE_LOG_BYTES = 2 << 20;
const DEVICE_RECORD_BYTES_MAX = 128 << 10;

const port = fs.openSync(PORT, 'r+');

function tell(line: GuestLine): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let at = 0; at < bytes.length; ) at += fs.writeSync(port, bytes, at);
}

async function prepare(cluster: GuestCluster): Promise<void> {
  const namespaces = makeNamespaces();
  for (const target of ['ext4', 'xfs'] as const) {
    makeFileSystem(target);
    mount(target);
    await cluster.format(mountPointOf(target));
    unmount(target);
  }
  const identity = { clusterId: '5a'.repeat(16), replicaId: 1, storeUuid: 'a5'.repeat(16) };
  const shape = { logBytes: DEVICE_LOG_BYTES, recordBytesMax: DEVICE_RECORD_BYTES_MAX };
  formatPmem({ path: linkToDevice(), identity, ...shape });
  tell({ prepared: namespaces });
}

/**
 * No file system, so no checkpoints, and so no whole replica: its acceptor's log alone. Fused, so that
 * between any two commits there is a group that is written and not answered.
 */
function writeDevice(seed: number): void {
  const path = linkToDevice();
  const { verdict } = inspectPmem(path) as { readonly verdict: string };
  if (verdict !== '') throw new Error(`what is on the device, looked at and not opened: ${verdict}`);
  const store = openPmem({ path, mode: 'pmem', pipeline: 'fused' });
  const { mode, durability } = store;
  tell({ device: `${mode}, survives ${durability}` });
  const options = { seed, tell: (line: WriterLine) => tell({ writer: line }), pace: setImmediate };
  new VoteWriter(store, options).start();
}

async function serve(cluster: GuestCluster, target: 'ext4' | 'xfs', first: number): Promise<void> {
  mount(target);
  tell({ opened: await cluster.open(mountPointOf(target)) });
  let next = first;
  const propose = (): void => {
    const number = next++;
    tell({ asked: number });
    cluster.propose(number);
  };
  cluster.onOutcome = (number, done) => {
    if (done) tell({ done: [number] });
    propose();
  };
  for (let lane = 0; lane < IN_FLIGHT; lane++) propose();
}

async function obey(cluster: GuestCluster, command: GuestCommand): Promise<void> {
  const { prepare: isPreparation, run, first = 1, seed = 1 } = command;
  if (isPreparation === true) await prepare(cluster);
  else if (run === 'devdax') writeDevice(seed);
  else if (run !== undefined) await serve(cluster, run, first);
}

const cluster = new GuestCluster(new URL('replica-program.js', import.meta.url).pathname);
const fail = (error: Error | string): void => tell({ failed: String((error as Error).stack ?? error) });
cluster.onFailure = fail;
await cluster.loaded();
await cluster.rehearse();
const lines = createInterface({ input: fs.createReadStream('', { fd: port }) });
lines.on('line', (line) => {
  obey(cluster, JSON.parse(line) as GuestCommand).catch(fail);
});
tell({ ready: fs.readFileSync('/proc/version', 'utf8').split(' ').slice(0, 3).join(' ') });
