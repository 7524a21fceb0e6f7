/** What `indelible cluster` tells: as lines for a person, or as JSON, one event a line. */
import path from 'node:path';
import { styleText } from 'node:util';
import type { ReplicaAddresses } from '../cluster/addresses.js';
import type { ClusterFile } from '../cluster/cluster-file.js';
import type { DiskChanged, Failed, Halted, Ready } from '../cluster/process-messages.js';
import { formatAddress } from '../transport/address.js';
import type { DurabilityClass, ReplicaId } from '../types.js';
import type { Output } from './output.js';
import { formatSize } from './size.js';

export interface ClusterUp {
  readonly directory: string;
  readonly file: ClusterFile;
  readonly durability: DurabilityClass;
  readonly leader: ReplicaId;
  readonly addresses: readonly ReplicaAddresses[];
  readonly pids: ReadonlyMap<ReplicaId, number>;
}

export interface ClusterReport {
  formatting(replica: ReplicaId, file: ClusterFile): void;
  starting(replicas: number): void;
  waiting(seconds: number, missing: readonly ReplicaId[]): void;
  up(cluster: ClusterUp): void;
  damaged(replica: ReplicaId, ready: Ready): void;
  leader(replica: ReplicaId): void;
  died(replica: ReplicaId, how: string, failure: Failed | undefined, restartInMs: number): void;
  back(replica: ReplicaId): void;
  killed(replica: ReplicaId): void;
  halted(replica: ReplicaId, halt: Halted): void;
  disk(replica: ReplicaId, disk: DiskChanged): void;
  unusable(replica: ReplicaId, failure: Failed, remaining: number): void;
  joined(replica: ReplicaId): void;
  left(replica: ReplicaId): void;
  astray(error: Error): void;
  stopping(): void;
  stopped(): void;
}

const MEDIA: Readonly<Record<string, string>> = {
  emulated: 'emulated persistent memory',
  pmem: 'persistent memory',
  file: 'files',
};

const SURVIVES: Readonly<Record<DurabilityClass, string>> = {
  power: 'power: what was answered survives a power cut',
  process: 'process: what was answered survives kill -9 of every replica, not a power cut',
  none: 'none: nothing survives the processes',
};

/** Hosts that stand for all addresses are no addresses to connect to. */
function tryLine({ redis }: ReplicaAddresses): string {
  const { host, port } = redis;
  const isLocal = ['127.0.0.1', 'localhost', '0.0.0.0', '::', '::1'].includes(host);
  return `redis-cli ${isLocal ? '' : `-h ${host} `}-p ${port} set greeting hello`;
}

/** The one command that mends a store that is lost. */
export function replaceHereLine(replica: ReplicaId, directory: string): string {
  return `indelible replace ${replica} --dir ${directory}`;
}

function damageSentence(replica: ReplicaId, recovery: string, directory: string): string {
  const meaning =
    recovery === 'lost'
      ? 'it may have lost votes, so it learns and serves but never votes again under this id. ' +
        `Put a new replica in its place: ${replaceHereLine(replica, directory)}`
      : 'some votes have lost their bytes, and are fetched from its peers';
  return `replica ${replica}: its log was found ${recovery}: ${meaning}`;
}

function diskSentence({ state, share, freeBytes }: DiskChanged): string {
  const how = `its disk is ${Math.floor(share * 100)} % full, ${formatSize(freeBytes)} are free`;
  if (state === 'ok' || state === 'warn') return how;
  return `${how}: what is left is kept for checkpoints, and what grows the data may be refused`;
}

