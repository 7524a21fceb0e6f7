/**
 * A file store as `inspect` shows it: identity, root, segments and groups, found by the code that recovers.
 */
import { formatBallot } from '../paxos/ballot.js';
import { geometryOf } from '../storage/file/geometry.js';
import type { ReadGroup } from '../storage/file/group-reader.js';
import { readIdentity } from '../storage/file/identity-file.js';
import { recoverLog } from '../storage/file/recovery.js';
import { type Root, RootFile } from '../storage/file/root-file.js';
import { scanLog } from '../storage/file/scan.js';
import type { StoreShape } from '../storage/shape.js';
import type { Recovered } from '../storage/storage.js';
import { type InspectedSkip, skipLines, skipOf } from './inspected-skips.js';
import { tableLines } from './output.js';
import { formatSize } from './size.js';
import { VIEWING_MEDIUM } from './viewing-medium.js';

export interface ViewedSegment {
  readonly sequence: number;
  readonly groups: readonly ReadGroup[];
  readonly behind: 'free' | 'foreign';
}

export interface FileStoreDescription {
  readonly directory: string;
  readonly shape: StoreShape;
  /** Undefined when both pages of the root are damaged. */
  readonly root: Root | undefined;
  readonly segments: readonly ViewedSegment[];
  /** Sequences of segments whose header is damaged or whose length is wrong. */
  readonly unreadable: readonly number[];
  readonly spares: number;
  /** Among the votes, those for passing over a command. */
  readonly skips: readonly InspectedSkip[];
  /** What a recovery would conclude. */
  readonly recovered: Recovered;
}

/**
 * Reads the store in `directory` without changing it.
 * @throws ERR_INDELIBLE_STORE_MISSING, _FOREIGN, _VERSION, _CORRUPT when it has lost its identity
 */
export async function describeFileStore(directory: string): Promise<FileStoreDescription> {
  const { shape, incarnation } = await readIdentity(VIEWING_MEDIUM, directory);
  const root = await readRoot(directory, incarnation);
  const geometry = geometryOf(shape);
  const { segmentBytes } = geometry;
  const scan = await scanLog(VIEWING_MEDIUM, directory, incarnation, segmentBytes, root?.headSegment ?? 0);
  const { recovered } = recoverLog(scan, root, geometry);
  const skips = scan.scanned.flatMap(({ segment: { file }, groups }) => {
    const read = (into: Uint8Array, at: number): boolean => file.readSync(into, at) === into.length;
    return groups.flatMap(({ votes }) => votes.flatMap((vote) => skipOf(vote, read) ?? []));
  });
  for (const { segment } of scan.scanned) await segment.file.close();
  for (const { file } of scan.spares) await file.close();
  return {
    directory,
    shape,
    root,
    segments: scan.scanned.map(({ segment, groups, behind }) => {
      return { sequence: segment.sequence, groups, behind };
    }),
    unreadable: scan.unreadable,
    spares: scan.spares.length,
    skips,
    recovered,
  };
}

async function readRoot(directory: string, incarnation: number): Promise<Root | undefined> {
  const file = await RootFile.open(VIEWING_MEDIUM, directory, incarnation);
  try {
    return await file?.read();
  } finally {
    await file?.close();
  }
}

function groupState({ old, bad, lostDescriptors }: ReadGroup): string {
  if (lostDescriptors > 0) return 'descriptors damaged';
  if (old > 0) return 'torn';
  return bad > 0 ? `${bad} sectors damaged` : 'good';
}

function votesText({ votes }: ReadGroup): string {
  const slots = votes.map(({ slot }) => slot);
  if (slots.length === 0) return 'promise';
  return slots.length === 1
    ? `slot ${slots[0]}`
    : `slots ${Math.min(...slots)}–${Math.max(...slots)} (${slots.length})`;
}

/** @param groupsMax how many of the newest groups to show */
export function fileStoreLines(store: FileStoreDescription, groupsMax: number): readonly string[] {
  const { shape, root, segments, unreadable, spares, skips, recovered } = store;
  const { clusterId, replicaId, storeUuid } = shape.identity;
  const lines = [
    `file store, log of ${formatSize(shape.logBytes)}`,
    `identity: replica ${replicaId}, cluster ${clusterId}, store ${storeUuid}`,
    root === undefined
      ? 'root: missing, or damaged in both pages'
      : `root: generation ${root.generation}, head group ${root.headGroup} in segment ${root.headSegment}, ` +
        `trimmed through ${root.trimThrough} by checkpoint ${root.checkpointId}, ` +
        `promised ${formatBallot(root.promised)}, ${root.clean ? 'clean' : 'in use'}`,
    `recovery would find it ${recovered.outcome}${recovered.reason === '' ? '' : `: ${recovered.reason}`}`,
    `${segments.length} segments from the head on, ${spares} spare, ${unreadable.length} unreadable`,
    ...skipLines(skips),
  ];
  const groups = segments.flatMap(({ sequence, groups: own }) => own.map((group) => ({ sequence, group })));
  const shown = groups.slice(Math.max(0, groups.length - groupsMax));
  if (shown.length === 0) return lines;
  if (shown.length < groups.length) lines.push(`the newest ${shown.length} of ${groups.length} groups:`);
  const rows = shown.map(({ sequence, group }) => [
    String(group.number),
    String(sequence),
    String(group.offset),
    String(group.extent),
    formatBallot(group.promised),
    groupState(group),
    votesText(group),
  ]);
  const head = ['group', 'segment', 'offset', 'bytes', 'promised', 'state', 'holds'];
  return [...lines, ...tableLines(head, rows)];
}
