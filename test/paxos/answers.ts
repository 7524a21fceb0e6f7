/** What an acceptor answers to a prepare, all parts of it. */
import type { Acceptor } from '../../lib/paxos/acceptor.js';
import { Configurations } from '../../lib/paxos/configurations.js';
import type { Effects } from '../../lib/paxos/effects.js';
import type { Learner } from '../../lib/paxos/learner.js';
import type { Promised } from '../../lib/paxos/messages.js';
import { PromisedAnswer } from '../../lib/paxos/promised-answer.js';
import type { Slot } from '../../lib/types.js';
import { configurationOf } from './cluster.js';

export const FIRST: Configurations = new Configurations(1, configurationOf(3));

/** A learner that has learned nothing. */
export const NOTHING_LEARNED: Learner = { learnedThrough: 0 } as Learner;

export function partsOf(acceptor: Acceptor, fromSlot: Slot = 1, votesBytesMax?: number): Promised[] {
  const answer = new PromisedAnswer(acceptor, NOTHING_LEARNED, FIRST, {} as Effects, votesBytesMax);
  const parts: Promised[] = [];
  for (let next = fromSlot; parts.at(-1)?.isLast !== true; next = parts.at(-1)!.throughSlot + 1) {
    parts.push(answer.part(next, 1));
  }
  return parts;
}
