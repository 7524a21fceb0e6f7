/**
 * The protocol's version and the kinds of its frames; docs/wire.md has every byte of each.
 *
 * 1. The frame header, `hello` and `refusal` keep their bytes in every version, but for what later ones add
 *    to the end of a hello: a program can always tell one of another version that they do not match.
 * 2. A number is never given a second meaning: a kind that goes out of use stays reserved.
 * 3. A program speaks a range of versions, and each connection the newest that both its ends speak. So the
 *    replicas of a cluster can be given a new program one after the other, and the old one again.
 */

/** The newest version that this program speaks. Raised whenever bytes or meaning of any frame change. */
export const PROTOCOL_VERSION = 9;

/** The oldest one that it speaks. */
export const PROTOCOL_VERSION_MIN = 9;

/** What a frame carries, in the order of docs/wire.md. */
export const FrameKind = {
  hello: 1,
  refusal: 2,
  keepAlive: 3,
  slice: 4,
  taken: 5,
  challenge: 6,
  proof: 7,

  canvass: 16,
  canvassed: 17,
  prepare: 18,
  promised: 19,
  rejected: 20,
  accept: 21,
  accepted: 22,
  heartbeat: 23,
  heartbeaten: 24,
  fetch: 25,
  chosen: 26,
  checkpointOffer: 27,
  checkpointFetch: 28,
  checkpointChunk: 29,
  handOver: 30,
  clock: 31,
  clocked: 32,
  index: 33,
  indexed: 34,

  submit: 64,
  query: 65,
  outcomes: 66,
  leaderIs: 67,
  statusRequest: 68,
  statusReply: 69,
  relay: 70,
  skipRequest: 71,
  skipReply: 72,
  backupRequest: 73,
  backupReply: 74,
  membersRequest: 75,
  leadRequest: 76,
  membersReply: 77,
} as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

/** The versions that a program speaks. */
export interface VersionRange {
  readonly oldest: number;
  readonly newest: number;
}

/** What this program and one that speaks `theirs` speak with each other; undefined if they cannot. */
export function versionWith(theirs: VersionRange): number | undefined {
  const newest = Math.min(PROTOCOL_VERSION, theirs.newest);
  return newest >= Math.max(PROTOCOL_VERSION_MIN, theirs.oldest) ? newest : undefined;
}

/** Kinds whose frames are understood whatever version their sender speaks. */
export function isVersionless(kind: number): boolean {
  return kind === FrameKind.hello || kind === FrameKind.refusal;
}

/** Kinds whose frames may be long: they are sent only as fast as the other end takes them. */
export function isBulk(kind: number): boolean {
  return (
    kind === FrameKind.accept ||
    kind === FrameKind.promised ||
    kind === FrameKind.chosen ||
    kind === FrameKind.checkpointChunk ||
    kind === FrameKind.slice
  );
}
