/** The members of a cluster and its key, as a command line names them: by directory, list or file. */
import type { Command } from 'commander';
import { parsePeers } from '../cluster/addresses.js';
import { readFileIfThere } from '../cluster/durable-file.js';
import { readRunning } from '../cluster/running-file.js';
import { clientTlsOf, parseServeFile, peersOf, type ServeSettings } from '../cluster/serve-config.js';
import { readCertificates } from '../cluster/tls-files.js';
import { argumentError } from '../errors.js';
import type { PageCluster } from '../http/replica-http.js';
import { clusterKeyPath, readClientKey } from '../replica/key-file.js';
import { formatAddress } from '../transport/address.js';
import type { Sockets } from '../transport/sockets.js';
import { type ClientTls, clientSockets } from '../transport/tls.js';
import type { ReplicaId } from '../types.js';

export interface MemberFlags {
  readonly dir: string;
  readonly peers?: string;
  readonly config?: string;
  readonly keyFile?: string;
  readonly tls?: boolean;
  readonly tlsCa?: string;
}

/** Adds the options that name them. */
export function withMembers(command: Command): Command {
  return command
    .option('--dir <directory>', 'of a cluster on this machine', 'data')
    .option('--peers <addresses>', 'or the members: 1=host:port,2=host:port,…')
    .option('--config <file>', 'or the configuration file of one of them')
    .option('--key-file <file>', "the cluster's key, or that of its clients")
    .option('--tls', 'the replicas take TLS, sealed by the key')
    .option('--tls-ca <file>', 'or by certificates: their authority');
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

/**
 * The members as they are named whenever it is called: replicas of a cluster on this machine come and go.
 * @throws as {@link membersOf}, at once
 */
export function addressesOf(flags: MemberFlags): () => ReadonlyMap<ReplicaId, string> {
  let known = membersOf(flags);
  if (flags.peers !== undefined || flags.config !== undefined) return () => known;
  return () => {
    try {
      known = membersOf(flags);
    } catch {
      // It is being started again: those who were there will be there.
    }
    return known;
  };
}

/** What a replica is asked with: the key, and the sockets that the way there takes. */
export interface Access {
  readonly key: Uint8Array | undefined;
  readonly sockets: Sockets;
}

/**
 * What the flags, or the configuration, say.
 * @throws RangeError where there is no key: nobody would prove who answers, nor answer
 */
export function accessOf(flags: MemberFlags): Access {
  const settings = settingsOf(flags);
  const key = keyOf(flags, settings);
  return { key, sockets: clientSockets(tlsOf(flags, settings), key) };
}

/** The members, and what they are asked with, as the page takes them. @throws as {@link accessOf} */
export function clusterOf(flags: MemberFlags): PageCluster {
  const settings = settingsOf(flags);
  const tls = tlsOf(flags, settings);
  const cluster = { peers: membersOf(flags), key: keyOf(flags, settings) };
  return tls === undefined ? cluster : { ...cluster, tls };
}

function settingsOf({ config }: MemberFlags): ServeSettings {
  return config === undefined ? {} : parseServeFile(readFileIfThere(config) ?? '{}');
}

function keyOf({ dir, peers, config, keyFile }: MemberFlags, settings: ServeSettings): Uint8Array {
  if (keyFile === undefined && peers !== undefined) {
    throw argumentError(
      "--peers takes the key that goes with them: --key-file, the cluster's or its clients'",
    );
  }
  const beside = clusterKeyPath(config === undefined ? dir : (settings.directory ?? '.'));
  const file = keyFile ?? settings.keyFile ?? beside;
  const key = readClientKey(file);
  if (key === undefined) throw argumentError(`there is no key file ${file}: name one with --key-file`);
  return key;
}

function tlsOf({ peers, tls, tlsCa }: MemberFlags, settings: ServeSettings): ClientTls | undefined {
  if (tlsCa !== undefined) return { ca: readCertificates(tlsCa) };
  if (tls === true) return true;
  return peers === undefined ? clientTlsOf(settings) : undefined;
}
