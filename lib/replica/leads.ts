/**
 * Tells a program of the leads of its replica: when one begins with everything earlier applied, and when it
 * is lost.
 *
 * 1. A lead's token is its ballot: of all leads in a cluster, at whatever replica, a later one has a higher
 *    token.
 * 2. A lead is told of once everything that earlier ones have chosen is applied here.
 * 3. Its signal fires as soon as this replica knows that it leads at that ballot no more, and never again
 *    stands for a lead.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import type { Ballot, Slot } from '../types.js';
import { abortable } from './abortable.js';
import type { WaitOptions } from './leader-wait.js';

/** One lead of a replica. */
export interface Leadership {
  /**
   * Higher than that of every earlier lead in this cluster, at whatever replica: its ballot, an integer
   * below 2⁵³. A cluster made from a back-up begins anew.
   */
  readonly token: Ballot;
  /**
   * Fires when the lead is lost, or the replica stops. It can be late: a process that stood still, or a
   * machine that is cut off, does not know yet that others lead. Whoever must not be misled compares tokens.
   */
  readonly signal: AbortSignal;
}

/** What is asked of a replica. */
export interface LeadingReplica {
  /** The ballot at which it leads; 0 if it does not. */
  lead(): Ballot;
  appliedThrough(): Slot;
  /** What earlier leads may have chosen is at or below this slot. */
  recoveredThrough(): Slot;
  isStopped(): boolean;
}

interface Waiter {
  resolve(leadership: Leadership): void;
  reject(error: Error): void;
}

export class Leads {
  private readonly replica: LeadingReplica;
  private readonly waiters = new Set<Waiter>();
  private current: Leadership | undefined;
  private controller = new AbortController();

  constructor(replica: LeadingReplica) {
    this.replica = replica;
  }

  /** @throws (by rejection) the signal's reason; ERR_INDELIBLE_STOPPED */
  wait({ signal }: WaitOptions): Promise<Leadership> {
    let waiter: Waiter | undefined;
    const told = new Promise<Leadership>((resolve, reject) => {
      waiter = { resolve, reject };
      this.waiters.add(waiter);
      this.look();
    });
    const forget = (): void => {
      this.waiters.delete(waiter!);
    };
    return abortable(told, signal).finally(forget);
  }

  /** Something may have changed. */
  look(): void {
    const { replica, current } = this;
    const isStopped = replica.isStopped();
    const lead = isStopped ? 0 : replica.lead();
    if (current !== undefined && current.token !== lead) {
      this.current = undefined;
      this.controller.abort();
    }
    if (isStopped) {
      for (const waiter of this.waiters) {
        waiter.reject(new IndelibleError(ErrorCode.stopped, 'the replica has stopped'));
      }
    } else if (lead !== 0 && replica.appliedThrough() >= replica.recoveredThrough()) {
      this.tell(lead as Ballot);
    }
  }

  private tell(token: Ballot): void {
    if (this.current === undefined) {
      this.controller = new AbortController();
      this.current = { token, signal: this.controller.signal };
    }
    for (const waiter of this.waiters) waiter.resolve(this.current);
  }
}
