/**
 * The limits of a replica's Redis port, as they are written in a file or on the command line; what is left
 * out has the defaults of kv/limits.ts.
 */
import * as v from 'valibot';
import { argumentError } from '../errors.js';
import type { Users } from '../kv/acl/users.js';
import { formatAddress, isOfThisMachine } from '../transport/address.js';
import { readAclFile } from './acl-file.js';
import type { HostPort } from './addresses.js';
import { readFileIfThere } from './durable-file.js';

/** Sizes in bytes, times in milliseconds. The same names on the command line, as --max-memory and so on. */
export interface ServiceSettings {
  readonly maxMemory?: number | undefined;
  readonly maxClients?: number | undefined;
  readonly maxKey?: number | undefined;
  readonly maxValue?: number | undefined;
  /** Seconds until an idle client is closed, and until its machine is asked whether it is there. */
  readonly timeout?: number | undefined;
  readonly tcpKeepalive?: number | undefined;
  /** How long a command waits for a leader to be known. */
  readonly leaderWait?: number | undefined;
  /** How long a leader looks out for more to do before it sleeps, in microseconds. */
  readonly watch?: number | undefined;
  /** A file whose first line is the password that clients must give. */
  readonly passwordFile?: string | undefined;
  /** A file of users, as Redis has it, in place of a password. */
  readonly aclFile?: string | undefined;
  /** The certificate of the Redis port and its private key: then it takes TLS only. */
  readonly redisTlsCert?: string | undefined;
  readonly redisTlsKey?: string | undefined;
  /** The authority whose certificates Redis clients must have; without it they need none. */
  readonly redisTlsCa?: string | undefined;
  /** Lets the Redis port be on a network without a password. */
  readonly insecureRedis?: boolean | undefined;
}

/** What the Redis port is opened with beside its address. */
export interface ServiceConfig {
  readonly memoryBytesMax?: number;
  readonly clientsMax?: number;
  readonly keyBytesMax?: number;
  readonly valueBytesMax?: number;
  readonly timeoutSeconds?: number;
  readonly keepaliveSeconds?: number;
  readonly password?: string;
  /** The users in a file, and where it lies, to be read again. */
  readonly users?: Users;
  readonly aclFile?: string;
  readonly tls?: RedisTlsFiles;
}

/** With a `ca`, clients must have a certificate of its. */
export interface RedisTlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
}

type TextEntry = v.OptionalSchema<v.GenericSchema<string>, undefined>;
type Entry = v.OptionalSchema<v.GenericSchema<number>, undefined>;

const bound: Entry = v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0)));

export const SERVICE_ENTRIES: {
  readonly maxMemory: Entry;
  readonly maxClients: Entry;
  readonly maxKey: Entry;
  readonly maxValue: Entry;
  readonly timeout: Entry;
  readonly tcpKeepalive: Entry;
  readonly leaderWait: Entry;
  readonly watch: Entry;
  readonly passwordFile: TextEntry;
  readonly aclFile: TextEntry;
  readonly redisTlsCert: TextEntry;
  readonly redisTlsKey: TextEntry;
  readonly redisTlsCa: TextEntry;
  readonly insecureRedis: v.OptionalSchema<v.GenericSchema<boolean>, undefined>;
} = {
  maxMemory: bound,
  maxClients: bound,
  maxKey: bound,
  maxValue: bound,
  timeout: bound,
  tcpKeepalive: bound,
  leaderWait: bound,
  watch: bound,
  passwordFile: v.optional(v.string()),
  aclFile: v.optional(v.string()),
  redisTlsCert: v.optional(v.string()),
  redisTlsKey: v.optional(v.string()),
  redisTlsCa: v.optional(v.string()),
  insecureRedis: v.optional(v.boolean()),
};

const BOTH =
  '--acl-file has the passwords of all users: without --password-file, put `user default on >PASSWORD ~* &* +@all` in it';

/**
 * @throws RangeError for a password file that is absent or empty, for what {@link readAclFile} refuses, and
 * for both of them; ERR_INDELIBLE_STORE_IO for an unreadable one
 */
