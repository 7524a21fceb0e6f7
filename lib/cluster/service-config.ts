/**
 * The limits of a replica's Redis port, as they are written in a file or on the command line; what is left
 * out has the defaults of kv/limits.ts.
 */
import * as v from 'valibot';
import { argumentError } from '../errors.js';
import { formatAddress, isOfThisMachine } from '../transport/address.js';
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
}

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
  readonly passwordFile: v.OptionalSchema<v.GenericSchema<string>, undefined>;
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
  insecureRedis: v.optional(v.boolean()),
};

/**
 * @throws RangeError for a password file that is absent or empty, ERR_INDELIBLE_STORE_IO for an unreadable
 * one
 */
export function serviceConfig(settings: ServiceSettings): ServiceConfig {
  const { maxMemory, maxClients, maxKey, maxValue, timeout, tcpKeepalive, passwordFile } = settings;
  return {
    ...(maxMemory === undefined ? {} : { memoryBytesMax: maxMemory }),
    ...(maxClients === undefined ? {} : { clientsMax: maxClients }),
    ...(maxKey === undefined ? {} : { keyBytesMax: maxKey }),
    ...(maxValue === undefined ? {} : { valueBytesMax: maxValue }),
    ...(timeout === undefined ? {} : { timeoutSeconds: timeout }),
    ...(tcpKeepalive === undefined ? {} : { keepaliveSeconds: tcpKeepalive }),
    ...(passwordFile === undefined ? {} : { password: firstLineOf(passwordFile, 'password') }),
  };
}

/** @throws RangeError for a port on a network on which everybody may do everything, unless that was said */
export function checkRedisPort(
  address: HostPort,
  { password }: Pick<ServiceConfig, 'password'>,
  { insecureRedis = false }: Pick<ServiceSettings, 'insecureRedis'>,
): void {
  if (password !== undefined || insecureRedis || isOfThisMachine(address)) return;
  throw argumentError(
    `the Redis port on ${formatAddress(address)} can be reached over the network, and who reaches it can read ` +
      'and write everything: give --password-file, or say --insecure-redis, or serve it on 127.0.0.1',
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
  const { timeout, tcpKeepalive } = settings;
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
  ];
  return flags.concat(pairs.flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)])));
}
