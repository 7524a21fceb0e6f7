/**
 * Requests that are answered by a Promise each: the convenient form over the batch form.
 *
 * 1. Every request settles exactly once: with its result, with ERR_INDELIBLE_NOT_EXECUTED if it was not and
 *    will not be executed, or with ERR_INDELIBLE_UNKNOWN if that cannot be said.
 * 2. Requests go out in the order they were made. Those that cannot go out yet are held, up to a bound in
 *    bytes.
 */
import type { IndelibleError } from '../errors.js';
import { copied } from '../replica/copied.js';
import { type Failure, outcomeError } from '../replica/outcome-error.js';
import type { Requester } from '../replica/service.js';
import { Outcome } from '../replica/service.js';
import { ENTRY_HEADER_BYTES, entryEnd } from '../wire/body.js';

/** Sends one request under a number. False: not now; `drain` follows. */
export type SendOne = (requester: Requester, number: number, bytes: Uint8Array) => boolean;

/** Who waits for a request. */
interface Waiter {
  resolve(result: Uint8Array): void;
  reject(error: IndelibleError): void;
  settled: boolean;
  /** The bytes while they are held; undefined once sent. */
  held: Uint8Array | undefined;
}

/** Answered places that may stay in front before the rest is moved up. */
const ANSWERED_MAX = 1024;

export class PromisedRequests implements Requester {
  readonly #send: SendOne;
  readonly #heldBytesMax: number;
  /** What an abort of a request already sent says. */
  readonly #abortedOutcome: Failure;
  /** Waiters of requests sent, from number `#firstNumber` on; those before `#head` are answered. */
  #sent: Waiter[] = [];
  #head = 0;
  #firstNumber = 0;
  #held: Waiter[] = [];
  #heldBytes = 0;

  constructor(send: SendOne, heldBytesMax: number, abortedOutcome: Failure) {
    this.#send = send;
    this.#heldBytesMax = heldBytesMax;
    this.#abortedOutcome = abortedOutcome;
  }

  /** @throws (by rejection) what the class says; ERR_INDELIBLE_COMMAND_TOO_LARGE, ERR_INDELIBLE_STOPPED. */
  ask(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<Uint8Array> {
    if (signal?.aborted) return Promise.reject(outcomeError(Outcome.notExecuted, signal.reason));
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { resolve, reject, settled: false, held: undefined };
      this.#place(waiter, bytes);
      if (signal !== undefined && !waiter.settled) this.#watch(waiter, signal);
    });
  }

  outcome(
    first: number,
    count: number,
    outcome: Outcome,
    results: Uint8Array,
    start: number,
    _end: number,
  ): void {
    let at = start;
    for (let i = 0; i < count; i++) {
      const waiter = this.#sent[first - this.#firstNumber + i]!;
      if (outcome === Outcome.done) {
        const end = entryEnd(results, at);
        if (!waiter.settled) waiter.resolve(copied(results, at + ENTRY_HEADER_BYTES, end));
        at = end;
      } else if (!waiter.settled) {
        waiter.reject(outcomeError(outcome));
      }
      waiter.settled = true;
    }
    this.#head += count;
    if (this.#head > ANSWERED_MAX && this.#head * 2 > this.#sent.length) this.#moveUp();
  }

  drain(): void {
    let sent = 0;
    for (; sent < this.#held.length; sent++) {
      const waiter = this.#held[sent]!;
      if (waiter.settled) continue;
      const bytes = waiter.held!;
      if (!this.#trySend(waiter, bytes)) break;
      waiter.held = undefined;
      this.#heldBytes -= bytes.length;
    }
    if (sent > 0) this.#held = this.#held.slice(sent);
  }

  /** Rejects everything that is held; nothing can be sent any more. */
  stop(): void {
    for (const waiter of this.#held) {
      if (!waiter.settled) waiter.reject(outcomeError(Outcome.notExecuted));
      waiter.settled = true;
    }
    this.#held = [];
    this.#heldBytes = 0;
  }

  #place(waiter: Waiter, bytes: Uint8Array): void {
    if (this.#held.length === 0 && this.#trySend(waiter, bytes)) return;
    if (this.#heldBytes + bytes.length > this.#heldBytesMax) {
      waiter.settled = true;
      const full = new Error(`${this.#heldBytes} bytes of requests are held already`);
      waiter.reject(outcomeError(Outcome.notExecuted, full));
      return;
    }
    waiter.held = copied(bytes);
    this.#heldBytes += bytes.length;
    this.#held.push(waiter);
  }

  /** Sends, and enters the waiter; a request that is refused for good settles here. False: not now. */
  #trySend(waiter: Waiter, bytes: Uint8Array): boolean {
    const number = this.#firstNumber + this.#sent.length;
    try {
      if (!this.#send(this, number, bytes)) return false;
    } catch (error) {
      waiter.settled = true;
      waiter.reject(error as IndelibleError);
      return true;
    }
    this.#sent.push(waiter);
    return true;
  }

  #watch(waiter: Waiter, signal: AbortSignal): void {
    const onAbort = (): void => {
      if (waiter.settled) return;
      waiter.settled = true;
      const outcome = waiter.held === undefined ? this.#abortedOutcome : Outcome.notExecuted;
      if (waiter.held !== undefined) this.#heldBytes -= waiter.held.length;
      waiter.reject(outcomeError(outcome, signal.reason));
    };
    const { resolve, reject } = waiter;
    waiter.resolve = (result) => {
      signal.removeEventListener('abort', onAbort);
      resolve(result);
    };
    waiter.reject = (error) => {
      signal.removeEventListener('abort', onAbort);
      reject(error);
    };
    signal.addEventListener('abort', onAbort);
  }

  #moveUp(): void {
    this.#sent = this.#sent.slice(this.#head);
    this.#firstNumber += this.#head;
    this.#head = 0;
  }
}
