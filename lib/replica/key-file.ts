/**
 * Files that hold a key, as text in one line: what it is, and 64 hex digits.
 *
 *   indelible-cluster-key:…    in the directory of a store, or of a cluster; from it the clients' key follows
 *   indelible-client-key:…     for programs that are clients
 *
 * 1. They are written once, readable by their owner alone, and durable on return.
 * 2. One that anybody but its owner may read or write, or that is another user's, is not taken.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import { createSynced } from '../storage/synced-file.js';
import { clientKeyOf } from '../transport/proof.js';

type KeyKind = 'cluster' | 'client';

const FORM = /^indelible-(cluster|client)-key:([0-9a-f]{64})\r?\n?$/;

/** What others than the owner may do. */
const OTHERS = 0o077;

/** Where the key of the cluster lies in the directory of a store, or of a cluster. */
export function clusterKeyPath(directory: string): string {
  return join(directory, 'cluster-key');
}

/** @throws ERR_INDELIBLE_STORE_EXISTS where a file is; ERR_INDELIBLE_STORE_IO */
export function writeKeyFile(path: string, kind: KeyKind, key: Uint8Array): void {
  try {
    createSynced(path, `indelible-${kind}-key:${Buffer.from(key).toString('hex')}\n`);
  } catch (cause) {
    const isThere = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    const code = isThere ? ErrorCode.storeExists : ErrorCode.storeIo;
    const why = isThere ? 'it is there already' : (cause as Error).message;
    throw new IndelibleError(code, `cannot write ${path}: ${why}`, { cause, path });
  }
}

/**
 * The cluster's key in a file; undefined where there is no file.
 * @throws RangeError for a file that holds none, or that others may read
 */
export function readClusterKey(path: string): Uint8Array | undefined {
  const found = read(path);
  if (found === undefined) return undefined;
  if (found.kind === 'cluster') return found.key;
  throw argumentError(`${path} holds a key for clients; a replica needs the cluster's`);
}

/** The clients' key in a file that holds it or the cluster's; otherwise as {@link readClusterKey}. */
export function readClientKey(path: string): Uint8Array | undefined {
  const found = read(path);
  if (found === undefined) return undefined;
  return found.kind === 'cluster' ? clientKeyOf(found.key) : found.key;
}

function read(path: string): { kind: KeyKind; key: Uint8Array } | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new IndelibleError(ErrorCode.storeIo, `cannot read ${path}: ${(cause as Error).message}`, {
      cause,
      path,
    });
  }
  try {
    checkAlone(path, fstatSync(file), process.geteuid?.());
    return parse(readFileSync(file, 'utf8'), path);
  } finally {
    closeSync(file);
  }
}

/** @throws RangeError for a file that anybody but this `user` may read, write, or give to others */
export function checkAlone(
  path: string,
  { mode, uid }: { mode: number; uid: number },
  user: number = uid,
): void {
  if ((mode & OTHERS) !== 0) throw argumentError(`other users may read or write ${path}: chmod 600 it`);
  if (uid !== user) throw argumentError(`${path} is another user’s: chown it to user ${user}`);
}

function parse(text: string, what: string): { kind: KeyKind; key: Uint8Array } {
  const [, kind, hex] = FORM.exec(text) ?? [];
  if (kind === undefined || hex === undefined) throw argumentError(`${what} holds no key of a cluster`);
  return { kind: kind as KeyKind, key: Buffer.from(hex, 'hex') };
}