/** @param directory of the cluster, as it was named */
export function plainReport(output: Output, directory: string): ClusterReport {
  const paint = (style: 'bold' | 'green' | 'yellow', text: string): string =>
    output.isTerminal ? styleText(style, text) : text;
  return {
    formatting: (replica, { members, backend, regionBytes }) =>
      output.line(
        `formatting replica ${replica} of ${members.length}: ${backend}, ${formatSize(regionBytes)}`,
      ),
    starting: (replicas) => output.line(`starting ${replicas} ${replicas === 1 ? 'replica' : 'replicas'}`),
    waiting: (seconds, missing) => {
      const what = missing.length === 0 ? 'a leader' : `replica ${missing.join(', ')}`;
      output.line(`still waiting for ${what} after ${seconds} s`);
    },
    up: ({ directory, file, durability, leader, addresses }) => {
      const count = file.members.length;
      const medium = MEDIA[file.backend] ?? file.backend;
      output.line(paint('bold', `Indelible: ${count} ${count === 1 ? 'replica' : 'replicas'} on ${medium}`));
      output.line(`  data        ${path.resolve(directory)} (what each replica says: replica-1.log …)`);
      output.line(`  durability  ${SURVIVES[durability]}`);
      for (const { id, redis, peer, http } of addresses) {
        const role = id === leader ? `  ${paint('green', 'leader')}` : '';
        const metrics = http === undefined ? '' : `  http ${formatAddress(http)}`;
        const meets = 'host' in peer ? `  peers ${formatAddress(peer)}` : '';
        output.line(`  replica ${id}   redis ${formatAddress(redis)}${meets}${metrics}${role}`);
      }
      const sockets = addresses.flatMap(({ peer }) => ('path' in peer ? [path.dirname(peer.path)] : []))[0];
      if (sockets !== undefined) output.line(`  peers       Unix sockets in ${sockets}`);
      const [first] = addresses;
      if (first !== undefined) output.line(`  try         ${tryLine(first)}`);
      output.line('  stop        Ctrl-C');
    },
    damaged: (replica, { recovery }) =>
      output.line(paint('yellow', damageSentence(replica, recovery, directory))),
    leader: (replica) => output.line(`replica ${replica} leads`),
    died: (replica, how, failure, restartInMs) => {
      const why = failure === undefined ? how : `${failure.code}: ${failure.message}`;
      const text = `replica ${replica} died (${why}); starting it again in ${restartInMs / 1000} s`;
      output.line(paint('yellow', text));
    },
    back: (replica) => output.line(`replica ${replica} is back`),
    killed: (replica) => output.line(`replica ${replica} did not stop in time and was killed`),
    halted: (replica, { slot, command, message }) => {
      output.line(paint('yellow', `replica ${replica} is halted at slot ${slot}, command ${command}`));
      output.line(`  ${message}; \`indelible status\` says what to do`);
    },
    disk: (replica, disk) => {
      const style = disk.state === 'ok' ? 'green' : 'yellow';
      output.line(paint(style, `replica ${replica}: ${diskSentence(disk)}`));
    },
    unusable: (replica, { code, message }, remaining) => {
      output.line(paint('yellow', `replica ${replica} stays out: its store cannot be used`));
      output.line(`  ${code}: ${message}`);
      output.line(
        `  ${remaining} others go on without it. Mend what can be mended, or put its files back as they`,
      );
      output.line(
        '  were, if a copy made since it stopped exists, and start again; never format it anew under its',
      );
      output.line('  number: it may have voted. A new replica in its place, with another number:');
      output.line(`  ${replaceHereLine(replica, directory)}`);
    },
    joined: (replica) => output.line(`starting replica ${replica}, which is to take the place of another`),
    left: (replica) => output.line(`replica ${replica} is no member any more, and has ended`),
    astray: ({ message }) => output.line(paint('yellow', `cluster.json cannot be followed: ${message}`)),
    stopping: () => output.line('stopping'),
    stopped: () => output.line('stopped'),
  };
}

export function jsonReport(output: Output): ClusterReport {
  const say = (event: string, fields: object): void => output.line(JSON.stringify({ event, ...fields }));
  return {
    formatting: (replica, { backend, regionBytes }) => say('formatting', { replica, backend, regionBytes }),
    starting: (replicas) => say('starting', { replicas }),
    waiting: (seconds, missing) => say('waiting', { seconds, missing }),
    up: ({ directory, file, durability, leader, addresses, pids }) =>
      say('up', {
        directory: path.resolve(directory),
        clusterId: file.clusterId,
        backend: file.backend,
        durability,
        leader,
        replicas: addresses.map(({ id, redis, peer, http }) => ({
          id,
          redis: formatAddress(redis),
          peer: formatAddress(peer),
          ...(http === undefined ? {} : { http: formatAddress(http) }),
          pid: pids.get(id),
        })),
      }),
    damaged: (replica, { recovery }) => say('damaged', { replica, outcome: recovery }),
    leader: (replica) => say('leader', { replica }),
    died: (replica, how, failure, restartInMs) => say('died', { replica, how, failure, restartInMs }),
    back: (replica) => say('back', { replica }),
    killed: (replica) => say('killed', { replica }),
    halted: (replica, { slot, command, message }) => say('halted', { replica, slot, command, message }),
    disk: (replica, { state, bytes, freeBytes, share, reserveBytes }) =>
      say('disk', { replica, state, bytes, freeBytes, share, reserveBytes }),
    unusable: (replica, failure, remaining) => say('unusable', { replica, failure, remaining }),
    joined: (replica) => say('joined', { replica }),
    left: (replica) => say('left', { replica }),
    astray: ({ message }) => say('astray', { message }),
    stopping: () => say('stopping', {}),
    stopped: () => say('stopped', {}),
  };
}
