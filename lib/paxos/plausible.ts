/**
 * Which ballots of peers are plausible: how far one may lie above all that this replica has seen.
 *
 * Rounds rise by one with each campaign, and there is an end to them. One message that names the last of them
 * would be promised, be durable, and leave nobody a ballot to campaign at. So rounds are taken only as fast
 * as no cluster campaigns, with something in store for a replica that has been away; one that was away for
 * longer waits until that has grown.
 *
 * 1. What peers make this replica see and promise rises by no more than ROUNDS_IN_STORE at once, and by
 *    ROUNDS_PER_TICK for every tick: to the end of what may be heard (2³⁶) that takes a week.
 * 2. Nothing that honest replicas say is refused for ever.
 */
import type { Ballot } from '../types.js';
import { NO_BALLOT, roundOf } from './ballot.js';
import type { Message } from './messages.js';

const ROUNDS_IN_STORE: number = 2 ** 24;
const ROUNDS_PER_TICK = 1024;

export class Plausible {
  private store = ROUNDS_IN_STORE;

  tick(): void {
    this.store += ROUNDS_PER_TICK;
  }

  /** Whether `message` names a ballot too far above `highest`, the highest seen here. */
  isBeyond(message: Message, highest: Ballot): boolean {
    return roundOf(highestIn(message)) - roundOf(highest) > this.store;
  }

  /** Peers have made the highest ballot seen here rise. */
  rose(before: Ballot, after: Ballot): void {
    this.store -= roundOf(after) - roundOf(before);
  }
}

/** The highest ballot that a message speaks of. */
function highestIn(message: Message): Ballot {
  switch (message.type) {
    case 'rejected':
      return Math.max(message.promised, message.ballot) as Ballot;
    case 'chosen':
    case 'promised': {
      let highest = message.type === 'promised' ? message.ballot : NO_BALLOT;
      for (const { ballot } of message.votes) if (ballot > highest) highest = ballot;
      return highest;
    }
    default:
      return 'ballot' in message ? message.ballot : NO_BALLOT;
  }
}
