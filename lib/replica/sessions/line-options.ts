/** What a session's line of requests (session-line.ts) stands on: who places them, who holds the session. */
import type { RunRequester } from '../runs.js';
import type { Outcome, Requester } from '../service.js';

/** Who gives requests their places. */
export interface LinePlace {
  nowMs(): number;
  /**
   * Takes requests, as Service.submit does, and asks the line for their terms when they get their place.
   * False: there is no room; `line.drain()` follows.
   */
  give(
    line: RunRequester,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    deadlineMs: number,
  ): boolean;
  /** Takes the request for a new session, in place of `replaced` (0: of none). False: not now. */
  open(opener: Requester, replaced: number, deadlineMs: number): boolean;
  /** What was given and has no place comes back. @returns how many requests that is */
  takeBack(line: RunRequester): number;
}

/** A program that holds a session. */
export interface Holder {
  /** The session is there, under this number. */
  opened(session: number): void;
  /** The cluster has forgotten it; everybody who waited has heard so. */
  gone(): void;
  /** Nothing is asked any more; everybody who waited has heard so. */
  stopped(): void;
}

/** A session that is there already, and the number of its next command. */
export interface Resumed {
  readonly session: number;
  readonly next: number;
}

export interface LineOptions {
  readonly place: LinePlace;
  readonly commandBytesMax: number;
  /** Bytes of requests that are held while there is no session, or nothing may be given. */
  readonly heldBytesMax: number;
  /** So many requests were told that they have this outcome, which is not *done*. */
  readonly failed?: (outcome: Outcome, count: number) => void;
  /** Who holds the session; without one, its requesters know nothing of sessions. */
  readonly holder?: Holder;
  readonly resumed?: Resumed;
}
