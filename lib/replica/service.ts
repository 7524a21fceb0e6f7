/**
 * The batch form of a replica's service: how a front end submits many commands without an object or a
 * Promise for each. `Replica` implements it, on any replica: a follower forwards commands to its leader, and
 * answers queries itself when the leader has said what they must have applied.
 *
 * A *body* is commands one behind the other, each as a 4-byte little-endian length and that many bytes.
 * It is copied once, as it is, into the open batch. A caller numbers its requests itself; the outcomes of
 * a run of consecutive requests come together, with results in the same form as a body.
 */
import { RequestOutcome as Outcome } from '../wire/client-messages.js';

export { Outcome };

/** Who asked. One object per connection, not per request. */
export interface Requester {
  /**
   * Requests `first` … `first + count − 1` have this outcome. For `done`, results[start, end) holds `count`
   * results as a body; otherwise the range is empty. The view is valid only during the call.
   * Commands of one requester are answered in the order submitted; so are its queries.
   */
  outcome(
    first: number,
    count: number,
    outcome: Outcome,
    results: Uint8Array,
    start: number,
    end: number,
  ): void;

  /** There is room again after a `false`. */
  drain(): void;

  /**
   * True while it holds as many results as it can, because they are not taken from it: answers to its
   * queries wait until it is false, and it calls `Service.flush` then. Results of commands do not wait:
   * they are there once, when the command is executed. A requester without this takes everything.
   */
  readonly isFull?: boolean;

  /** True of one that asks the leader: what it asked is proposed here or not at all, and never forwarded. */
  readonly isLeaderOnly?: boolean;

  /**
   * What it asks now gets no place after this moment, in milliseconds of the clock the replica runs on, nor
   * after the replica's own request timeout. It never falls. A requester without this leaves it to the
   * replica.
   */
  readonly deadlineMs?: number;

  /** True once it has taken what it is owed for *unknown*: what was not proposed yet never is. */
  readonly hasGivenUp?: boolean;
}

/** Options of `propose` and `read`. */
export interface RequestOptions {
  /**
   * Gives up waiting: a command already taken rejects with ERR_INDELIBLE_UNKNOWN, anything else with
   * ERR_INDELIBLE_NOT_EXECUTED; the signal's reason is the `cause`.
   */
  readonly signal?: AbortSignal;
}

/** The batch form: many commands or queries in one call, without an object or a Promise for each. */
export interface Service {
  /**
   * Proposes `count` commands, the body bytes[start, end). They are executed in order, though not always in
   * one slot. The bytes are copied before the call returns.
   * @returns false, and takes nothing, under back-pressure: wait for {@link Requester.drain}.
   * @throws ERR_INDELIBLE_COMMAND_TOO_LARGE, ERR_INDELIBLE_STOPPED; a RangeError for a malformed body.
   */
  submit(
    requester: Requester,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean;

  /**
   * Linearizable reads: `count` queries, answered by a state no older than this call. Same bounds as
   * submit.
   */
  query(
    requester: Requester,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean;

  /** Forgets the requester: what it is still owed is dropped. What was proposed may still be executed. */
  abandon(requester: Requester): void;

  /** Closes the open batch at the end of the caller's turn; without it the batch waits for the next flush. */
  flush(): void;
}
