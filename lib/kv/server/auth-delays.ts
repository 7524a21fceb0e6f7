/**
 * How long an address waits that gives wrong passwords: from one try to the next it takes longer, on all of
 * its connections alike, until a right one comes or nothing has for a while.
 */

export const DELAY_MS_MIN = 100;
export const DELAY_MS_MAX = 5000;
/** Addresses that are remembered; the one that failed first is forgotten for another. */
const ADDRESSES_MAX = 1000;

interface Failures {
  readonly count: number;
  /** Until when nothing is taken from there, by the port's clock. */
  readonly untilMs: number;
}

export class AuthDelays {
  private readonly failures = new Map<string, Failures>();

  get addresses(): number {
    return this.failures.size;
  }

  /** A wrong password came. @returns how long nothing more is taken from that address, in milliseconds */
  failed(address: string, nowMs: number): number {
    const before = this.failures.get(address);
    const isOld = before === undefined || nowMs - before.untilMs > DELAY_MS_MAX;
    const count = isOld ? 1 : before.count + 1;
    const delayMs = Math.min(DELAY_MS_MAX, DELAY_MS_MIN * 2 ** Math.min(count - 1, 10));
    this.failures.delete(address);
    this.failures.set(address, { count, untilMs: nowMs + delayMs });
    const [first] = this.failures.keys();
    if (this.failures.size > ADDRESSES_MAX) this.failures.delete(first!);
    return delayMs;
  }

  succeeded(address: string): void {
    this.failures.delete(address);
  }

  /** How long a new connection from there waits before its first request is taken, in milliseconds. */
  remaining(address: string, nowMs: number): number {
    return Math.max(0, (this.failures.get(address)?.untilMs ?? 0) - nowMs);
  }
}

/** Without the port, which every connection has another one of. */
export function hostOf(remoteAddress: string): string {
  return remoteAddress.slice(0, remoteAddress.lastIndexOf(':'));
}
