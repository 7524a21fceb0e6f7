/**
 * Links that are cut while a majority is well and connected: it goes on, within a bound, during the fault and
 * when it ends.
 *
 * 1. While a fault lasts, and in the seconds after it, writes through the replicas that it leaves connected
 *    never pause for longer than the bound.
 * 2. Once it is over all replicas come to one state, with everything that was acknowledged.
 */
import fs from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { temporaryDirectory } from '../cluster/cluster-process.js';
import type { Campaign, CampaignReport, CampaignSettings } from './campaign.js';
import { bothWays, Network, type Way } from './network.js';
import { NetworkedCluster } from './networked-cluster.js';
import { Probes } from './probes.js';
import { retried } from './retried.js';

/** The default: 50 ticks of 10 ms. */
const ELECTION_TIMEOUT_MS = 500;
const FLAP_MS = 200;
const KEYS_AT_ONCE = 500;

/** How long a fault lasts, how long it is looked on afterwards, and the bound, in election timeouts. */
const WHOLE = { faultMs: 8000, healedMs: 4000, timeoutsMax: 3 };
const SHORT = { faultMs: 2500, healedMs: 1000, timeoutsMax: 4 };

interface Fault {
  readonly name: string;
  /** Replicas it needs. */
  readonly sizeMin: number;
  /** Continuous integration leaves it out. */
  readonly isLong?: boolean;
  /** It comes and goes. */
  readonly flaps?: boolean;
  /** What is lost while it lasts, and who are well: a majority, each of which reaches each other. */
  of(leader: number, others: readonly number[]): { lost: readonly Way[]; well: readonly number[] };
}

const FAULTS: readonly Fault[] = [
  {
    name: 'the leader alone',
    sizeMin: 3,
    of: (leader, others) => ({ lost: bothWays([leader], others), well: others }),
  },
  {
    name: 'the leader with one more, from a majority',
    sizeMin: 5,
    of: (leader, [companion, ...others]) => ({ lost: bothWays([leader, companion!], others), well: others }),
  },
  {
    name: 'a leader that nobody hears',
    sizeMin: 3,
    isLong: true,
    of: (leader, others) => ({ lost: others.map((id) => [leader, id]), well: others }),
  },
  {
    name: 'a leader that hears nobody',
    sizeMin: 3,
    of: (leader, others) => ({ lost: others.map((id) => [id, leader]), well: others }),
  },
  {
    name: 'one from the leader only',
    sizeMin: 3,
    of: (leader, [cutOff, ...others]) => ({ lost: bothWays([leader], [cutOff!]), well: [leader, ...others] }),
  },
  {
    name: 'one that does not hear the leader',
    sizeMin: 3,
    isLong: true,
    of: (leader, [deaf, ...others]) => ({ lost: [[leader, deaf!]], well: [leader, ...others] }),
  },
  {
    name: 'a link to the leader, which flaps',
    sizeMin: 3,
    isLong: true,
    flaps: true,
    of: (leader, [other, ...others]) => ({ lost: bothWays([leader], [other!]), well: [leader, ...others] }),
  },
  {
    name: 'all links to the leader, which flap',
    sizeMin: 3,
    flaps: true,
    of: (leader, others) => ({ lost: bothWays([leader], others), well: others }),
  },
];

export const partitionsCampaign: Campaign = async (settings, report) => {
  for (const size of [3, 5]) await onReplicas(size, settings, report);
};

async function onReplicas(size: number, settings: CampaignSettings, report: CampaignReport): Promise<void> {
  const network = new Network(Array.from({ length: size }, (_, at) => at + 1));
  const directory = temporaryDirectory();
  const cluster = new NetworkedCluster({
    network,
    backend: settings.backend,
    regionSize: '16MiB',
    directory,
  });
  cluster.startAll();
  await cluster.leader();
  const probes = new Probes((id) => cluster.redis(id));
  try {
    for (const fault of FAULTS) {
      if (fault.sizeMin > size || (settings.isShort && fault.isLong)) continue;
      await report.check(`${size} replicas; cut off: ${fault.name}`, () =>
        during(fault, cluster, probes, settings),
      );
    }
    await report.check(`${size} replicas; everything acknowledged is on all of them`, () =>
      whole(cluster, probes.keys),
    );
  } finally {
    probes.close();
    await cluster.stop();
    network.close();
  }
  fs.rmSync(directory, { recursive: true, force: true });
}

async function during(
  fault: Fault,
  cluster: NetworkedCluster,
  probes: Probes,
  settings: CampaignSettings,
): Promise<string> {
  const { network, ids } = cluster;
  const { faultMs, healedMs, timeoutsMax } = settings.isShort ? SHORT : WHOLE;
  const leader = await cluster.leader();
  const { lost, well } = fault.of(
    leader,
    shuffled(
      settings,
      ids.filter((id) => id !== leader),
    ),
  );
  probes.through(well);
  await network.cut(lost);
  let isCut = true;
  const flap = (): void => {
    isCut = !isCut;
    void network.cut(isCut ? lost : []);
  };
  const timer = fault.flaps === true ? setInterval(flap, FLAP_MS) : undefined;
  await pause(faultMs);
  clearInterval(timer);
  const meanwhile = pausesOf(well, probes);
  await network.cut([]);
  probes.begin();
  await pause(healedMs);
  const afterwards = pausesOf(well, probes);
  probes.through([]);
  const text = `longest pauses ${say(meanwhile)}; when it was over ${say(afterwards)}`;
  const longest = Math.max(...meanwhile.values(), ...afterwards.values());
  if (longest > timeoutsMax * ELECTION_TIMEOUT_MS) throw new Error(`${text}\n${await cluster.diagnosis()}`);
  return text;
}

function pausesOf(ids: readonly number[], probes: Probes): ReadonlyMap<number, number> {
  return new Map(ids.map((id) => [id, probes.longestPause(id)]));
}

function say(pauses: ReadonlyMap<number, number>): string {
  return [...pauses.values()].map((ms) => `${ms} ms`).join(', ');
}

/** All replicas have one state, and in it every key that was acknowledged. */
async function whole(cluster: NetworkedCluster, keys: readonly string[]): Promise<string> {
  await cluster.converged();
  const redis = new Redis(cluster.redis(await cluster.leader()));
  for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
    const some = keys.slice(at, at + KEYS_AT_ONCE);
    const values = await retried(() => redis.mget(some));
    const wrong = some.filter((key, index) => values[index] !== key);
    if (wrong.length > 0) throw new Error(`acknowledged keys are missing: ${wrong.slice(0, 5)}`);
  }
  redis.disconnect();
  return `${keys.length} keys`;
}

function shuffled({ random }: CampaignSettings, ids: readonly number[]): readonly number[] {
  return ids
    .map((id) => ({ id, at: random.fraction() }))
    .sort((a, b) => a.at - b.at)
    .map(({ id }) => id);
}
