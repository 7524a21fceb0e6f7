/** How long to wait before a replica process that died is started again. */

const DELAY_MS_MIN = 100;
const DELAY_MS_MAX = 10_000;

/** A process that lived this long died of something new: the delay starts over. */
const LIVED_MS = 30_000;

export class Backoff {
  #delayMs: number = DELAY_MS_MIN;

  /** @returns milliseconds to wait after a process that lived for `livedMs`; doubled each time, up to 10 s */
  next(livedMs: number): number {
    if (livedMs >= LIVED_MS) this.#delayMs = DELAY_MS_MIN;
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(DELAY_MS_MAX, delayMs * 2);
    return delayMs;
  }
}
