/**
 * What clients, and followers that forward, say to a replica, and what it answers: the frame form of
 * replica/service.ts. Bodies are as there: per command a 4-byte little-endian length and that many bytes.
 */

import type { Change } from '../paxos/configuration-batch.js';
import type { ReplicaId, Slot } from '../types.js';

/** What became of a request. The numbers are those on the wire. */
export const RequestOutcome = {
  /** Chosen, durable at a quorum, applied; or, for a query, read at a point after it was asked. */
  done: 0,
  /** Never executed and never will be. */
  notExecuted: 1,
  /** May or may not have been, or yet be, executed; or it was, and its result had no room on its way back. */
  unknown: 2,
  /** The state machine declined to answer the query without the log. Not executed. */
  declined: 3,
  /** The state machine threw at the query: that one failed, and nothing else. */
  failed: 4,
  /** The state machine throws at the command, and an operator had it skipped: not executed, nor ever will. */
  skipped: 5,
  /**
   * The disks of so many replicas are short of room that the command, which would grow the state, is refused.
   * Not executed, nor ever will be.
   */
  diskFull: 6,
  /**
   * It is not the next command of its session: those before it are not executed. Nor is this copy, ever; the
   * same number may be asked again behind them.
   */
  outOfOrder: 7,
  /** Its session is forgotten: this copy is not executed, nor is any other from now on. */
  sessionGone: 8,
  /** It was executed before, and its answer is not kept any more. */
  answeredBefore: 9,
} as const;
export type RequestOutcome = (typeof RequestOutcome)[keyof typeof RequestOutcome];

/** What a run of commands says of its session: whose they are, which ones, and what its holder has heard. */
export interface SessionTerms {
  /** {@link SESSION_NEW}: the run is one command, which opens a session, and whose answer is its number. */
  readonly session: number;
  /** Of the first command, from 1: those of a run follow each other. 0 of a run that opens a session. */
  readonly sequence: number;
  /**
   * The holder has the answers through this number, and asks for none of them again. Of a run that opens a
   * session: the session that it takes the place of, or 0.
   */
  readonly answeredThrough: number;
}

/** In place of a session's number: the command opens one. */
export const SESSION_NEW: number = Number.MAX_SAFE_INTEGER;

/** Whether a run of `count` commands may have these terms; session 0: none. */
export function areTerms({ session, sequence, answeredThrough }: SessionTerms, count: number): boolean {
  if (!Number.isSafeInteger(session) || session < 0) return false;
  if (!Number.isSafeInteger(answeredThrough) || answeredThrough < 0) return false;
  if (session === 0) return sequence === 0 && answeredThrough === 0;
  if (session === SESSION_NEW) return sequence === 0 && count === 1;
  return Number.isSafeInteger(sequence + count) && sequence > answeredThrough;
}

export interface Submit {
  readonly type: 'submit';
  /** Number of the first request; the sender counts them per connection. */
  readonly first: number;
  readonly count: number;
  /** The lead that is asked, as {@link LeaderIs} named it: no other takes the requests. */
  readonly lead: number;
  /** The requests have no place after this moment, in milliseconds of the receiver's clock. */
  readonly deadlineMs: number;
  /** Absent: the commands belong to no session. */
  readonly terms?: SessionTerms;
  readonly body: Uint8Array;
}

export interface Query {
  readonly type: 'query';
  readonly first: number;
  readonly count: number;
  readonly lead: number;
  readonly deadlineMs: number;
  readonly body: Uint8Array;
}

/**
 * Requests `first` … `first + count − 1` of the connection share this outcome; `body` holds results if done.
 */
export interface Outcomes {
  readonly type: 'outcomes';
  readonly first: number;
  readonly count: number;
  readonly outcome: RequestOutcome;
  readonly body: Uint8Array;
}

/**
 * Who leads, as far as the sender knows; 0 if nobody. Sent at hello, whenever it changes, and now and then.
 */
export interface LeaderIs {
  readonly type: 'leaderIs';
  readonly leader: number;
  /**
   * The ballot at which the sender itself leads, or whom it passes requests on to; 0 if neither is so.
   */
  readonly lead: number;
  /** What the sender's clock, which nobody sets, showed when it said this, in milliseconds. */
  readonly clockMs: number;
}

