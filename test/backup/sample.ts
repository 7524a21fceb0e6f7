/** A small back-up, made by hand: a counter at slot 3, and the commands of the slots behind it. */
import { BackupFile } from '../../lib/backup/backup-file.js';
import { type BackupDescription, PartKind } from '../../lib/backup/backup-format.js';
import { writeBackup } from '../../lib/backup/backup-writer.js';
import { ballotOf } from '../../lib/paxos/ballot.js';
import { extendChain } from '../../lib/paxos/chain.js';
import { BATCH_HEADER_BYTES, writeBatchHeader } from '../../lib/replica/batch.js';
import { writeSkipRecord } from '../../lib/replica/skip-record.js';
import { openCheckpoints, writeFirstCheckpoint } from '../../lib/storage/checkpoint.js';
import { digestOf } from '../../lib/storage/crc64.js';
import type { FileMedium } from '../../lib/storage/file/medium.js';
import { RecordingMedium } from '../../lib/storage/file/recording-medium.js';
import { BatchKind, type Digest, type Vote } from '../../lib/types.js';
import { writeVotes } from '../../lib/wire/votes-codec.js';
import { Writer } from '../../lib/wire/writer.js';

export const CLUSTER = 'c'.repeat(32);
export const STORE = 'd'.repeat(32);
export const CONFIGURATION = { number: 1, members: [{ id: 1, storeUuid: STORE }] };
export const BALLOT = ballotOf(2, 1);
/** When the commands of a slot were proposed. */
export const timeOf = (slot: number): number => 1_700_000_000_000 + slot * 1000;
export const BASE = 3;

/** What a leader proposed in `slot`. */
export function commandsVote(slot: number, ...commands: readonly string[]): Vote & { bytes: Uint8Array } {
  const bodies = commands.map((command) => Buffer.from(command));
  const bytes = Buffer.alloc(bodies.reduce((sum, body) => sum + 4 + body.length, BATCH_HEADER_BYTES));
  writeBatchHeader(bytes, { count: bodies.length, timeMs: timeOf(slot), ballot: BALLOT, sequence: slot });
  let at = BATCH_HEADER_BYTES;
  for (const body of bodies) {
    at = bytes.writeUInt32LE(body.length, at);
    at += body.copy(bytes, at);
  }
  return voteOf(slot, bytes);
}

export function skipVote(slot: number, about: number): Vote & { bytes: Uint8Array } {
  const stamp = { timeMs: timeOf(slot), ballot: BALLOT, sequence: slot };
  return voteOf(slot, writeSkipRecord({ slot: about, ordinal: 0, reason: 'test', ...stamp }));
}

function voteOf(slot: number, bytes: Uint8Array): Vote & { bytes: Uint8Array } {
  const digest = digestOf(bytes, 0, bytes.length);
  return { slot, ballot: BALLOT, kind: BatchKind.commands, digest, bytes };
}

/** The bytes of a checkpoint file with the counter's value at slot 3. */
export async function checkpointBytes(value: string, clusterId: string = CLUSTER): Promise<Uint8Array> {
  const medium = new RecordingMedium();
  const place = { clusterId, checkpointId: 4, throughSlot: BASE, configuration: CONFIGURATION };
  const meta = { ...place, chainDigest: 7, timeMs: timeOf(BASE), ballot: BALLOT, stateDigest: value };
  await writeFirstCheckpoint('/c', meta, [Buffer.from(value)], medium);
  const { newest } = await openCheckpoints('/c', clusterId, medium);
  return newest.read(0, newest.lengthBytes)!;
}

export const SAMPLE = '/d/sample.backup';

/** A medium with a directory for back-ups. */
export async function mediumFor(): Promise<RecordingMedium> {
  const medium = new RecordingMedium();
  await medium.makeDirectory('/d');
  await medium.syncDirectory('/', 'directory');
  return medium;
}

export interface Sample {
  readonly description: BackupDescription;
  readonly parts: readonly (readonly [PartKind, Uint8Array])[];
}

export const VOTES: readonly (Vote & { bytes: Uint8Array })[] = [
  commandsVote(4, 'add 1', 'add 2'),
  commandsVote(5, 'add 10'),
  commandsVote(6, 'add 100'),
  commandsVote(7, 'add 1000'),
];

export async function sample(votes: readonly Vote[] = VOTES, value = '40'): Promise<Sample> {
  const checkpoint = await checkpointBytes(value);
  const chain = votes.reduce((before, { slot, digest }) => extendChain(before, slot, digest), 7 as Digest);
  const description = {
    clusterId: CLUSTER,
    replicaId: 2,
    checkpointThrough: BASE,
    checkpointChain: 7,
    checkpointBytes: checkpoint.length,
    throughSlot: BASE + votes.length,
    chain,
    takenMs: timeOf(9),
  };
  const half = Math.floor(checkpoint.length / 2);
  const logs = [votes.slice(0, 3), votes.slice(3)].filter((part) => part.length > 0);
  const parts = [
    ...logs.map((part) => [PartKind.log, encoded(part)] as const),
    [PartKind.checkpoint, checkpoint.subarray(0, half)] as const,
    [PartKind.checkpoint, checkpoint.subarray(half)] as const,
  ];
  return { description, parts };
}

export function encoded(votes: readonly Vote[]): Uint8Array {
  const writer = new Writer();
  writeVotes(writer, votes);
  return writer.bytes.subarray(0, writer.length);
}

/** Written and opened again. */
export async function sampleFile(
  votes?: readonly Vote[],
  value?: string,
  medium?: FileMedium,
): Promise<BackupFile> {
  const disk = medium ?? (await mediumFor());
  const { description, parts } = await sample(votes, value);
  await writeBackup(SAMPLE, description, parts, disk);
  return BackupFile.open(SAMPLE, disk);
}
