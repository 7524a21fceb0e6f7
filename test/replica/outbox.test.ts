import { describe, expect, it } from 'vitest';
import type { Message } from '../../lib/paxos/messages.js';
import { Outbox } from '../../lib/replica/outbox.js';
import type { Ballot } from '../../lib/types.js';

const message = (round: number): Message => ({ type: 'canvassed', ballot: round as Ballot });

describe('the outbox (contract 5)', () => {
  it('holds each message until the items it rests on are durable, and keeps their order', () => {
    const sent: number[] = [];
    const outbox = new Outbox((to) => sent.push(to));
    outbox.send(1, message(1), 0);
    outbox.send(2, message(2), 3);
    outbox.send(3, message(3), 3);
    outbox.send(4, message(4), 5);
    outbox.send(5, message(5), 0);
    expect(sent).toEqual([1, 5]);
    outbox.release(2);
    expect(sent).toEqual([1, 5]);
    outbox.release(4);
    expect(sent).toEqual([1, 5, 2, 3]);
    outbox.send(6, message(6), 4);
    expect(sent).toEqual([1, 5, 2, 3, 6]);
    outbox.release(5);
    expect(sent).toEqual([1, 5, 2, 3, 6, 4]);
    outbox.release(6);
    expect(sent, 'each once').toEqual([1, 5, 2, 3, 6, 4]);
  });

  it('refuses a message that rests on less than one before it: the front would no longer be the first to go', () => {
    const outbox = new Outbox(() => {});
    outbox.send(1, message(1), 5);
    expect(() => outbox.send(1, message(2), 4)).toThrow(expect.objectContaining({ contract: 5 }));
  });
});
