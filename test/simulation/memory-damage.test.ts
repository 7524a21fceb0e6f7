import { beforeEach, expect, test } from 'vitest';
import { InstantMemoryDisk } from '../../lib/simulation/memory-disk.js';
import { Random } from '../../lib/simulation/random.js';
import type { FoundDamage, Storage } from '../../lib/storage/storage.js';
import type { Ballot } from '../../lib/types.js';
import { batchOf } from '../paxos/cluster.js';

const IDENTITY = { clusterId: 'c'.repeat(32), replicaId: 1, storeUuid: '1'.repeat(32) };
const always = () => true;

let disk: InstantMemoryDisk;
let store: Storage;

beforeEach(() => {
  disk = new InstantMemoryDisk({ identity: IDENTITY, logBytes: 64 << 10, recordBytesMax: 8 << 10 });
  store = disk.open();
});

function vote(slot: number, ballot: number, text: string): void {
  const { kind, digest, bytes } = batchOf(text);
  store.stageVote(slot, ballot as Ballot, kind, digest, bytes, 0, bytes.length);
  store.commit(0);
}

function reopen(): Storage {
  disk.crash(new Random(1));
  store = disk.open();
  return store;
}

function scrubbed(): FoundDamage | undefined {
  let found: FoundDamage | undefined;
  store.scrub(1, ({ damage }) => {
    found = damage;
  });
  return found;
}

test('bytes that rot are gone at once, a scrub tells of them once, and writing the vote again heals it', () => {
  vote(1, 10, 'v');
  expect(disk.rot('bytes', new Random(1), always)).toEqual([1]);
  expect(store.readVote(1)).toBeUndefined();
  expect(scrubbed()).toMatchObject({ votes: [{ slot: 1, ballot: 10, available: false }], uncertain: [] });
  expect(scrubbed()).toBeUndefined();
  expect(reopen().recovered).toMatchObject({ outcome: 'damaged', votes: [{ slot: 1, available: false }] });
  vote(1, 10, 'v');
  expect(store.readVote(1)).toEqual(batchOf('v').bytes);
  expect(disk.damagedSlots).toEqual([]);
  expect(reopen().recovered.outcome).toBe('intact');
});

test('a record that rots is known until the store closes; then its slots are uncertain, and older votes show', () => {
  vote(1, 10, 'u');
  vote(2, 10, 'w');
  vote(1, 20, 'v');
  vote(3, 20, 'x');
  // The newest record is never hit: the vote of slot 3 stands behind the others.
  const random = new Random(2);
  let slots: readonly number[] | undefined;
  while (slots === undefined) slots = disk.rot('record', random, always);
  expect(slots).not.toContain(3);
  expect(store.readVote(1)).toEqual(batchOf('v').bytes);
  expect(scrubbed()?.votes).toEqual([]);
  const { recovered } = reopen();
  expect(recovered.outcome).toBe('damaged');
  const uncertain = recovered.uncertain.flatMap(({ from, through }) => [from, through]);
  expect(new Set(uncertain)).toEqual(new Set(slots));
  const older = recovered.votes.filter(({ slot }) => slots.includes(slot));
  for (const { ballot } of older) expect(ballot).toBeLessThan(20);
});

test('what is not admitted does not happen', () => {
  vote(1, 10, 'v');
  vote(2, 10, 'w');
  expect(disk.rot('bytes', new Random(1), () => false)).toBeUndefined();
  expect(disk.rot('record', new Random(1), () => false)).toBeUndefined();
  expect(disk.damagedSlots).toEqual([]);
});

test('a lost store is lost for good, and takes nothing', () => {
  vote(1, 10, 'v');
  expect(disk.rot('store', new Random(1), always)).toBeUndefined();
  disk.crash(new Random(1));
  expect(disk.rot('store', new Random(1), always)).toEqual([]);
  store = disk.open();
  expect(store.recovered).toMatchObject({ outcome: 'lost', promised: 0 });
  expect(() => store.stagePromise(30 as Ballot)).toThrow(/lost/);
  expect(reopen().recovered.outcome).toBe('lost');
});
