/**
 * How the descriptors that a replica's process may have (`ulimit -n`) are shared out: its store, its
 * checkpoints and its peers come first, clients get what is left. So idle clients never keep a store from
 * opening a file, and a replica does not end for want of a descriptor.
 */
import fs from 'node:fs';
import path from 'node:path';
import { argumentError } from '../errors.js';

/** Two each: a checkpoint being written, one being received, those that are kept or held; directories. */
const CHECKPOINT_DESCRIPTORS = 16;
/**
 * One dialled and one accepted, each twice while an old one is not given up yet, and one to the leader for
 * what is passed on to it.
 */
const DESCRIPTORS_PER_PEER = 5;
/** Listening, refusing, looking at the kernel. */
const OTHER_DESCRIPTORS = 8;
/** A file of the log is open twice: through the page cache and past it. */
const DESCRIPTORS_PER_FILE = 2;
/** Of what is left, for programs that speak to the peer port; the others come over Redis. */
const PROGRAMS_SHARE = 0.25;
const PROGRAMS_MAX = 1000;
/** Beside the peers, each of which is also a program that forwards what its clients ask for. */
const PROGRAMS_MIN = 2;
const CLIENTS_MIN = 2;
/** A scraper, a probe, and who looks after them; and its share of what is left. */
const HTTP_MIN = 4;
const HTTP_SHARE = 0.1;

export interface DescriptorNeeds {
  /** What this process may have open. */
  readonly limit: number;
  /** What it has open, before its store. */
  readonly inUse: number;
  readonly logFiles: number;
  readonly peers: number;
  /** What the HTTP port may have at most; 0 where there is none. */
  readonly httpWanted?: number;
  /** What was asked for, of the Redis port. */
  readonly clientsWanted: number;
}

export interface ClientShares {
  /** Connections of the Redis port. */
  readonly clientsMax: number;
  /** Connections of programs on the peer port. */
  readonly programsMax: number;
  /** Connections of the HTTP port. */
  readonly httpMax: number;
}

/** @throws RangeError ERR_INDELIBLE_ARGUMENT where nothing is left for clients */
export function sharesOf(needs: DescriptorNeeds): ClientShares {
  const { limit, inUse, logFiles, peers, httpWanted = 0, clientsWanted } = needs;
  const own =
    inUse +
    logFiles * DESCRIPTORS_PER_FILE +
    CHECKPOINT_DESCRIPTORS +
    peers * DESCRIPTORS_PER_PEER +
    Math.min(HTTP_MIN, httpWanted) +
    OTHER_DESCRIPTORS;
  const left = limit - own;
  const programsMin = peers + PROGRAMS_MIN;
  const leftMin = programsMin + CLIENTS_MIN;
  if (left < leftMin) {
    throw argumentError(
      `ulimit -n is ${limit}, and this replica itself may need ${own} descriptors: ` +
        `allow ${own + leftMin} or more`,
    );
  }
  const httpMore = Math.floor((left - leftMin) * HTTP_SHARE);
  const httpMax = Math.min(httpWanted, HTTP_MIN + httpMore);
  const clientsLeft = left - (httpMax - Math.min(HTTP_MIN, httpWanted));
  const programsMax = Math.min(PROGRAMS_MAX, Math.max(programsMin, Math.floor(clientsLeft * PROGRAMS_SHARE)));
  return { programsMax, httpMax, clientsMax: Math.min(clientsWanted, clientsLeft - programsMax) };
}

/** What this process may have open, and has. Undefined where the kernel does not say. */
export function descriptorsOfProcess(): { readonly limit: number; readonly inUse: number } | undefined {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'utf8'))?.[1];
    if (soft === undefined) return undefined;
    return { limit: Number(soft), inUse: fs.readdirSync('/proc/self/fd').length };
  } catch {
    return undefined;
  }
}

/** Files of the log in a replica's directory; 1 where it is a region. */
export function logFilesIn(directory: string): number {
  try {
    return fs.readdirSync(path.join(directory, 'log')).length;
  } catch {
    return 1;
  }
}
