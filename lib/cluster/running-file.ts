/**
 * `running.json`: where the replicas of the cluster in a directory listen while it runs, for `status`. It is
 * written when they start and removed when they stop; after a kill -9 it is stale, and its pid says so.
 */
import fs from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { argumentError } from '../errors.js';
import { isNoRoom } from '../storage/file/medium.js';
import { formatAddress } from '../transport/address.js';
import { parseHostPort, parsePeerAddress, type ReplicaAddresses } from './addresses.js';
import { readFileIfThere, replaceFile } from './durable-file.js';

export interface Running {
  /** The supervisor's. */
  readonly pid: number;
  readonly replicas: readonly ReplicaAddresses[];
}

const runningSchema = v.object({
  pid: v.pipe(v.number(), v.integer()),
  replicas: v.array(
    v.object({ id: v.number(), redis: v.string(), peer: v.string(), http: v.optional(v.string()) }),
  ),
});

function runningPath(directory: string): string {
  return path.join(directory, 'running.json');
}

/**
 * A disk without room for it keeps no cluster from running: `status` then has to be told where the replicas
 * listen. @throws ERR_INDELIBLE_STORE_IO for any other reason
 */
export function writeRunning(directory: string, { pid, replicas }: Running): void {
  const rows = replicas.map(({ id, redis, peer, http }) => ({
    id,
    redis: formatAddress(redis),
    peer: formatAddress(peer),
    ...(http === undefined ? {} : { http: formatAddress(http) }),
  }));
  try {
    replaceFile(runningPath(directory), `${JSON.stringify({ pid, replicas: rows }, null, 2)}\n`);
  } catch (error) {
    if (!isNoRoom((error as Error).cause)) throw error;
    // What is there is of an earlier start, and may name other ports.
    removeRunning(directory);
  }
}

export function removeRunning(directory: string): void {
  fs.rmSync(runningPath(directory), { force: true });
}

/** A Unix socket on which a peer of the last run was to listen; undefined where there is none to be told. */
export function lastSocketIn(directory: string): string | undefined {
  try {
    const peers = readRunning(directory)?.replicas.map(({ peer }) => peer) ?? [];
    return peers.flatMap((peer) => ('path' in peer ? [peer.path] : []))[0];
  } catch {
    // What is there is no help, and is about to be written anew.
    return undefined;
  }
}

/** @throws RangeError when the file is not what `cluster` writes */
export function readRunning(directory: string): Running | undefined {
  const text = readFileIfThere(runningPath(directory));
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const result = v.safeParse(runningSchema, json);
  if (!result.success) throw argumentError(`${runningPath(directory)} is not what cluster writes; remove it`);
  const replicas = result.output.replicas.map(({ id, redis, peer, http }) => ({
    id,
    redis: parseHostPort(redis, 'redis'),
    peer: parsePeerAddress(peer, 'peer'),
    ...(http === undefined ? {} : { http: parseHostPort(http, 'http') }),
  }));
  return { pid: result.output.pid, replicas };
}
