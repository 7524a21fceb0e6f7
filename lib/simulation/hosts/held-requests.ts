/**
 * Where a requester asks that holds a session, as a program does that called `Replica.session`: its commands
 * wait for their answer for as long as the process lives. When the cluster has forgotten the session, it
 * opens another one.
 */
import { ErrorCode, IndelibleError } from '../../errors.js';
import type { Host } from '../../replica/host.js';
import type { Requester } from '../../replica/service.js';
import type { Holder } from '../../replica/sessions/line-options.js';
import type { SessionLine } from '../../replica/sessions/session-line.js';
import type { Asked } from './front-end.js';
import type { HostCounters } from './host-counters.js';

const HELD_BYTES_MAX = 20_000;

export class HeldRequests implements Asked, Holder {
  private readonly host: Host;
  private readonly counters: HostCounters;
  private line: SessionLine;
  private isStopped = false;

  constructor(host: Host, counters: HostCounters) {
    this.host = host;
    this.counters = counters;
    this.line = host.lines.hold(this, HELD_BYTES_MAX);
  }

  submit(
    requester: Requester,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    if (this.isStopped) throw new IndelibleError(ErrorCode.stopped, 'the session is over');
    return this.line.submit(requester, first, count, bytes, start, end, Number.POSITIVE_INFINITY);
  }

  query(
    requester: Requester,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    return this.host.query(requester, first, count, bytes, start, end);
  }

  /** The program closes its session, and opens another one. */
  abandon(requester: Requester): void {
    this.line.abandon(requester);
    this.host.abandon(requester);
    this.change();
  }

  flush(): void {
    this.host.flush();
  }

  opened(): void {
    this.counters.sessionsOpened++;
  }

  gone(): void {
    this.counters.sessionsLost++;
    this.change();
  }

  stopped(): void {
    this.isStopped = true;
  }

  private change(): void {
    if (this.isStopped) return;
    const { line } = this;
    this.line = this.host.lines.hold(this, HELD_BYTES_MAX);
    this.host.lines.drop(line);
    this.isStopped = false;
  }
}
