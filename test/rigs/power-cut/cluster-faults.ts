/** A cluster whose disk fails without losing its power: one that errs, one that is full, one that stalls. */
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { CampaignReport } from '../../service/campaign.js';
import { newDisk, type PowerCutBench } from './bench.js';
import { Fault } from './disk-control.js';
import { DiskedCluster } from './disked-cluster.js';

const DISK_BYTES = 160 << 20;
const WRITES = 300;
const ERRORS_MS = 1000;
const STALL_MS = 10_000;

/**
 * For a second every flush fails, and what was to be kept is lost; then the disk says OK again. All replicas
 * are on it, so all that lost something are told: a disk that loses one's bytes and tells another lies.
 */
async function failedFlush(bench: PowerCutBench): Promise<string> {
  const disk = newDisk(bench, 'cluster-flush-error', DISK_BYTES);
  await disk.powerOn();
  const clustered = await DiskedCluster.start(bench, 'cluster-flush-error', disk.mountPoint);
  await clustered.loader.advanced(WRITES, clustered.diagnose);
  const since = clustered.cluster.supervisor.events.length;
  disk.drawLots(1, 0);
  disk.control.ask(Fault.flushError, Number.MAX_SAFE_INTEGER);
  await pause(ERRORS_MS);
  disk.control.ask(Fault.none);
  const { code, message } = await clustered.firstDeath(since);
  if (code !== 'ERR_INDELIBLE_STORE_IO') throw new Error(`it says ${code}: ${message}`);
  await clustered.cutPower(disk, 2, 0);
  await clustered.loader.advanced(WRITES, clustered.diagnose);
  const found = await clustered.check();
  await clustered.stop();
  await disk.powerOff();
  return `"${message}"; after a power cut, ${found}`;
}

/** Takes all the space there is. */
function fillUp(filler: string): void {
  const fd = fs.openSync(filler, 'w');
  try {
    for (const block = Buffer.alloc(1 << 20); ; ) fs.writeSync(fd, block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    fs.closeSync(fd);
  }
}

async function fullDisk(bench: PowerCutBench): Promise<string> {
  const disk = newDisk(bench, 'cluster-full', DISK_BYTES);
  await disk.powerOn();
  const clustered = await DiskedCluster.start(bench, 'cluster-full', disk.mountPoint);
  await clustered.loader.advanced(WRITES, clustered.diagnose);
  const since = clustered.cluster.supervisor.events.length;
  const filler = path.join(disk.mountPoint, 'filler');
  fillUp(filler);
  // The log's space is there already, and a reserve is kept for checkpoints: what grows the state is refused.
  const message = await clustered.shortOfRoom();
  fs.rmSync(filler);
  await clustered.loader.advanced(WRITES, clustered.diagnose);
  const found = await clustered.check();
  const died = clustered.cluster.supervisor.events.slice(since) as { readonly event: string }[];
  if (died.some(({ event }) => event === 'died')) throw new Error('a replica died of it');
  await clustered.stop();
  await disk.powerOff();
  return `"${message}"; with room again, ${found}`;
}

/** All replicas on one disk: while it stalls nobody can answer a write. */
async function stalledDisk(bench: PowerCutBench): Promise<string> {
  const disk = newDisk(bench, 'cluster-stall', DISK_BYTES);
  await disk.powerOn();
  const clustered = await DiskedCluster.start(bench, 'cluster-stall', disk.mountPoint);
  const { loader } = clustered;
  await loader.advanced(WRITES, clustered.diagnose);
  disk.control.ask(Fault.stall);
  await pause(STALL_MS / 10);
  const before = loader.acknowledged;
  await pause(STALL_MS);
  const during = loader.acknowledged - before;
  if (during > 0) throw new Error(`${during} writes were acknowledged while no disk took any`);
  disk.control.ask(Fault.none);
  await loader.advanced(WRITES, clustered.diagnose);
  await clustered.cutPower(disk, 3, 0);
  await loader.advanced(WRITES, clustered.diagnose);
  const found = await clustered.check();
  await clustered.stop();
  await disk.powerOff();
  return `nothing acknowledged meanwhile; after a power cut, ${found}; ${loader.summary()}`;
}

/** Only the leader's disk stalls, and loses its power before it ever goes on. */
async function stalledLeader(bench: PowerCutBench): Promise<string> {
  const { clustered, disks } = await DiskedCluster.startOnOwnDisks(bench, 'leader-stall');
  const { cluster, loader } = clustered;
  await loader.advanced(WRITES, clustered.diagnose);
  const leader = await cluster.leader();
  const disk = disks[leader - 1]!;
  const before = loader.acknowledged;
  disk.control.ask(Fault.stall);
  await pause(STALL_MS);
  const during = loader.acknowledged - before;
  const { stalledMs = 0, advice = '' } = (await cluster.statusOf(leader)) ?? {};
  if (stalledMs < STALL_MS / 2 || !advice.includes('its disk stalls')) {
    throw new Error(`its status says ${stalledMs} ms, and ${JSON.stringify(advice)}`);
  }
  const later = await cluster.leader();
  await clustered.cutPower(disk, 4, 0);
  await loader.advanced(WRITES, clustered.diagnose);
  const found = await clustered.check();
  await clustered.stop();
  for (const each of disks) await each.powerOff();
  const who = later === leader ? 'the leader led on' : `${later} took over from ${leader}`;
  return `${who}, ${during} writes acknowledged meanwhile; after a power cut of the stalled disk, ${found}`;
}

export async function clusterFaults(bench: PowerCutBench, report: CampaignReport): Promise<void> {
  await report.check('a flush under a cluster fails and loses what it was to keep', () => failedFlush(bench));
  await report.check('the disk under a cluster is full, and then is not', () => fullDisk(bench));
  await report.check('the disk under a cluster stalls for 10 s', () => stalledDisk(bench));
  await report.check('the disk of the leader alone stalls for 10 s', () => stalledLeader(bench));
}
