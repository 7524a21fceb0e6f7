/**
 * Sizes of a file store, from what it was formatted for.
 *
 * The log is cut into segments of one size. A group never straddles two, so a segment holds at least one
 * largest group behind its header page.
 */
import { BATCH_BYTES_MAX } from '../../limits.js';
import type { StoreShape } from '../shape.js';
import { batchBytesMaxIn } from './group-layout.js';
import { PAGE_BYTES } from './medium.js';

export interface Geometry {
  /** Multiple of PAGE_BYTES, header page included. */
  readonly segmentBytes: number;
  readonly segments: number;
  /** Segments that ordinary votes leave free: room for two largest groups. */
  readonly reservedSegments: number;
  /** Largest group on the medium, a multiple of PAGE_BYTES. */
  readonly groupBytesMax: number;
  readonly batchBytesMax: number;
}

/**
 * Segments a log is cut into where its size allows: few to open, many enough to free space little by little.
 */
const SEGMENTS_WANTED = 8;

/** A log in fewer segments could have none free while one fills and another is freed. */
const SEGMENTS_MIN = 4;

export function geometryOf(shape: StoreShape): Geometry {
  const groupBytesMax = Math.ceil(shape.recordBytesMax / PAGE_BYTES) * PAGE_BYTES;
  const wanted = Math.floor(shape.logBytes / SEGMENTS_WANTED / PAGE_BYTES) * PAGE_BYTES;
  const segmentBytes = Math.max(wanted, groupBytesMax + PAGE_BYTES);
  return {
    segmentBytes,
    segments: Math.max(SEGMENTS_MIN, Math.floor(shape.logBytes / segmentBytes)),
    reservedSegments: segmentBytes >= 2 * groupBytesMax + PAGE_BYTES ? 1 : 2,
    groupBytesMax,
    batchBytesMax: Math.min(BATCH_BYTES_MAX, batchBytesMaxIn(groupBytesMax)),
  };
}
