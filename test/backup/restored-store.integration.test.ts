/** Stores of a new cluster that begin with a state: they serve, however far that state had come. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import type { Replay } from '../../lib/backup/replay.js';
import { writeRestoredStore } from '../../lib/backup/restored-store.js';
import { fillDirectory } from '../../lib/backup/staging.js';
import { newClusterKey, Replica } from '../../lib/index.js';
import { VOTE_SLOTS_MAX } from '../../lib/limits.js';
import { SessionTable } from '../../lib/replica/sessions/session-table.js';
import { CLUSTER, CONFIGURATION, STORE, timeOf } from './sample.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'indelible-restored-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('a restored store', () => {
  it('serves from its slot on, also where that is further than any log reaches', async () => {
    const machine = new Counter();
    machine.restore([Buffer.from('40')]);
    const slot = 2 * VOTE_SLOTS_MAX;
    const sessions = new SessionTable();
    const replay = { slot, chain: 5, timeMs: timeOf(1), machine, sessions } as unknown as Replay;
    const shape = {
      identity: { clusterId: CLUSTER, replicaId: 1, storeUuid: STORE },
      logBytes: 1 << 20,
      recordBytesMax: 64 << 10,
    };
    const storage = { mode: 'emulated' } as const;
    await writeRestoredStore(directory, storage, shape, CONFIGURATION, replay, newClusterKey());
    const replica = await Replica.open({
      directory,
      storage,
      listen: `unix:${join(directory, 'sock')}`,
      peers: new Map(),
      stateMachine: new Counter(),
      tuning: { tickMs: 2, electionTicks: 30, heartbeatTicks: 5 },
    });
    try {
      const result = await replica.propose(Buffer.from('add 2'));
      expect(Buffer.from(result).toString()).toBe('42');
      expect(replica.status().appliedThrough).toBeGreaterThan(slot);
    } finally {
      await replica.close();
    }
  });
});

describe('a directory that is filled as a whole', () => {
  const target = (): string => join(directory, 'target');
  const two = async (aside: string): Promise<readonly string[]> => {
    writeFileSync(join(aside, 'first'), '1');
    writeFileSync(join(aside, 'last'), '2');
    return ['first', 'last'];
  };

  it('has all of it, and nothing besides', async () => {
    await fillDirectory(target(), two);
    expect(readdirSync(target())).toEqual(['first', 'last']);
  });

  it('has nothing, and is not there if it was not, when that fails', async () => {
    const failing = async (aside: string): Promise<readonly string[]> => {
      await two(aside);
      throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
    };
    await expect(fillDirectory(target(), failing)).rejects.toMatchObject({ code: 'ERR_INDELIBLE_STORE_IO' });
    expect(readdirSync(directory)).toEqual([]);
    mkdirSync(target());
    await expect(fillDirectory(target(), failing)).rejects.toMatchObject({ code: 'ERR_INDELIBLE_STORE_IO' });
    expect(readdirSync(target())).toEqual([]);
  });

  it('is begun anew after what was killed, and is refused where it holds anything else', async () => {
    mkdirSync(join(target(), 'restoring', 'replica-1'), { recursive: true });
    await fillDirectory(target(), two);
    expect(readdirSync(target())).toEqual(['first', 'last']);
    await expect(fillDirectory(target(), two)).rejects.toMatchObject({ code: 'ERR_INDELIBLE_STORE_EXISTS' });
    expect(readdirSync(target())).toEqual(['first', 'last']);
  });

  it('needs the directory above it', async () => {
    const lost = fillDirectory(join(directory, 'no', 'such'), two);
    await expect(lost).rejects.toMatchObject({ code: 'ERR_INDELIBLE_STORE_IO' });
  });
});
