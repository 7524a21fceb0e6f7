/**
 * Keeps replicated time among replicas: the leader tells and asks the others, who answer, and each replica
 * looks after its own clock. What comes of it is in replicated-clock.ts.
 *
 * 1. Only who leads, as far as this replica knows, is listened to.
 * 2. A wall clock that is off is told of once when it comes off, and once when it is well again.
 */
import type { Clock, Clocked, Message } from '../paxos/messages.js';
import type { Runtime } from '../runtime.js';
import type { Configuration, ReplicaId } from '../types.js';
import { ReplicatedClock } from './replicated-clock.js';

/** Milliseconds between two askings, and while the leader does not know the time. */
const ASK_MS = 500;
const ASK_URGENTLY_MS = 50;

/** This replica's wall clock is off, or is no longer: so far is it ahead of replicated time. */
export interface ClockNews {
  /** True while the clock is off by more than `clockBoundMs`. */
  readonly isOff: boolean;
  /** Milliseconds that the clock is ahead of replicated time; negative: behind. */
  readonly aheadMs: number;
}

export interface TimeKeepingParts {
  readonly self: ReplicaId;
  readonly configuration: Configuration;
  readonly boundMs: number;
  readonly runtime: Runtime;
  readonly send: (to: ReplicaId, message: Message) => void;
  readonly news: (news: ClockNews) => void;
}

export class TimeKeeping {
  readonly clock: ReplicatedClock;
  private readonly parts: TimeKeepingParts;
  private peers: readonly ReplicaId[] = [];
  private leads = false;
  private askAtMs = 0;

  constructor(parts: TimeKeepingParts) {
    const { self, configuration, boundMs, runtime } = parts;
    this.parts = parts;
    this.clock = new ReplicatedClock({ self, members: votersOf(configuration), boundMs, clocks: runtime });
    this.configured(configuration);
  }

  /** Others are the members from now on: all are told the time, and voters' clocks count. */
  configured(configuration: Configuration): void {
    this.peers = configuration.members.map(({ id }) => id).filter((id) => id !== this.parts.self);
    this.clock.configured(votersOf(configuration));
  }

  /** This replica leads, or does not; the last batch it has applied is stamped `stampMs`. */
  lead(leads: boolean, stampMs: number): void {
    this.clock.atLeast(stampMs);
    this.clock.lead(leads);
    if (leads && !this.leads) this.ask(this.parts.runtime.monotonicMs());
    this.leads = leads;
  }

  receive(from: ReplicaId, message: Clock | Clocked, leader: ReplicaId): void {
    if (message.type === 'clocked') this.clock.answered(from, message);
    else if (from === leader) this.parts.send(from, this.clock.told(message));
  }

  tick(nowMs: number, stampMs: number): void {
    this.clock.atLeast(stampMs);
    const isNews = this.clock.look();
    if (this.leads && nowMs >= this.askAtMs) this.ask(nowMs);
    if (!isNews) return;
    const { aheadMs } = this.clock.status;
    this.parts.news({ isOff: this.clock.isOff, aheadMs });
  }

  private ask(nowMs: number): void {
    this.askAtMs = nowMs + (this.clock.isKnown ? ASK_MS : ASK_URGENTLY_MS);
    const message = this.clock.ask();
    for (const peer of this.peers) this.parts.send(peer, message);
  }
}

function votersOf({ members }: Configuration): readonly ReplicaId[] {
  return members.filter(({ role }) => role !== 'learner').map(({ id }) => id);
}
