/** The members of a cluster and its key, as a command line names them: by directory, list or file. */
import type { Command } from 'commander';
import { parsePeers } from '../cluster/addresses.js';
import { readFileIfThere } from '../cluster/durable-file.js';
import { readRunning } from '../cluster/running-file.js';
import { parseServeFile, peersOf } from '../cluster/serve-config.js';
import { argumentError } from '../errors.js';
import { clusterKeyPath, readClientKey } from '../replica/key-file.js';
import { formatAddress } from '../transport/address.js';
import type { ReplicaId } from '../types.js';

export interface MemberFlags {
  readonly dir: string;
  readonly peers?: string;
  readonly config?: string;
  readonly keyFile?: string;
}

/** Adds the options that name them. */
export function withMembers(command: Command): Command {
  return command
    .option('--dir <directory>', 'of a cluster on this machine', 'data')
    .option('--peers <addresses>', 'or the members: 1=host:port,2=host:port,…')
    .option('--config <file>', 'or the configuration file of one of them')
    .option('--key-file <file>', "the cluster's key, or that of its clients");
}

export function membersOf({ dir, peers, config }: MemberFlags): ReadonlyMap<ReplicaId, string> {
  if (peers !== undefined) return parsePeers(peers, '--peers');
  if (config !== undefined) {
    const text = readFileIfThere(config);
    if (text === undefined) throw argumentError(`there is no configuration ${config}`);
    return peersOf(parseServeFile(text));
  }
  const running = readRunning(dir);
  if (running === undefined) {
    throw Object.assign(new Error(`no cluster runs in ${dir}: it has no running.json`), {
      code: 'NOT_RUNNING',
    });
  }
  return new Map(running.replicas.map(({ id, peer }) => [id, formatAddress(peer)]));
}

/** What asks for a key is told that there is none, and refuses by itself. */
export function keyOf({ dir, peers, config, keyFile }: MemberFlags): Uint8Array | undefined {
  if (keyFile !== undefined) {
    const key = readClientKey(keyFile);
    if (key === undefined) throw argumentError(`there is no key file ${keyFile}`);
    return key;
  }
  if (peers !== undefined) return undefined;
  if (config === undefined) return readClientKey(clusterKeyPath(dir));
  const settings = parseServeFile(readFileIfThere(config) ?? '{}');
  return readClientKey(settings.keyFile ?? clusterKeyPath(settings.directory ?? '.'));
}