/** Asks for the replica's status. */
export interface StatusRequest {
  readonly type: 'statusRequest';
}

/** The status as JSON (UTF-8), the shape of `Replica.status()`. */
export interface StatusReply {
  readonly type: 'statusReply';
  readonly body: Uint8Array;
}

/**
 * Asks a replica that follows a leader to pass on what is asked on this connection to that leader, and the
 * outcomes back. It asks the leader only, so that nothing is passed on twice.
 */
export interface Relay {
  readonly type: 'relay';
}

/** An operator's decision: that command is passed over on every replica. For the leader. */
export interface SkipRequest {
  readonly type: 'skipRequest';
  readonly slot: Slot;
  readonly ordinal: number;
  readonly reason: string;
}

/** What came of a skip. The numbers are those on the wire. */
export const SkipOutcome = {
  /** The command is skipped. */
  done: 0,
  /** Nothing is skipped: the replica does not lead, or no quorum answers it. */
  notExecuted: 1,
  /** Nothing is skipped: the replica is not halted at that command. */
  notHalted: 2,
  /** Nothing is skipped: another replica has executed the command. */
  diverged: 3,
  /** It may be skipped or not, or yet be. */
  unknown: 4,
} as const;
export type SkipOutcome = (typeof SkipOutcome)[keyof typeof SkipOutcome];

export interface SkipReply {
  readonly type: 'skipReply';
  readonly outcome: SkipOutcome;
  /** Why, for a person. */
  readonly sentence: string;
}

/** What of a back-up is asked for. The numbers are those on the wire. */
export const BackupWhat = {
  /** What there is, as JSON (UTF-8): the shape of BackupOffer in replica/backup-source.ts. */
  offer: 0,
  /** The batches from slot `at` on, as many as fit, in the form of votes. */
  log: 1,
  /** The bytes of the checkpoint's file from `at` on, as many as fit. */
  checkpoint: 2,
} as const;
export type BackupWhat = (typeof BackupWhat)[keyof typeof BackupWhat];

/** Asks for a part of a back-up; an offer comes first, and begins it anew. */
export interface BackupRequest {
  readonly type: 'backupRequest';
  readonly what: BackupWhat;
  /** A slot, or a number of bytes; 0 for an offer. */
  readonly at: number;
}

/** That part, or why it is not to be had: then the back-up is over. */
export interface BackupReply {
  readonly type: 'backupReply';
  readonly isGiven: boolean;
  /** The part; or a sentence for a person, in UTF-8. */
  readonly body: Uint8Array;
}

/** An operator's wish: who the members are to be, as a configuration batch says it. For the leader. */
export interface MembersRequest {
  readonly type: 'membersRequest';
  readonly change: Change;
}

/** An operator's wish: that replica is to lead. For the leader. */
export interface LeadRequest {
  readonly type: 'leadRequest';
  readonly replica: ReplicaId;
}

/** What came of either. The numbers are those on the wire. */
export const MembersOutcome = {
  /** The configuration is in force there; or the replica has been asked to lead. */
  done: 0,
  /** Nothing has changed: the replica does not lead, or has no room, or the heir cannot lead. */
  notExecuted: 1,
  /** Nothing has changed, and nothing will by asking the same again. */
  refused: 2,
  /** Nothing has changed: one that is to vote lacks too much. */
  notCaughtUp: 3,
  /** It may change yet. */
  unknown: 4,
} as const;
export type MembersOutcome = (typeof MembersOutcome)[keyof typeof MembersOutcome];

export interface MembersReply {
  readonly type: 'membersReply';
  readonly outcome: MembersOutcome;
  /** Why, for a person. */
  readonly sentence: string;
}

export type ClientMessage =
  | Submit
  | Query
  | Outcomes
  | LeaderIs
  | StatusRequest
  | StatusReply
  | SkipRequest
  | SkipReply
  | BackupRequest
  | BackupReply
  | MembersRequest
  | LeadRequest
  | MembersReply
  | Relay;
