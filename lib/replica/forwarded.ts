/**
 * A requester whose requests are answered by another replica: what stands for it on the connection there. Its
 * callbacks are called as those of requests that are answered here.
 */
import type { Asker } from '../transport/request-line.js';
import { tell, wakeAll } from './outcomes.js';
import type { Outcome, Requester } from './service.js';

export class Forwarded implements Asker {
  private readonly requester: Requester;

  constructor(requester: Requester) {
    this.requester = requester;
  }

  outcome(
    first: number,
    count: number,
    outcome: Outcome,
    results: Uint8Array,
    start: number,
    end: number,
  ): void {
    tell(this.requester, first, count, outcome, results, start, end);
  }

  drain(): void {
    wakeAll(new Set([this.requester]));
  }
}
