/**
 * The nouns of Indelible. No code here; the glossary that fixes these words heads docs/protocol.md.
 */

/** Position in the log: a safe integer ≥ 1. Slot 0 means "before the first slot". RSL says decree. */
export type Slot = number;

/** A replica's number within its cluster: 1 … 65,535. Never reused once its store is lost. */
export type ReplicaId = number;

/**
 * (round, replica), totally ordered, packed as round · 2¹⁶ + replica in one safe integer, so that `<` is
 * the order of *The Part-Time Parliament* and a comparison allocates nothing. Zero is "no ballot".
 */
export type Ballot = number & { readonly __noun: 'Ballot' };

/** The low 52 bits of the CRC-64/XZ of a batch's bytes. Equal batches have equal digests; noop's is 0. */
export type Digest = number & { readonly __noun: 'Digest' };

/** What a slot carries. The numbers are those on the wire and on the medium. */
export const BatchKind = {
  /** No command: it fills a slot that nothing else was chosen for. */
  noop: 0,
  /** Commands of clients. */
  commands: 1,
  /** A change of the cluster's members. */
  configuration: 2,
} as const;
export type BatchKind = (typeof BatchKind)[keyof typeof BatchKind];

/**
 * A batch as it travels and as it is voted for. The bytes are never changed once they are in one of these.
 */
export interface Batch {
  readonly kind: BatchKind;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** An acceptor's durable vote. `batch` is undefined where the medium lost the bytes but not the identity. */
export interface Vote {
  readonly slot: Slot;
  readonly ballot: Ballot;
  readonly kind: BatchKind;
  readonly digest: Digest;
  readonly bytes: Uint8Array | undefined;
}

/** Slots `from` … `through`, both inclusive. */
export interface SlotRange {
  /** The first slot. */
  readonly from: Slot;
  /** The last slot. */
  readonly through: Slot;
}

/** One member of a configuration: an id and the one store (drawn at format) that may speak for it. */
export interface Member {
  /** The member’s number. */
  readonly id: ReplicaId;
  /** 32 lower-case hex digits. */
  readonly storeUuid: string;
  /** Absent: a voter. A learner has the whole state, and its votes count for nothing. */
  readonly role?: 'learner';
  /** host:port at which peers reach it; absent: as each of them was started with. */
  readonly address?: string;
}

/** A numbered member set that governs a range of slots; a quorum is a majority of its voters. */
export interface Configuration {
  /** 1 for the first. */
  readonly number: number;
  /** The members; a majority of them is a quorum. */
  readonly members: readonly Member[];
  /** The highest id that ever was a member's, where that is none of `members`: ids are never used twice. */
  readonly highestId?: ReplicaId;
}

/** Who a store belongs to; written once by `format`, compared at every open and in every hello. */
export interface Identity {
  /** 32 lower-case hex digits. */
  readonly clusterId: string;
  /** The member’s number. */
  readonly replicaId: ReplicaId;
  /** 32 lower-case hex digits. */
  readonly storeUuid: string;
}

/** One opening of a store: no two of one store have the same numbers. */
export interface Opening {
  /** Drawn by `format`, below 2⁵³. */
  readonly incarnation: number;
  /** Rises with every opening; 0: not known, because the store is lost, and never votes. */
  readonly generation: number;
  /** Drawn by the process that opened it, below 2⁵³. */
  readonly nonce: number;
}

/** What a mode survives: power loss, the death of the process, nothing. */
export type DurabilityClass = 'power' | 'process' | 'none';

/** The four media an acceptor log can live on. */
export type StorageMode = 'pmem' | 'emulated' | 'file' | 'memory';
