/**
 * What one replica's process is told: flags, or a JSON file of the same names, flags winning. Validated here,
 * at the edge; behind it every value is what its type says.
 */
import * as v from 'valibot';
import { argumentError } from '../errors.js';
import { checkHttpAddress, type HttpOptions } from '../http/replica-http.js';
import { readClusterKey } from '../replica/key-file.js';
import type { Tuning } from '../replica/options.js';
import { isOfThisMachine, parseAddress } from '../transport/address.js';
import type { ClientTls } from '../transport/tls.js';
import type { ReplicaId } from '../types.js';
import { checkPeerAddress, type HostPort, parseHostPort, parsePeers } from './addresses.js';
import type { Backend, Sync } from './cluster-file.js';
import { issueSentence } from './plan.js';
import {
  checkRedisPort,
  firstLineOf,
  SERVICE_ENTRIES,
  type ServiceConfig,
  type ServiceSettings,
  serviceConfig,
} from './service-config.js';
import { readCertificates, type TlsFiles } from './tls-files.js';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
export const LOG_LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

export interface ServeConfig {
  /** Where the replica's store lies; `format` made it. */
  readonly directory: string;
  readonly backend: Backend;
  readonly sync: Sync;
  /** Where this replica listens for peers: `host:port`, `[ipv6]:port` or `unix:/path`. */
  readonly listen: string;
  /** Where Redis clients are served; undefined serves none. */
  readonly redis: HostPort | undefined;
  /** Where metrics and health are told; undefined tells them nowhere. */
  readonly http: (HostPort & Pick<HttpOptions, 'token' | 'insecure'>) | undefined;
  /** Every member, this replica among them or not, by id. */
  readonly peers: ReadonlyMap<ReplicaId, string>;
  readonly logLevel: LogLevel;
  /** The store uuid that must be found in the directory; undefined takes any. */
  readonly store: string | undefined;
  /** The cluster's key; undefined takes what `format` left in the directory. */
  readonly key: Uint8Array | undefined;
  /** What seals the peer port: the cluster's key (`true`), or certificates. */
  readonly tls: true | TlsFiles | undefined;
  /** What is left out has the replica's own default. */
  readonly tuning: Partial<Pick<Tuning, 'leaderWaitMs' | 'watchMs'>>;
  readonly service: ServiceConfig;
}

const fileName = v.optional(v.pipe(v.string(), v.nonEmpty()));

const serveSchema = v.strictObject({
  directory: v.optional(v.pipe(v.string(), v.nonEmpty())),
  backend: v.optional(v.picklist(['emulated', 'pmem', 'file'])),
  sync: v.optional(v.picklist(['none', 'msync'])),
  listen: v.optional(v.string()),
  redis: v.optional(v.string()),
  http: v.optional(v.string()),
  httpTokenFile: v.optional(v.pipe(v.string(), v.nonEmpty())),
  insecureHttp: v.optional(v.boolean()),
  peers: v.optional(v.union([v.string(), v.record(v.string(), v.string())])),
  logLevel: v.optional(v.picklist(LOG_LEVELS)),
  insecurePeers: v.optional(v.boolean()),
  tls: v.optional(v.boolean()),
  tlsCert: fileName,
  tlsKey: fileName,
  tlsCa: fileName,
  keyFile: fileName,
  store: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, 'must be 32 lower-case hex digits'))),
  ...SERVICE_ENTRIES,
});

/** As written: in the file, or on the command line. */
export interface ServeSettings extends ServiceSettings {
  readonly directory?: string | undefined;
  readonly backend?: Backend | undefined;
  readonly sync?: Sync | undefined;
  readonly listen?: string | undefined;
  readonly redis?: string | undefined;
  readonly http?: string | undefined;
  /** A file whose first line is the token that the HTTP port asks for. */
  readonly httpTokenFile?: string | undefined;
  /** Lets the HTTP port be on a network without a token. */
  readonly insecureHttp?: boolean | undefined;
  readonly peers?: string | Readonly<Record<string, string>> | undefined;
  readonly logLevel?: LogLevel | undefined;
  readonly store?: string | undefined;
  /** Seals the peer port with TLS: by the cluster's key, or by certificates where they are named. */
  readonly tls?: boolean | undefined;
  /** The certificate of this replica, its private key, and the authority of all of them. */
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly tlsCa?: string | undefined;
  /** Lets the peer port be on a network without TLS. */
  readonly insecurePeers?: boolean | undefined;
  /** Where the cluster's key lies; `cluster-key` in the directory, if absent. */
  readonly keyFile?: string | undefined;
}

