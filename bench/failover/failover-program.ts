/**
 * Three replicas in a network of their own, whose leader is killed, paused, cut off, made mute or deaf, or
 * closed, again and again: how long a client at the port of another replica gets no answer. It runs in
 * network and mount namespaces of its own, as root.
 *
 *   failover-program.ts '<a FailoverArgument as JSON>'
 *
 * 1. What counts is the longest time between two acknowledged writes at a surviving port, from before the
 *    fault until the port serves again.
 * 2. Between two faults all replicas are whole again, and follow one leader for long enough to know it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../test/service/eventually.js';
import { bothWays, Network, type Way } from '../../test/service/network.js';
import { NetworkedCluster } from '../../test/service/networked-cluster.js';
import { Child } from '../processes.js';
import { Asker } from './asker.js';
import {
  type Calm,
  FAULTS,
  type FailoverArgument,
  type FailoverNews,
  type FaultName,
  LOADS,
  type Load,
  type LoadDone,
  type LoadOrder,
  type Outages,
} from './messages.js';

const REPLICAS = 3;
const STEADY_PER_MILLISECOND = 100;
const FULL_IN_FLIGHT = 1024;
/** Writes that have to be acknowledged before a fault, and behind its end. */
const BEFORE = 100;
const BEHIND = 200;

const argument = JSON.parse(process.argv[2]!) as FailoverArgument;
const tell = (news: FailoverNews): boolean => process.send!(news);
const network = new Network(Array.from({ length: REPLICAS }, (_, at) => at + 1));
const cluster = new NetworkedCluster({
  network,
  backend: 'emulated',
  regionSize: `${argument.regionBytes >> 20}MiB`,
  directory: argument.directory,
});

/** What else runs on the machine is not to be measured: this session, and what it starts, goes first. */
function goFirst(): void {
  const nice = -10;
  os.setPriority(nice);
  // Where the kernel weighs sessions, not processes.
  if (fs.existsSync('/proc/self/autogroup')) fs.writeFileSync('/proc/self/autogroup', String(nice));
}

/** What is lost while a leader cannot be heard, or hears nobody; undefined where it is no fault of links. */
function waysOf(fault: FaultName, leader: number): readonly Way[] | undefined {
  const others = cluster.ids.filter((id) => id !== leader);
  if (fault === 'cut off') return bothWays([leader], others);
  if (fault === 'mute') return others.map((id) => [leader, id]);
  if (fault === 'deaf') return others.map((id) => [id, leader]);
  return undefined;
}

async function inflict(fault: FaultName, leader: number): Promise<void> {
  const ways = waysOf(fault, leader);
  if (ways !== undefined) await network.cut(ways);
  else if (fault === 'killed') await cluster.kill(leader);
  else if (fault === 'paused') process.kill(cluster.pidOf(leader), 'SIGSTOP');
  else await cluster.end(leader);
}

async function mend(fault: FaultName, leader: number): Promise<void> {
  if (waysOf(fault, leader) !== undefined) await network.cut([]);
  else if (fault === 'paused') process.kill(cluster.pidOf(leader), 'SIGCONT');
  else cluster.start(leader);
}

async function once(fault: FaultName, refused: Record<string, number>): Promise<number> {
  const leader = await cluster.leader();
  const others = cluster.ids.filter((id) => id !== leader);
  const { host, port } = cluster.redis(others[Math.floor(Math.random() * others.length)]!);
  const asker = new Asker(host, port);
  const acknowledged = (count: number): Promise<unknown> => {
    const enough = asker.acknowledged + count;
    return eventually(
      `${count} more writes are acknowledged`,
      () => asker.acknowledged >= enough || undefined,
    );
  };
  try {
    await acknowledged(BEFORE);
    asker.begin();
    await inflict(fault, leader);
    await acknowledged(BEHIND);
    for (const [word, count] of Object.entries(asker.refused)) refused[word] = (refused[word] ?? 0) + count;
    return asker.longestMs;
  } finally {
    asker.close();
    await mend(fault, leader);
    await cluster.leader();
    await sleep(argument.restMs);
  }
}

function startLoad(): Promise<Child> {
  const clientKey = Buffer.from(cluster.clientKey!).toString('hex');
  return Child.ofBench('failover/load-program.ts', { addresses: cluster.addresses, clientKey });
}

async function outages(fault: FaultName, load: Load): Promise<Outages> {
  const child = load === 'idle' ? undefined : await startLoad();
  await child?.ask({ kind: 'steady', perMillisecond: STEADY_PER_MILLISECOND } satisfies LoadOrder);
  await sleep(argument.restMs);
  const milliseconds: number[] = [];
  const refused: Record<string, number> = {};
  for (let time = 1; time <= argument.faults; time++) {
    tell({ kind: 'step', title: `${load}: the leader is ${fault}, ${time} of ${argument.faults}` });
    milliseconds.push(await once(fault, refused));
  }
  child?.kill();
  return { fault, load, milliseconds, refused };
}

/** Times that a replica has come to lead, as their logs say. */
function leadsSaid(): number {
  const lines = cluster.ids.flatMap((id) => cluster.logOf(id));
  return lines.filter(({ msg, role }) => msg === 'role' && role === 'leader').length;
}

function busyLoops(count: number): readonly ChildProcess[] {
  return Array.from({ length: count }, () =>
    spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
  );
}

async function calm(loops: number): Promise<Calm> {
  tell({ kind: 'step', title: `full load for ${argument.calmSeconds} s, ${loops} busy loops beside it` });
  await cluster.leader();
  const busy = busyLoops(loops);
  const child = await startLoad();
  const [leads, changes] = [leadsSaid(), cluster.roleChanges];
  await child.ask({ kind: 'full', inFlight: FULL_IN_FLIGHT } satisfies LoadOrder);
  await sleep(1000 * argument.calmSeconds);
  const { done, seconds } = (await child.ask({ kind: 'end' } satisfies LoadOrder)) as LoadDone;
  const elections = leadsSaid() - leads;
  const roleChanges = cluster.roleChanges - changes;
  for (const loop of busy) loop.kill('SIGKILL');
  child.kill();
  return { busyLoops: loops, seconds, commandsPerSecond: done / seconds, elections, roleChanges };
}

try {
  goFirst();
  tell({ kind: 'ready' });
  cluster.startAll();
  await cluster.leader();
  const all: Outages[] = [];
  for (const load of LOADS) for (const fault of FAULTS) all.push(await outages(fault, load));
  const calms: Calm[] = [];
  for (const loops of [0, argument.busyLoops]) calms.push(await calm(loops));
  tell({ kind: 'figures', figures: { outages: all, calm: calms } });
} catch (error) {
  console.error((error as Error).stack);
  process.exitCode = 1;
} finally {
  await cluster.stop();
  network.close();
  process.disconnect?.();
}
