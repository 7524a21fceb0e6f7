/**
 * The log lines of what strangers and peers do on the network: whoever calls again and again does not fill
 * the disk with them.
 *
 * 1. The first of a kind from an address is written as it comes, with its reason. Of those that follow before
 *    the next `sweep` the number is written, at that sweep.
 * 2. What is remembered is bounded: addresses beyond the most share one.
 */

export interface NetworkLine {
  /** What happened: refused, malformed … */
  readonly event: string;
  /** `host:port`, or a path. */
  readonly remote: string;
  readonly peer?: number | undefined;
  readonly reason?: string | undefined;
}

/** Milliseconds between two sweeps. */
export const SWEEP_MS = 60_000;

const ADDRESSES_MAX = 200;

export class NetworkLines {
  private readonly write: (fields: object, event: string) => void;
  /** By event and host: how many were left out, and one of them. */
  private readonly counts = new Map<
    string,
    { leftOut: number; readonly from: string; readonly event: string }
  >();

  constructor(write: (fields: object, event: string) => void) {
    this.write = write;
  }

  tell({ event, remote, peer, reason }: NetworkLine): void {
    const { isNew, count } = this.place(event, hostOf(remote));
    if (isNew) this.write({ remote, peer, reason }, event);
    else count.leftOut++;
  }

  /** Writes how many were left out, and begins anew. */
  sweep(): void {
    for (const { event, from, leftOut } of this.counts.values()) {
      if (leftOut > 0) this.write({ remote: from, times: leftOut }, `${event}, again`);
    }
    this.counts.clear();
  }

  private place(event: string, host: string) {
    const from = this.counts.size < ADDRESSES_MAX || this.counts.has(`${event} ${host}`) ? host : 'others';
    const name = `${event} ${from}`;
    const found = this.counts.get(name);
    if (found !== undefined) return { isNew: false, count: found };
    const count = { leftOut: 0, from, event };
    this.counts.set(name, count);
    return { isNew: true, count };
  }
}

/** Without the port, which every connection of one host has another one of. */
function hostOf(remote: string): string {
  return remote.startsWith('unix:') ? remote : remote.replace(/:\d+$/, '');
}
