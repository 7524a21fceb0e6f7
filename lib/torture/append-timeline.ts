/**
 * One append on the recording medium, store by store, and at each fence the states a crash could leave with
 * what recovery says of them: the data of a picture (timeline-page.ts).
 */

import type { Pipeline } from '../storage/pmem.js';
import {
  CrashExplorer,
  type CrashPoint,
  formatImage,
  openRecording,
  type Recording,
  type TraceEntry,
} from '../storage/pmem-recording.js';
import type { Storage } from '../storage/storage.js';
import { THOROUGHNESS } from './history.js';
import { type Group, stageGroup } from './log-contents.js';
import { attempt } from './log-judge.js';

/** What recovery says of some of the images of a moment. */
export interface ReachableState {
  readonly images: number;
  /** What was recovered: everything before the append, or that and the append. */
  readonly group: 'absent' | 'there' | 'other';
  readonly says: string;
}

export interface TimelineMoment {
  readonly site: string;
  /** Outstanding 8-byte chunks that a crash decides about, by the site that stored them. */
  readonly chunks: readonly { readonly site: string; readonly offset: number }[];
  readonly images: number;
  readonly innerImages: number;
  readonly exhaustive: boolean;
  readonly states: readonly ReachableState[];
}

export interface AppendTimeline {
  readonly pipeline: Pipeline;
  readonly votes: readonly number[];
  /** In program order. */
  readonly events: readonly TraceEntry[];
  /** One for each fence among the events, and the moment behind the append. */
  readonly moments: readonly TimelineMoment[];
}

const LOG_BYTES = 64 << 10;
const CHUNK_BYTES = 8;
const IDENTITY = { clusterId: '0'.repeat(32), replicaId: 1, storeUuid: '1'.repeat(32) };
/** Of the votes of the append that is shown: one that is copied straight from the caller's memory. */
const LENGTHS: readonly number[] = [40, 1100];

export function appendTimeline(pipeline: Pipeline, seed: number): AppendTimeline {
  const image = formatImage({
    identity: IDENTITY,
    logBytes: LOG_BYTES,
    recordBytesMax: 4096,
    incarnation: seed + 1,
  });
  const { storage, recording } = openRecording({ image, pipeline, watch: true });
  try {
    write(storage, { promise: 0, votes: [{ slot: 1, ballot: 5, lengthBytes: 100 }] });
    write(storage, { promise: 7, votes: [] });
    const explorer = new CrashExplorer();
    const options = { ...THOROUGHNESS, seed };
    recording.takeTrace();
    recording.exploreAtFences(explorer, options);
    write(storage, {
      promise: 0,
      votes: LENGTHS.map((lengthBytes, index) => ({ slot: 2 + index, ballot: 8, lengthBytes })),
    });
    recording.exploreAtFences();
    const events = recording.takeTrace();
    const points = recording.takeExplored();
    points.push(recording.explore(explorer, options));
    return { pipeline, votes: LENGTHS, events, moments: momentsOf(events, points) };
  } finally {
    recording.release();
  }
}

function write(storage: Storage, group: Group): void {
  stageGroup(storage, group);
  storage.commit(0);
}

function momentsOf(events: readonly TraceEntry[], points: readonly CrashPoint[]): TimelineMoment[] {
  const fences = events.flatMap(({ kind }, at) => (kind === 'fence' ? [at] : []));
  return points.map((point, index): TimelineMoment => {
    const from = index === 0 ? 0 : fences[index - 1]! + 1;
    return {
      site: point.site,
      chunks: chunksOf(events.slice(from, fences[index] ?? events.length)),
      images: point.images + point.kills,
      innerImages: point.innerImages,
      exhaustive: point.exhaustive,
      states: point.outcomes.map(stateOf),
    };
  });
}

function chunksOf(events: readonly TraceEntry[]): { site: string; offset: number }[] {
  const chunks = new Map<number, string>();
  for (const { kind, site, offset, lengthBytes } of events) {
    if (kind !== 'write' && kind !== 'store') continue;
    for (let at = offset; at < offset + lengthBytes; at += CHUNK_BYTES) chunks.set(at, site);
  }
  return [...chunks].map(([offset, site]) => ({ site, offset })).sort((a, b) => a.offset - b.offset);
}

function stateOf({ images, innerImages, seen, durable }: CrashPoint['outcomes'][number]): ReachableState {
  const opened = attempt((): Opened => openRecording({ image: seen === durable ? seen : { seen, durable } }));
  const count = images + innerImages;
  if (typeof opened === 'string') return { images: count, group: 'other', says: opened };
  const { outcome, votes, promised } = opened.storage.recovered;
  opened.recording.release();
  const there = votes.filter(({ slot }) => slot > 1).length;
  const group = there === 0 ? 'absent' : there === LENGTHS.length ? 'there' : 'other';
  const slots = votes.map(({ slot }) => slot).join(', ');
  return { images: count, group, says: `${outcome}: votes for slots ${slots}; promised ${promised}` };
}

interface Opened {
  readonly storage: Storage;
  readonly recording: Recording;
}
