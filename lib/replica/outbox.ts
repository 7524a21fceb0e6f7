/**
 * Messages that wait for durability: each leaves when the items it rests on are durable (contract 5).
 *
 * 1. Messages to one peer leave in the order in which they were released; those that wait keep their order.
 * 2. `after` never falls from one waiting message to the next, so only the front is looked at.
 */
import { invariant } from '../contract.js';
import type { Message } from '../paxos/messages.js';
import type { ReplicaId } from '../types.js';

interface Waiting {
  readonly to: ReplicaId;
  readonly message: Message;
  readonly after: number;
}

export class Outbox {
  private readonly post: (to: ReplicaId, message: Message) => void;
  private waiting: Waiting[] = [];
  private durable = 0;

  constructor(post: (to: ReplicaId, message: Message) => void) {
    this.post = post;
  }

  send(to: ReplicaId, message: Message, after: number): void {
    if (after <= this.durable) return this.post(to, message);
    const last = this.waiting[this.waiting.length - 1];
    invariant(
      last === undefined || last.after <= after,
      5,
      'messages wait in the order of what they rest on',
    );
    this.waiting.push({ to, message, after });
  }

  /** Items through `item` are durable: what rested on them leaves. */
  release(item: number): void {
    this.durable = item;
    let ready = 0;
    for (const { to, message, after } of this.waiting) {
      if (after > item) break;
      this.post(to, message);
      ready++;
    }
    if (ready > 0) this.waiting = ready === this.waiting.length ? [] : this.waiting.slice(ready);
  }
}
