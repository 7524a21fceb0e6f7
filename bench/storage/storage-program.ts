/**
 * The process that measures one store through the storage contract, as a replica uses it: `stageVote` for
 * each vote, `commit` for each group. A replica has one store, too. It takes orders over IPC, one at a time.
 *
 * 1. Loops are timed, never single appends: sfence does not hold back a later reading of the clock.
 * 2. Half a log of votes is forgotten at a time (`trim`), within the measured time: that is part of
 *    appending.
 *
 *   storage-program.ts '<a StorageArgument as JSON>'
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Storage } from '../../lib/storage/storage.js';
import { built } from '../built.js';
import type { StorageArgument, StorageMeasurement, StorageOrder } from './cases.js';
import { Votes } from './votes.js';

const pmem = (await built('storage/pmem.js')) as typeof import('../../lib/storage/pmem.js');
const file = (await built('storage/file.js')) as typeof import('../../lib/storage/file.js');
const { digestOf } = (await built('storage/crc64.js')) as typeof import('../../lib/storage/crc64.js');

const LOG_BYTES = 64 << 20;
const RECORD_BYTES_MAX = 1 << 20;
/** Groups between two looks at the clock and at the room, and before the clock starts. */
const STRIDE = 64;
const WARM_UP_SHARE = 0.2;

/** An open store and the slots it has seen. */
class Subject {
  readonly storage: Storage;
  nextSlot = 1;
  #checkpointId = 0;
  #durable: () => void = () => {};

  constructor(storage: Storage) {
    this.storage = storage;
    storage.onDurable = () => this.#durable();
    storage.onFailure = (error) => {
      throw error;
    };
  }

  trimWhenHalfFull(): void {
    const { storage } = this;
    if (storage.usedBytes > storage.capacityBytes / 2) storage.trim(this.nextSlot - 1, ++this.#checkpointId);
  }

  /**
   * Appends groups, one after the other, for so long. For stores that answer inside `commit`. @returns
   * groups
   */
  appendNow(votes: Votes, count: number, milliseconds: number): number {
    const { storage } = this;
    const end = performance.now() + milliseconds;
    let groups = 0;
    do {
      for (let turn = 0; turn < STRIDE; turn++) {
        votes.stage(storage, this.nextSlot, count);
        storage.commit(this.nextSlot);
        this.nextSlot += count;
      }
      groups += STRIDE;
      this.trimWhenHalfFull();
    } while (performance.now() < end);
    storage.drain();
    return groups;
  }

  /** The same for a store that answers later, with up to `inFlight` groups under way. */
  appendLater(votes: Votes, count: number, milliseconds: number, inFlight: number): Promise<number> {
    const { storage } = this;
    const end = performance.now() + milliseconds;
    const first = storage.durableThrough;
    let handed = 0;
    return new Promise((resolve) => {
      const step = (): void => {
        const groups = Math.floor((storage.durableThrough - first) / count);
        if (performance.now() >= end) {
          if (groups === handed) resolve(groups);
          return;
        }
        for (; handed - groups < inFlight; handed++) {
          votes.stage(storage, this.nextSlot, count);
          storage.commit(this.nextSlot);
          this.nextSlot += count;
        }
        this.trimWhenHalfFull();
      };
      this.#durable = step;
      step();
    });
  }
}

async function open({ store, regionDirectory, diskDirectory }: StorageArgument): Promise<Subject> {
  const hex32 = (): string => randomBytes(16).toString('hex');
  const identity = { clusterId: hex32(), replicaId: 1, storeUuid: hex32() };
  const shape = { identity, logBytes: LOG_BYTES, recordBytesMax: RECORD_BYTES_MAX };
  if (store === 'file') {
    const directory = join(diskDirectory, 'log');
    await file.formatFile(directory, shape);
    return new Subject(await file.openFile(directory));
  }
  // What msync makes durable lies on the disk; the rest would only wait for it.
  const path = join(store === 'msync' ? diskDirectory : regionDirectory, `region-${store}`);
  pmem.formatPmem({ path, ...shape, alignment: store === 'msync' ? 4096 : 64 });
  const how = store === 'msync' ? ({ sync: 'msync' } as const) : { pipeline: store };
  return new Subject(pmem.openPmem({ path, mode: 'emulated', ...how }));
}

async function measure(order: StorageOrder): Promise<StorageMeasurement> {
  const { votes: count, bytes, inFlight, milliseconds } = order;
  const votes = new Votes(bytes, digestOf);
  const append = (ms: number): number | Promise<number> =>
    argument.store === 'file'
      ? subject.appendLater(votes, count, ms, inFlight)
      : subject.appendNow(votes, count, ms);
  await append(milliseconds * WARM_UP_SHARE);
  const before = subject.storage.counters;
  const began = performance.now();
  const groups = await append(milliseconds);
  const took = performance.now() - began;
  const after = subject.storage.counters;
  const barriers = after.barriers - before.barriers;
  return {
    nanoseconds: (took * 1e6) / groups,
    barriers: barriers / groups,
    bytesWritten: (after.bytesWritten - before.bytesWritten) / groups,
    barriersPerSecond: (barriers / took) * 1000,
  };
}

const argument = JSON.parse(process.argv[2]!) as StorageArgument;
const subject = await open(argument);
process.on('message', (order: StorageOrder) => {
  measure(order).then((measurement) => process.send!(measurement));
});
process.on('disconnect', () => process.exit());
process.send!('ready');
