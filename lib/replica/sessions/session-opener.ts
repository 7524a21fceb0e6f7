/** The command that opens a session, as whoever asks for it sees it. */
import { COMMAND_HEADER_BYTES } from '../batch.js';
import { Outcome, type Requester } from '../service.js';

/** Its bytes, a body: no state machine sees them. */
export const OPENING_BODY: Uint8Array = new Uint8Array(COMMAND_HEADER_BYTES);

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
