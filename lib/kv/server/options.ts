/** The options of one port, their defaults and bounds. */
import { argumentError } from '../../errors.js';
import type { Service } from '../../replica/service.js';
import { Users } from '../acl/users.js';
import {
  CLIENTS_MAX_DEFAULT,
  KEEPALIVE_SECONDS_DEFAULT,
  KEY_BYTES_MAX,
  MEMORY_BYTES_MAX_DEFAULT,
  OUTPUT_BYTES_MAX_DEFAULT,
  OUTPUT_PAUSE_BYTES_DEFAULT,
  PIPELINE_MAX_DEFAULT,
  VALUE_BYTES_MAX,
} from '../limits.js';
import type { KvStatistics } from '../state-machine.js';
import type { KvTls } from './tls.js';

/** What INFO and WAIT tell about the replica behind the port. */
export interface KvServerStatus {
  readonly replicaId: number;
  readonly role: 'leader' | 'candidate' | 'follower';
  /** 0 while no leader is known. */
  readonly leaderId: number;
  /** Members of the configuration. */
  readonly replicas: number;
  readonly chosenSlot: number;
  readonly appliedSlot: number;
  readonly durability: string;
}

export interface KvServerOptions {
  readonly service: Service;
  /** 0: any free port. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default: none, and AUTH is refused as Redis does without one. */
  readonly password?: string;
  /** The users that clients may be, in place of a password: `default` is one of them. */
  readonly users?: Users;
  /** The port takes TLS only; by default it is plain. */
  readonly tls?: KvTls;
  /** A caller who did not come to terms over TLS, by address. */
  readonly onRefused?: (remote: string, error: Error) => void;
  readonly status?: () => KvServerStatus;
  /** What INFO tells of the state at a time of this port's clock. */
  readonly statistics?: (nowMs: number) => KvStatistics;
  /** Longest key and value that this port accepts, in bytes. Default and most: 32 KiB and 960 KiB. */
  readonly keyBytesMax?: number;
  readonly valueBytesMax?: number;
  /** Bytes of state above which writes that may add to it get an OOM error. 0: no limit. Default 1 GiB. */
  readonly memoryBytesMax?: number;
  /** A client from which nothing came for so many seconds is closed; 0 (the default): never. */
  readonly timeoutSeconds?: number;
  /** A machine silent for so many seconds is asked whether it is there; 0: never. Default 300. */
  readonly keepaliveSeconds?: number;
  /** Connections at a time. Default 10,000. */
  readonly clientsMax?: number;
  /** Requests of one connection that wait for their outcome before it stops reading. Default 16,384. */
  readonly pipelineMax?: number;
  /** Unread reply bytes of one connection at which it stops reading (default 1 MiB) … */
  readonly outputPauseBytes?: number;
  /** … and at which it is closed (default 64 MiB). */
  readonly outputBytesMax?: number;
}

type Absent = 'status' | 'statistics' | 'password' | 'tls' | 'onRefused';

export type KvServerSettings = Required<Omit<KvServerOptions, Absent>> & {
  readonly tls: KvTls | undefined;
  readonly onRefused: (remote: string, error: Error) => void;
  readonly status: (() => KvServerStatus) | undefined;
  readonly statistics: ((nowMs: number) => KvStatistics) | undefined;
};

function bounded(name: string, value: number | undefined, preset: number, min: number, max: number): number {
  const chosen = value ?? preset;
  if (Number.isSafeInteger(chosen) && chosen >= min && chosen <= max) return chosen;
  throw argumentError(`${name} is ${chosen}; an integer from ${min} to ${max} is needed`);
}

function usersOf({ users, password }: KvServerOptions): Users {
  const hasPassword = password !== undefined && password !== '';
  if (users === undefined) return Users.single(hasPassword ? password : undefined);
  if (!hasPassword) return users;
  throw argumentError('users and a password are both given: the password is that of the user default');
}

/** @throws RangeError ERR_INDELIBLE_ARGUMENT */
export function settingsOf(options: KvServerOptions): KvServerSettings {
  const large = Number.MAX_SAFE_INTEGER;
  const outputPauseBytes = bounded(
    'outputPauseBytes',
    options.outputPauseBytes,
    OUTPUT_PAUSE_BYTES_DEFAULT,
    1024,
    large,
  );
  return {
    service: options.service,
    port: bounded('port', options.port, 0, 0, 65535),
    host: options.host ?? '127.0.0.1',
    users: usersOf(options),
    tls: options.tls,
    onRefused: options.onRefused ?? (() => {}),
    status: options.status,
    statistics: options.statistics,
    keyBytesMax: bounded('keyBytesMax', options.keyBytesMax, KEY_BYTES_MAX, 1, KEY_BYTES_MAX),
    valueBytesMax: bounded('valueBytesMax', options.valueBytesMax, VALUE_BYTES_MAX, 1, VALUE_BYTES_MAX),
    memoryBytesMax: bounded(
      'memoryBytesMax',
      options.memoryBytesMax,
      MEMORY_BYTES_MAX_DEFAULT,
      0,
      2 ** 42 - 1,
    ),
    timeoutSeconds: bounded('timeoutSeconds', options.timeoutSeconds, 0, 0, 2 ** 31 - 1),
    keepaliveSeconds: bounded(
      'keepaliveSeconds',
      options.keepaliveSeconds,
      KEEPALIVE_SECONDS_DEFAULT,
      0,
      32_767,
    ),
    clientsMax: bounded('clientsMax', options.clientsMax, CLIENTS_MAX_DEFAULT, 1, 1_000_000),
    pipelineMax: bounded('pipelineMax', options.pipelineMax, PIPELINE_MAX_DEFAULT, 1, 1_000_000),
    outputPauseBytes,
    outputBytesMax: bounded(
      'outputBytesMax',
      options.outputBytesMax,
      Math.max(OUTPUT_BYTES_MAX_DEFAULT, outputPauseBytes),
      outputPauseBytes,
      large,
    ),
  };
}