/** @throws RangeError that says where the text is not a configuration */
export function parseServeFile(text: string): ServeSettings {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw argumentError(`the configuration is not JSON: ${(error as Error).message}`);
  }
  const result = v.safeParse(serveSchema, json);
  if (!result.success) throw argumentError(`the configuration: ${issueSentence(result.issues)}`);
  return result.output;
}

/** @throws RangeError for a value missing or malformed */
export function serveConfig(file: ServeSettings, flags: ServeSettings): ServeConfig {
  const settings = { ...file, ...definedOf(flags) };
  const { directory, listen } = settings;
  if (directory === undefined) throw argumentError('serve needs --dir, where `format` put the store');
  if (listen === undefined) throw argumentError('serve needs --listen, where peers reach this replica');
  const backend = settings.backend ?? 'emulated';
  const sync = settings.sync ?? 'none';
  checkSync(backend, sync);
  const peerAddress = checkPeerAddress(listen, '--listen');
  checkPeerPort(peerAddress, settings);
  const redis = settings.redis === undefined ? undefined : parseHostPort(settings.redis, '--redis');
  const service = serviceConfig(settings);
  if (redis !== undefined) checkRedisPort(redis, service, settings);
  return {
    directory,
    backend,
    sync,
    listen: peerAddress,
    redis,
    http: httpIn(settings),
    peers: peersOf(settings),
    logLevel: settings.logLevel ?? 'info',
    store: settings.store,
    key: keyIn(settings),
    tls: tlsIn(settings),
    tuning: tuningOf(settings),
    service,
  };
}

/** @throws RangeError for a port on a network that nobody has said may be without TLS */
function checkPeerPort(address: string, settings: ServeSettings): void {
  const { insecurePeers = false } = settings;
  if (insecurePeers || isSealed(settings) || isOfThisMachine(parseAddress(address))) return;
  throw argumentError(
    `--listen ${address} can be reached over the network, and what peers say there is not encrypted: ` +
      'give --tls to all replicas; inside a network that is encrypted already, --insecure-peers',
  );
}

/** @throws RangeError for a port on a network that nobody has said may be without a token */
function httpIn({ http, httpTokenFile, insecureHttp = false }: ServeSettings): ServeConfig['http'] {
  if (http === undefined) return undefined;
  const address = parseHostPort(http, '--http');
  const token = httpTokenFile === undefined ? {} : { token: firstLineOf(httpTokenFile, 'token') };
  checkHttpAddress(address, { ...token, insecure: insecureHttp });
  return { ...address, ...token, insecure: insecureHttp };
}

function isSealed({ tls = false, tlsCert, tlsKey, tlsCa }: ServeSettings): boolean {
  return tls || [tlsCert, tlsKey, tlsCa].some((file) => file !== undefined);
}

/** @throws RangeError for some of the files of certificates without the others */
function tlsIn(settings: ServeSettings): ServeConfig['tls'] {
  const { tlsCert: cert, tlsKey: key, tlsCa: ca } = settings;
  if (cert !== undefined && key !== undefined && ca !== undefined) return { cert, key, ca };
  if ([cert, key, ca].some((file) => file !== undefined)) {
    throw argumentError('certificates take all three: --tls-cert, --tls-key and --tls-ca');
  }
  return settings.tls === true ? true : undefined;
}

/** What a client needs to speak with a replica that is set up so. */
export function clientTlsOf(settings: ServeSettings): ClientTls | undefined {
  const tls = tlsIn(settings);
  return tls === undefined || tls === true ? tls : { ca: readCertificates(tls.ca) };
}

function keyIn({ keyFile }: ServeSettings): Uint8Array | undefined {
  if (keyFile === undefined) return undefined;
  const key = readClusterKey(keyFile);
  if (key === undefined) throw argumentError(`there is no key file ${keyFile}`);
  return key;
}

function tuningOf({ leaderWait, watch }: ServeSettings): ServeConfig['tuning'] {
  return {
    ...(leaderWait === undefined ? {} : { leaderWaitMs: leaderWait }),
    ...(watch === undefined ? {} : { watchMs: watch / 1000 }),
  };
}

/** @throws RangeError: only an emulated region leaves a choice */
export function checkSync(backend: Backend, sync: Sync): void {
  if (sync === 'none' || backend === 'emulated') return;
  throw argumentError(`--sync msync goes with --backend emulated; ${backend} is durable without it`);
}

/** @throws RangeError when the settings name no members, or not as they should */
export function peersOf({ peers }: ServeSettings): ReadonlyMap<ReplicaId, string> {
  if (peers === undefined) throw argumentError('--peers is missing: the addresses of all members');
  if (typeof peers === 'string') return parsePeers(peers, '--peers');
  const entries = Object.entries(peers).map(([id, address]) => `${id}=${address}`);
  return parsePeers(entries.join(','), '"peers"');
}

function definedOf(settings: ServeSettings): ServeSettings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
