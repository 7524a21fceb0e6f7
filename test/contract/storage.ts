/**
 * The storage contract as a suite: every implementation of lib/storage/storage.ts runs it from its own test
 * file, with a {@link StorageSubject} that says how to make, open and crash one of its stores.
 *
 * The parts: storage-votes.ts (items, votes, promises, reads), storage-space.ts (trim, a full log, laps),
 * storage-life.ts (open, close, lock, failure), storage-scrub.ts (reading back), storage-random.ts (random
 * histories against a model).
 */
import { describe } from 'vitest';
import { digestOf } from '../../lib/storage/crc64.js';
import type { StoreShape } from '../../lib/storage/shape.js';
import type { Storage } from '../../lib/storage/storage.js';
import type { Ballot, Identity, Slot } from '../../lib/types.js';
import { lifeContract } from './storage-life.js';
import { randomContract } from './storage-random.js';
import { scrubContract } from './storage-scrub.js';
import { spaceContract } from './storage-space.js';
import { votesContract } from './storage-votes.js';

/** How the suite reaches one implementation. `Place` is whatever names a store: a path, a disk object. */
export interface StorageSubject<Place> {
  /** A fresh place with a newly formatted store in it. */
  format(shape: StoreShape): Promise<Place>;
  /** Formats again where a store already is: must be refused. */
  formatAgain(place: Place, shape: StoreShape): Promise<unknown>;
  open(place: Place): Promise<Storage>;
  /** A place where no store is, for `open` to refuse. */
  nowhere(): Promise<Place>;
  /**
   * Ends `storage` as the worst event its durability class survives would, and returns where the survivors
   * are. Absent for the memory mode's class 'none' if nothing can survive.
   */
  crash?(storage: Storage, place: Place): Promise<Place>;
  /**
   * Makes the next write, flush or sync of `storage` fail as a device would. Absent where it cannot be done.
   */
  failNext?(storage: Storage, place: Place): void;
  /**
   * Turns a bit over, on the medium of an open store, of a durable vote's bytes, or of the header of the
   * record that holds it alone. `bytes` are the vote's, and nowhere else. Absent where bytes do not rot.
   */
  rot?(place: Place, bytes: Uint8Array, where: 'bytes' | 'header'): Promise<void>;
  /** Random histories to run; a slow medium asks for fewer. */
  readonly randomRuns?: number;
  /** Removes what `format` made. */
  dispose?(place: Place): Promise<void>;
}

export const IDENTITY: Identity = {
  clusterId: '00112233445566778899aabbccddeeff',
  replicaId: 2,
  storeUuid: 'ffeeddccbbaa99887766554433221100',
};

/** Small enough to lap in a moment, large enough for groups of many votes. */
export const SHAPE: StoreShape = { identity: IDENTITY, logBytes: 256 << 10, recordBytesMax: 16 << 10 };

export function ballotOf(round: number, replica = 1): Ballot {
  return (round * 2 ** 16 + replica) as Ballot;
}

/** `lengthBytes` bytes that differ from slot to slot and from ballot to ballot. */
export function batchOf(slot: Slot, ballot: Ballot, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  for (let at = 0; at < lengthBytes; at++) bytes[at] = (slot * 31 + ballot * 7 + at * 13) & 255;
  return bytes;
}

/** Stages a vote for `batchOf(slot, ballot, lengthBytes)`. */
export function stage(storage: Storage, slot: Slot, ballot: Ballot, lengthBytes: number): boolean {
  const bytes = batchOf(slot, ballot, lengthBytes);
  const kind = lengthBytes === 0 ? 0 : 1;
  return storage.stageVote(slot, ballot, kind, digestOf(bytes, 0, lengthBytes), bytes, 0, lengthBytes);
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets the event loop turn until `condition` holds; the test's own timeout ends it otherwise. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** Commits what is staged and waits until item `item` is durable. */
export async function settle(storage: Storage, item: number, learnedThrough: Slot = 0): Promise<void> {
  storage.commit(learnedThrough);
  storage.drain();
  await until(() => storage.durableThrough >= item);
}

/** Everything `open` and `crash` need to clean up after themselves, per test. */
export class Bench<Place> {
  readonly subject: StorageSubject<Place>;
  readonly #stores: Storage[] = [];
  readonly #places: Place[] = [];

  constructor(subject: StorageSubject<Place>) {
    this.subject = subject;
  }

  async format(shape: StoreShape = SHAPE): Promise<Place> {
    const place = await this.subject.format(shape);
    this.#places.push(place);
    return place;
  }

  async open(place: Place): Promise<Storage> {
    const storage = await this.subject.open(place);
    storage.onDurable = () => {};
    this.#stores.push(storage);
    return storage;
  }

  /** A new store, opened. */
  async fresh(shape: StoreShape = SHAPE): Promise<{ place: Place; storage: Storage }> {
    const place = await this.format(shape);
    return { place, storage: await this.open(place) };
  }

  /** Closes in order and opens again. */
  async reopen(storage: Storage, place: Place): Promise<Storage> {
    await storage.close();
    return this.open(place);
  }

  /** Crashes and opens what survived. Only where the subject has `crash`. */
  async crash(storage: Storage, place: Place): Promise<{ place: Place; storage: Storage }> {
    const survivors = await this.subject.crash!(storage, place);
    this.#stores.splice(this.#stores.indexOf(storage), 1);
    if (survivors !== place) this.#places.push(survivors);
    return { place: survivors, storage: await this.open(survivors) };
  }

  async tidy(): Promise<void> {
    for (const storage of this.#stores.splice(0)) await storage.close().catch(() => {});
    for (const place of this.#places.splice(0)) await this.subject.dispose?.(place);
  }
}

export function storageContract<Place>(name: string, subject: StorageSubject<Place>): void {
  describe(`storage contract: ${name}`, () => {
    votesContract(subject);
    spaceContract(subject);
    lifeContract(subject);
    scrubContract(subject);
    randomContract(subject);
  });
}
