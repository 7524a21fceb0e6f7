/**
 * When a connection takes its next request, and who wakes it when it does not. A connection always is in one
 * of these states; `undefined` is that of taking requests, which no event ever finds it in.
 *
 *   stop      it takes no further request because …                   and is woken by
 *   -------   -----------------------------------------------------   ---------------------------------------
 *   over      QUIT, a protocol error or the end of input came: it     nobody. It closes when all is answered
 *             takes none ever again                                   (outcomes) and read (socket's drain)
 *   await     what comes behind a WATCH, or behind an EXEC that       that outcome
 *             changes the connection, hangs on its answer; or
 *             the keys are walked for it: one walk at a time
 *   delay     a wrong password came from its address (auth-delays.ts)   a timer
 *   unsent    a run waits for room, or for the queries before it      the service's `drain`, or an outcome
 *   answers   so many requests, or so many bytes of the port's own    an outcome
 *             replies, wait for answers before them
 *   output    so many bytes of replies wait for the client            the socket's `drain`
 *   share     it made so many bytes of replies by itself in this      the event loop: it has a next turn
 *             turn; others come first
 *   input     no request is complete                                  the socket's `data` or `end`
 *
 * 1. Nothing else stops a connection: each request is taken where `stopOf` finds nothing and one is complete.
 * 2. Whatever wakes it calls `progress`, which asks again from the top, whichever stop it was: a stop needs
 *    no memory of why it was made, and there is none.
 * 3. The socket is read from in `input` only (and in `over`, where what comes is dropped).
 */

export type Stop = 'over' | 'await' | 'delay' | 'unsent' | 'answers' | 'output' | 'share' | 'input';

/** What a stop hangs on, each of one owner. Bytes are of replies. */
export interface Flow {
  readonly over: boolean;
  readonly awaiting: boolean;
  /** Nothing is taken for a while. */
  readonly delayed: boolean;
  /** Runs that wait to be sent. */
  readonly unsent: number;
  /** Requests without an answer from the service, those not yet sent among them. */
  readonly outstanding: number;
  /** Own replies that wait behind them. */
  readonly heldBytes: number;
  /** The client does not read, and the socket will say when it has. */
  readonly choked: boolean;
  /** Made by the port itself in this turn. */
  readonly madeBytes: number;
}

export interface FlowLimits {
  readonly pipelineMax: number;
  readonly heldBytesMax: number;
  readonly shareBytesMax: number;
}

/** Why no further request is to be looked at; `input` is for who looks. */
export function stopOf(flow: Flow, limits: FlowLimits): Exclude<Stop, 'input'> | undefined {
  if (flow.over) return 'over';
  if (flow.awaiting) return 'await';
  if (flow.delayed) return 'delay';
  if (flow.unsent > 0) return 'unsent';
  if (flow.outstanding >= limits.pipelineMax || flow.heldBytes >= limits.heldBytesMax) return 'answers';
  if (flow.choked) return 'output';
  return flow.madeBytes >= limits.shareBytesMax ? 'share' : undefined;
}
