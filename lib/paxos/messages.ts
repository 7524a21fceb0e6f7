/**
 * What replicas say to each other. A verb goes out, a participle comes back. Each message names the ballot
 * it belongs to; docs/protocol.md has the table of who sends what when, and what the receiver may conclude.
 *
 * Messages are plain data; wire/codec.ts gives each its bytes. `bytes` are views that nobody changes.
 */
import type { Ballot, BatchKind, Digest, Slot, SlotRange, Vote } from '../types.js';

/** A candidate asks whether a campaign would be welcome; nothing is promised and nothing durable changes. */
export interface Canvass {
  readonly type: 'canvass';
  /** The ballot the candidate would use. */
  readonly ballot: Ballot;
  /** Through where the candidate has learned every slot. */
  readonly learnedThrough: Slot;
  /** The number of the configuration it would lead in. */
  readonly configuration: number;
}

/** "I hear no leader either": the answer to a canvass. A refusal is silence, or a heartbeat's ballot. */
export interface Canvassed {
  readonly type: 'canvassed';
  readonly ballot: Ballot;
}

/**
 * Phase 1 for every slot from `fromSlot` on. Said again to whoever has answered a part, with the first slot
 * that its answer lacks, and at each tick while answers are on their way.
 */
export interface Prepare {
  readonly type: 'prepare';
  readonly ballot: Ballot;
  /** Rises when what was sent is taken for lost; one that was seen says only that the campaign goes on. */
  readonly attempt: number;
  readonly fromSlot: Slot;
  /** The number of the configuration that the ballot belongs to. */
  readonly configuration: number;
}

/**
 * The durable refusal of lower ballots, with every vote in the slots `fromSlot` … `throughSlot` above
 * `trimThrough`. Parts together are an answer when no slot is left out between them up to the last one.
 */
export interface Promised {
  readonly type: 'promised';
  readonly ballot: Ballot;
  /** That of the prepare that is answered. */
  readonly attempt: number;
  readonly fromSlot: Slot;
  readonly throughSlot: Slot;
  /** There is no vote above `throughSlot`. */
  readonly isLast: boolean;
  readonly trimThrough: Slot;
  readonly learnedThrough: Slot;
  /** The number of the configuration that follows what this acceptor has learned. */
  readonly configuration: number;
  readonly votes: readonly Vote[];
  /** What of these slots there may have been a vote in that can no longer be read. */
  readonly uncertain: readonly SlotRange[];
}

/** A refusal of `ballot`, because `promised` is higher. */
export interface Rejected {
  readonly type: 'rejected';
  readonly ballot: Ballot;
  readonly promised: Ballot;
}

/** Phase 2 for one slot. */
export interface Accept {
  readonly type: 'accept';
  readonly ballot: Ballot;
  readonly slot: Slot;
  readonly kind: BatchKind;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  /** The leader has learned every slot through this one. */
  readonly learnedThrough: Slot;
}

/** Durable votes at exactly `ballot` for every slot `fromSlot` … `throughSlot`, without a gap. */
export interface Accepted {
  readonly type: 'accepted';
  readonly ballot: Ballot;
  readonly fromSlot: Slot;
  readonly throughSlot: Slot;
}

/**
 * The leader is alive. `round` numbers the leader's heartbeat rounds; reads wait for a quorum of one round.
 */
export interface Heartbeat {
  readonly type: 'heartbeat';
  readonly ballot: Ballot;
  readonly round: number;
  readonly learnedThrough: Slot;
  /** The leader's digest chain at `chainSlot`, through which it has learned. */
  readonly chainSlot: Slot;
  readonly chain: Digest;
  /** The last slot sent in an accept of this ballot. */
  readonly lastSlot: Slot;
}

/** The answer to a heartbeat from a replica whose promise is not above the heartbeat's ballot. */
export interface Heartbeaten {
  readonly type: 'heartbeaten';
  readonly ballot: Ballot;
  readonly round: number;
  /**
   * Every slot through this is learned or voted for at this ballot: says what to send again, never a vote.
   */
  readonly coveredThrough: Slot;
  readonly learnedThrough: Slot;
  readonly appliedThrough: Slot;
  readonly trimThrough: Slot;
  /** What is left of its disk is the reserve (room.ts). */
  readonly isShort: boolean;
}

/**
 * "What must a read have applied that I answer myself?" For all reads of the sender through `readId`, which
 * counts within `life`: a number that the sender's process has drawn.
 */
export interface Index {
  readonly type: 'index';
  readonly ballot: Ballot;
  readonly life: number;
  readonly readId: number;
}

/** "A state that has applied `slot`": the answer, when the lead was confirmed after the question came. */
export interface Indexed {
  readonly type: 'indexed';
  readonly life: number;
  readonly readId: number;
  readonly slot: Slot;
}

/** "Tell me what was chosen from here on." */
export interface Fetch {
  readonly type: 'fetch';
  readonly fromSlot: Slot;
  readonly throughSlot: Slot;
}

/** Chosen batches of consecutive slots from `fromSlot`, each at a ballot at which it was voted for. */
export interface Chosen {
  readonly type: 'chosen';
  readonly fromSlot: Slot;
  readonly votes: readonly Vote[];
  /** The sender has learned through here. */
  readonly learnedThrough: Slot;
}

/** "What you ask for is forgotten here; take this checkpoint instead." */
export interface CheckpointOffer {
  readonly type: 'checkpointOffer';
  readonly checkpointId: number;
  readonly throughSlot: Slot;
  /** Of the file's header, which holds a salt: files with the same digest are the same bytes. */
  readonly digest: Digest;
  readonly lengthBytes: number;
}

/** "Send me that file's bytes from here, at most so many." Several may be asked for ahead of their coming. */
export interface CheckpointFetch {
  readonly type: 'checkpointFetch';
  readonly checkpointId: number;
  readonly throughSlot: Slot;
  readonly digest: Digest;
  readonly offset: number;
  readonly bytesMax: number;
}

/** Bytes of a checkpoint. None at all: it is not to be had here any more; take what is offered. */
export interface CheckpointChunk {
  readonly type: 'checkpointChunk';
  readonly checkpointId: number;
  readonly throughSlot: Slot;
  readonly digest: Digest;
  readonly offset: number;
  readonly lengthBytes: number;
  readonly bytes: Uint8Array;
}

/** "Campaign now": a leader that closes in order hands over to its most advanced follower. */
export interface HandOver {
  readonly type: 'handOver';
  readonly ballot: Ballot;
}

/**
 * The leader tells the time that it stamps batches with, in milliseconds since 1970 (0: it does not know it
 * yet), and asks for the others' clocks. `sentMs` is of its own monotonic clock, and comes back as it is.
 */
export interface Clock {
  readonly type: 'clock';
  readonly sentMs: number;
  readonly timeMs: number;
}

/** What the sender's wall clock shows, and the time that leaders have told it; 0 if none has. */
export interface Clocked {
  readonly type: 'clocked';
  readonly sentMs: number;
  readonly wallMs: number;
  readonly timeMs: number;
}

export type Message =
  | Canvass
  | Canvassed
  | Prepare
  | Promised
  | Rejected
  | Accept
  | Accepted
  | Heartbeat
  | Heartbeaten
  | Index
  | Indexed
  | Fetch
  | Chosen
  | CheckpointOffer
  | CheckpointFetch
  | CheckpointChunk
  | HandOver
  | Clock
  | Clocked;

export type MessageType = Message['type'];