export function serviceConfig(settings: ServiceSettings): ServiceConfig {
  const { maxMemory, maxClients, maxKey, maxValue, timeout, tcpKeepalive, passwordFile } = settings;
  const tls = redisTlsOf(settings);
  const { aclFile } = settings;
  if (aclFile !== undefined && passwordFile !== undefined) throw argumentError(BOTH);
  return {
    ...(maxMemory === undefined ? {} : { memoryBytesMax: maxMemory }),
    ...(maxClients === undefined ? {} : { clientsMax: maxClients }),
    ...(maxKey === undefined ? {} : { keyBytesMax: maxKey }),
    ...(maxValue === undefined ? {} : { valueBytesMax: maxValue }),
    ...(timeout === undefined ? {} : { timeoutSeconds: timeout }),
    ...(tcpKeepalive === undefined ? {} : { keepaliveSeconds: tcpKeepalive }),
    ...(passwordFile === undefined ? {} : { password: firstLineOf(passwordFile, 'password') }),
    ...(aclFile === undefined ? {} : { aclFile, users: readAclFile(aclFile) }),
    ...(tls === undefined ? {} : { tls }),
  };
}

/** @throws RangeError for some of the files without what they need */
function redisTlsOf(settings: ServiceSettings): RedisTlsFiles | undefined {
  const { redisTlsCert: cert, redisTlsKey: key, redisTlsCa: ca } = settings;
  if (cert !== undefined && key !== undefined) return { cert, key, ...(ca === undefined ? {} : { ca }) };
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  throw argumentError('TLS on the Redis port takes --redis-tls-cert and --redis-tls-key, both');
}

/** @throws RangeError for a port on a network on which everybody may do everything, unless that was said */
export function checkRedisPort(
  address: HostPort,
  { password, users, tls }: Pick<ServiceConfig, 'password' | 'users' | 'tls'>,
  { insecureRedis = false }: Pick<ServiceSettings, 'insecureRedis'>,
): void {
  const isGuarded = password !== undefined || users?.isFree === false || tls?.ca !== undefined;
  if (isGuarded || insecureRedis || isOfThisMachine(address)) return;
  throw argumentError(
    `the Redis port on ${formatAddress(address)} can be reached over the network, and who reaches it can read ` +
      'and write everything: give --password-file, --acl-file in which every user has a password, or --redis-tls-ca, or say --insecure-redis, or serve it on 127.0.0.1',
  );
}

/** @throws RangeError for a file that is absent, or whose first line, where the secret is to be, is empty */
export function firstLineOf(file: string, what: 'password' | 'token'): string {
  const line = readFileIfThere(file)?.split(/\r?\n/)[0] ?? '';
  if (line === '') throw argumentError(`${file} has no ${what} in its first line`);
  return line;
}

/** The settings as arguments of `serve`. */
export function serviceArguments(settings: ServiceSettings): readonly string[] {
  const { maxMemory, maxClients, maxKey, maxValue, leaderWait, watch, passwordFile } = settings;
  const { timeout, tcpKeepalive, aclFile, redisTlsCert, redisTlsKey, redisTlsCa } = settings;
  const flags = settings.insecureRedis === true ? ['--insecure-redis'] : [];
  const pairs: readonly (readonly [string, string | number | undefined])[] = [
    ['--max-memory', maxMemory],
    ['--max-clients', maxClients],
    ['--max-key', maxKey],
    ['--max-value', maxValue],
    ['--timeout', timeout],
    ['--tcp-keepalive', tcpKeepalive],
    ['--leader-wait', leaderWait],
    ['--watch', watch],
    ['--password-file', passwordFile],
    ['--acl-file', aclFile],
    ['--redis-tls-cert', redisTlsCert],
    ['--redis-tls-key', redisTlsKey],
    ['--redis-tls-ca', redisTlsCa],
  ];
  return flags.concat(pairs.flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)])));
}
