/** The command that opens a session, as whoever asks for it sees it. */
import { COMMAND_HEADER_BYTES } from '../batch.js';
import { Outcome, type Requester } from '../service.js';
import { SESSION_NEW, type SessionTerms } from './session-terms.js';

/** Its bytes, a body: no state machine sees them. */
export const OPENING_BODY: Uint8Array = new Uint8Array(COMMAND_HEADER_BYTES);

/** What it says of its session. @param replaced the session that the new one takes the place of, or 0 */
export function openingTerms(replaced: number): SessionTerms {
  return { session: SESSION_NEW, sequence: 0, answeredThrough: replaced };
}

/** Asks for a session, on behalf of the requests before `askedEnd`. */
export class Opener implements Requester {
  readonly askedEnd: number;
  private readonly over: (outcome: Outcome, session: number) => void;

  constructor(askedEnd: number, over: (outcome: Outcome, session: number) => void) {
    this.askedEnd = askedEnd;
    this.over = over;
  }

  outcome(_first: number, _count: number, outcome: Outcome, results: Uint8Array, start: number): void {
    const at = results.byteOffset + start + COMMAND_HEADER_BYTES;
    const isDone = outcome === Outcome.done;
    this.over(outcome, isDone ? new DataView(results.buffer).getFloat64(at, true) : 0);
  }

  drain(): void {
    // Who could not give it tries again at the next tick.
  }
}
