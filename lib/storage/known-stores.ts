/**
 * What a replica remembers of its peers' stores: which opening of each it met last (contract 7).
 *
 * Every opening of a store has a higher generation than all before, and `format` draws another incarnation.
 * So an older copy of a store, put back in its place, and one that was formatted again are told from the one
 * that voted, whatever their identity says.
 *
 * 1. It is remembered durably before the first message of that opening is taken: written to a file beside it,
 *    synced, renamed, the directory synced.
 * 2. A file that holds something else is set aside, and nothing is remembered: that refuses nobody.
 * 3. A disk that takes no more does not part replicas from each other: what could not be written is kept in
 *    memory, and written with what comes next.
 */
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Opening, ReplicaId } from '../types.js';
import { replaceSynced } from './synced-file.js';

const NAME = 'known-stores';

export class KnownStoresFile {
  readonly #directory: string;
  readonly #openings: Map<ReplicaId, Opening>;

  /** Reads what is remembered in `directory`. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#openings = load(directory);
  }

  /** The opening met last; undefined if none was. */
  of(peer: ReplicaId): Opening | undefined {
    return this.#openings.get(peer);
  }

  remember(peer: ReplicaId, opening: Opening): void {
    const before = this.#openings.get(peer);
    if (before?.generation === opening.generation && before.incarnation === opening.incarnation) return;
    this.#openings.set(peer, opening);
    try {
      this.#write();
    } catch {
      // Rule 3: it is written with the next one.
    }
  }

  #write(): void {
    const text = JSON.stringify(Object.fromEntries(this.#openings));
    replaceSynced(join(this.#directory, NAME), `${text}\n`);
  }
}

function load(directory: string): Map<ReplicaId, Opening> {
  const path = join(directory, NAME);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return new Map();
  }
  const openings = parse(text);
  if (openings !== undefined) return openings;
  renameSync(path, `${path}.damaged`);
  return new Map();
}

function parse(text: string): Map<ReplicaId, Opening> | undefined {
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, Opening>);
    const isWhole = entries.every(
      ([peer, { incarnation, generation, nonce }]) =>
        Number.isSafeInteger(Number(peer)) && [incarnation, generation, nonce].every(Number.isSafeInteger),
    );
    return isWhole ? new Map(entries.map(([peer, opening]) => [Number(peer), opening])) : undefined;
  } catch {
    return undefined;
  }
}
