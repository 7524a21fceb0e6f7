import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type Events, subscribe } from '../../lib/observe/channels.js';
import { announce } from '../../lib/replica/announcements.js';
import type { ReplicaEvents } from '../../lib/replica/replica-events.js';
import { formatMemory, MemoryDisk, openMemory } from '../../lib/storage/memory.js';
import type { Ballot } from '../../lib/types.js';

const NAMES: readonly (keyof Events)[] = [
  'indelible:recovery',
  'indelible:role',
  'indelible:peer',
  'indelible:checkpoint',
  'indelible:failure',
];

describe('what a replica announces', () => {
  it('is each of its events, with its number', () => {
    const identity = { clusterId: 'c'.repeat(32), replicaId: 3, storeUuid: '5'.repeat(32) };
    const disk = new MemoryDisk();
    formatMemory(disk, { identity, logBytes: 1 << 20, recordBytesMax: 1 << 16 });
    const seen: [string, unknown][] = [];
    const ends = NAMES.map((name) => subscribe(name, (event) => seen.push([name, event])));
    const replica = new EventEmitter<ReplicaEvents>();
    announce(replica, openMemory(disk));
    const error = new Error('the disk is gone');
    replica.emit('role', 'leader', 65_539 as Ballot, 3);
    replica.emit('peer', 2, true);
    replica.emit('failure', error);
    for (const end of ends) end();
    expect(seen).toEqual([
      [
        'indelible:recovery',
        { replica: 3, outcome: 'intact', reason: '', durability: 'none', trimThrough: 0, votes: 0 },
      ],
      ['indelible:role', { replica: 3, role: 'leader', ballot: 65_539, leader: 3 }],
      ['indelible:peer', { replica: 3, peer: 2, up: true }],
      ['indelible:failure', { replica: 3, error }],
    ]);
  });
});
