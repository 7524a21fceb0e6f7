/**
 * What a replica finds around it in its process: clocks, timers, the phases of the event loop, and chance.
 * Everything in replica/ and transport/ that touches one of them takes it from here, so that a simulation can
 * put its own in the place of Node.js's.
 *
 * 1. Two clocks that are not to be mixed: `monotonicMs` for how long something takes and when it is due,
 *    `wallMs` for what a person or another machine calls the time.
 * 2. Nothing runs inside the call that asks for it.
 */

import { SuspendClock } from './suspend-clock.js';

/** Something that was asked for and has not happened yet. */
export interface Timer {
  /** It does not happen any more. Harmless if it has. */
  cancel(): void;
  /** It alone does not keep the process alive. */
  unref(): Timer;
}

export interface Runtime {
  /**
   * Milliseconds since some moment, by a clock that nobody sets, that never goes back, and that counts the
   * time for which the machine is suspended.
   */
  monotonicMs(): number;
  /** Milliseconds since 1970, by a clock that may be set, jump and drift. */
  wallMs(): number;
  /** Uniform in [0, 1), and not to be foreseen: numbers that tell askers and openings apart come from it. */
  random(): number;
  /** Runs `run` once, `ms` from now. */
  after(ms: number, run: () => void): Timer;
  /** Runs `run` every `ms`, for the first time `ms` from now. */
  every(ms: number, run: () => void): Timer;
  /** Runs `run` at the end of this phase of the event loop: behind what has arrived, before any waiting. */
  immediate(run: () => void): void;
  /** Runs `run` as soon as what runs now has returned, before anything else. */
  nextTick(run: () => void): void;
}

const clock = new SuspendClock();

/** That of the process this is. */
export const nodeRuntime: Runtime = {
  monotonicMs: () => clock.now(),
  wallMs: () => Date.now(),
  random: unforeseen,
  after: (ms, run) => timer(setTimeout(run, ms)),
  every: (ms, run) => timer(setInterval(run, ms)),
  immediate: (run) => {
    setImmediate(run);
  },
  nextTick: (run) => process.nextTick(run),
};

/** 53 bits of the system's. */
function unforeseen(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
}

function timer(handle: NodeJS.Timeout): Timer {
  const own: Timer = {
    cancel: () => clearTimeout(handle),
    unref: () => {
      handle.unref();
      return own;
    },
  };
  return own;
}
