/** How often a core campaigns while it gets no quorum, or cannot decide. */
import { describe, expect, it } from 'vitest';
import type { Message } from '../../lib/paxos/messages.js';
import type { Ballot } from '../../lib/types.js';
import { alone, campaigning, sentBy, TIMEOUT_TICKS, tick } from './one-core.js';

describe('campaigns', () => {
  /** Ticks between the campaigns of a replica of which each gets this answer of 1's. */
  function pauses(answerTo: (ballot: Ballot) => Message): number[] {
    const node = alone();
    const begun: number[] = [];
    for (let ticks = 1; begun.length < 6; ticks++) {
      tick(node, 1);
      for (const { to, message } of sentBy(node)) {
        if (message.type !== 'canvass' || to !== 1) continue;
        node.core.receive(1, { type: 'canvassed', ballot: message.ballot });
        begun.push(ticks);
        node.sync();
        node.core.receive(1, answerTo(message.ballot));
      }
    }
    return begun.slice(1).map((at, index) => at - begun[index]!);
  }

  const empty = { attempt: 1, fromSlot: 1, throughSlot: 3, trimThrough: 0, learnedThrough: 0, votes: [] };

  it('come at one pace while it is answers that are missing', () => {
    const part = (ballot: Ballot): Message => {
      return { type: 'promised', configuration: 1, ballot, ...empty, isLast: false, uncertain: [] };
    };
    // One tick longer: a part of an answer has come.
    expect(pauses(part)).toEqual(Array(5).fill(TIMEOUT_TICKS + 1));
  });

  it('come more and more seldom while damage keeps them from deciding, up to a bound', () => {
    const uncertain = [{ from: 2, through: 2 }];
    const undecided = (ballot: Ballot): Message => {
      return { type: 'promised', configuration: 1, ballot, ...empty, isLast: true, uncertain };
    };
    expect(pauses(undecided)).toEqual([1, 2, 4, 8, 8].map((times) => times * TIMEOUT_TICKS));
  });

  it('do not count as undecided when they never began', () => {
    const node = alone();
    const ballot = campaigning(node);
    node.sync();
    const uncertain = [{ from: 2, through: 2 }];
    node.core.receive(1, { type: 'promised', configuration: 1, ballot, ...empty, isLast: true, uncertain });
    expect(node.core.undecided).toEqual(uncertain);
    node.roles = [];
    tick(node, 7 * TIMEOUT_TICKS);
    // After one time-out of the first length come three of twice that.
    expect(node.roles).toHaveLength(4);
  });
});
