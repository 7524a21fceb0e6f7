/** What a replica keeps for a back-up, and for how long. */
import { expect, it } from 'vitest';
import { type BackupParts, BackupSources, IDLE_MS_MAX } from '../../lib/replica/backup-source.js';
import { openCheckpoints, writeFirstCheckpoint } from '../../lib/storage/checkpoint.js';
import { RecordingMedium } from '../../lib/storage/file/recording-medium.js';
import { BackupWhat } from '../../lib/wire/client-messages.js';
import { BASE, CLUSTER, CONFIGURATION, timeOf, VOTES } from './sample.js';

/** A replica at slot 7 with a checkpoint at slot 3, and a clock that the test turns. */
async function replica() {
  const medium = new RecordingMedium();
  const place = { clusterId: CLUSTER, checkpointId: 1, throughSlot: BASE, configuration: CONFIGURATION };
  await writeFirstCheckpoint('/c', { ...place, chainDigest: 7, timeMs: 0 }, [Buffer.from('40')], medium);
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs, wallMs: () => timeOf(9) };
  const log = { trimThrough: BASE };
  const tell = (from: number, through: number) =>
    from <= log.trimThrough ? [] : VOTES.filter(({ slot }) => slot >= from && slot <= through).slice(0, 2);
  const sources = new BackupSources({
    store: await openCheckpoints('/c', CLUSTER, medium),
    replicaId: 2,
    clock,
    core: () => ({ learner: { learnedThrough: 7, chain: 99, tell } }),
  } as unknown as BackupParts);
  return { sources, clock, log };
}

const text = (body: Uint8Array): string => Buffer.from(body).toString();

it('the log is kept above what has been told, until all of it has', async () => {
  const { sources } = await replica();
  const source = sources.source();
  expect(sources.keepsAbove).toBe(Number.POSITIVE_INFINITY);
  const offer = source.answer({ type: 'backupRequest', what: BackupWhat.offer, at: 0 });
  expect(JSON.parse(text(offer.body))).toMatchObject({ checkpointThrough: 3, throughSlot: 7, chain: 99 });
  expect(sources.keepsAbove).toBe(3);
  expect(source.answer({ type: 'backupRequest', what: BackupWhat.log, at: 4 }).isGiven).toBe(true);
  expect(sources.keepsAbove).toBe(5);
  expect(source.answer({ type: 'backupRequest', what: BackupWhat.log, at: 6 }).isGiven).toBe(true);
  expect(sources.keepsAbove).toBe(Number.POSITIVE_INFINITY);
});

it('what stands still is given up, and says so when it goes on', async () => {
  const { sources, clock } = await replica();
  const source = sources.source();
  source.answer({ type: 'backupRequest', what: BackupWhat.offer, at: 0 });
  clock.nowMs = IDLE_MS_MAX;
  sources.tick(clock.nowMs);
  expect(sources.keepsAbove).toBe(3);
  clock.nowMs++;
  sources.tick(clock.nowMs);
  expect(sources.keepsAbove).toBe(Number.POSITIVE_INFINITY);
  const late = source.answer({ type: 'backupRequest', what: BackupWhat.log, at: 4 });
  expect([late.isGiven, text(late.body)]).toEqual([false, expect.stringMatching(/stood still for too long/)]);
});

it('a log that had to be trimmed meanwhile ends it', async () => {
  const { sources, log } = await replica();
  const source = sources.source();
  source.answer({ type: 'backupRequest', what: BackupWhat.offer, at: 0 });
  log.trimThrough = 7;
  const gone = source.answer({ type: 'backupRequest', what: BackupWhat.log, at: 4 });
  expect([gone.isGiven, text(gone.body)]).toEqual([false, expect.stringMatching(/has forgotten slot 4/)]);
  expect(sources.keepsAbove).toBe(Number.POSITIVE_INFINITY);
});

it('nobody has anything told twice, nor what was not offered', async () => {
  const { sources } = await replica();
  for (const at of [3, 8, 2 ** 53 - 1]) {
    const source = sources.source();
    source.answer({ type: 'backupRequest', what: BackupWhat.offer, at: 0 });
    expect(source.answer({ type: 'backupRequest', what: BackupWhat.log, at }).isGiven).toBe(false);
  }
  const source = sources.source();
  expect(source.answer({ type: 'backupRequest', what: BackupWhat.checkpoint, at: 0 }).isGiven).toBe(false);
});
