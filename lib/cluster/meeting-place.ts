/**
 * Where the peers of a cluster on one machine meet unless told otherwise: Unix sockets in a directory that
 * only its owner can enter.
 *
 * 1. The directory is this user's, has mode 0700 and is no link: nobody else puts a socket into it, or
 *    connects to one that is there.
 * 2. Only sockets are removed from it, and the directory itself when it is empty.
 * 3. It is `peers` in the cluster's directory. Where sockets cannot be there (the path is too long for them
 *    or has a comma, the file system takes none, somebody else owns it), it is a temporary directory whose
 *    name nobody can guess. What a killed cluster leaves of those is removed by its next start.
 */
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { ErrorCode, IndelibleError } from '../errors.js';
import type { ReplicaId } from '../types.js';
import { parsePeers, socketIn } from './addresses.js';

const NAME = 'peers';
const TEMPORARY_PREFIX = 'indelible-peers-';
const PROBE = 'probe';
const OTHERS = 0o077;

/**
 * Makes the place ready in which the replicas `ids` of the cluster in `directory` meet.
 * @param last a socket of the cluster's last run, where there was one
 * @returns the directory that they meet in
 * @throws ERR_INDELIBLE_NETWORK where there is none
 */
export async function openMeetingPlace(
  directory: string,
  ids: readonly ReplicaId[],
  last?: string,
): Promise<string> {
  if (last !== undefined && isTemporary(path.dirname(last))) closeMeetingPlace(path.dirname(last));
  const usual = path.join(path.resolve(directory), NAME);
  try {
    claim(usual);
    await tryOut(usual, ids);
    return usual;
  } catch (cause) {
    return openTemporary(ids, `not in ${usual} (${(cause as Error).message})`);
  }
}

async function openTemporary(ids: readonly ReplicaId[], whyThere: string): Promise<string> {
  let place: string | undefined;
  try {
    place = fs.mkdtempSync(path.join(os.tmpdir(), TEMPORARY_PREFIX));
    await tryOut(place, ids);
    return place;
  } catch (cause) {
    if (place !== undefined) leaveMeetingPlace(place);
    const sentence =
      `there is no place for the peers' Unix sockets: ${whyThere}, nor in ${os.tmpdir()} ` +
      `(${(cause as Error).message}); --peer-port has them meet on loopback`;
    throw new IndelibleError(ErrorCode.network, sentence, { cause, path: os.tmpdir() });
  }
}

/** For when its replicas have ended: what killed ones have left there is removed, and then the place. */
export function closeMeetingPlace(place: string): void {
  try {
    if (!isOwn(fs.lstatSync(place))) return;
    for (const name of fs.readdirSync(place)) {
      const file = path.join(place, name);
      if (fs.lstatSync(file).isSocket()) fs.rmSync(file, { force: true });
    }
  } catch {
    // It is gone already, or stays as it is.
  }
  leaveMeetingPlace(place);
}

/** For a start that was refused: somebody may listen there, and is left alone. */
export function leaveMeetingPlace(place: string): void {
  try {
    fs.rmdirSync(place);
  } catch {
    // Not empty.
  }
}

/** @throws where it is not this user's alone, and cannot be made so */
function claim(place: string): void {
  try {
    fs.mkdirSync(place, 0o700);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const found = fs.lstatSync(place);
  if (!isOwn(found)) throw new Error('it is not a directory of this user');
  if ((found.mode & OTHERS) !== 0) fs.chmodSync(place, 0o700);
}

/** A directory of this user, and no link to one. */
function isOwn(found: fs.Stats): boolean {
  return found.isDirectory() && found.uid === process.getuid?.();
}

function isTemporary(place: string): boolean {
  return path.dirname(place) === os.tmpdir() && path.basename(place).startsWith(TEMPORARY_PREFIX);
}

/** @throws where sockets cannot be: their paths do not fit, or the file system takes none */
async function tryOut(place: string, ids: readonly ReplicaId[]): Promise<void> {
  const addresses = new Map(ids.map((id) => [id, `unix:${socketIn(place, id)}`]));
  const list = [...addresses].map(([id, address]) => `${id}=${address}`).join(',');
  for (const [id, address] of parsePeers(list, 'its path')) {
    if (addresses.get(id) !== address) throw new Error('its path cannot be part of a list');
  }
  const probe = path.join(place, PROBE);
  fs.rmSync(probe, { force: true });
  const server = net.createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path: probe }, resolve);
  });
  // Closing removes the socket.
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
