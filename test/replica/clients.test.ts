import { describe, expect, it } from 'vitest';
import { ErrorCode, IndelibleError } from '../../lib/errors.js';
import { Clients } from '../../lib/replica/clients.js';
import { Outcome, type Requester } from '../../lib/replica/service.js';
import type { ClientConnection } from '../../lib/transport/client-connection.js';
import type { ClientMessage } from '../../lib/wire/client-messages.js';

const BODY = Buffer.from([1, 0, 0, 0, 7]);

interface Taken {
  readonly requester: Requester;
  readonly first: number;
}

/** A host that takes what it leads for and answers when told to, and a connection that writes down. */
const setUp = () => {
  const said: (string | number)[][] = [];
  const taken: Taken[] = [];
  const abandoned: Requester[] = [];
  const take = (requester: Requester, first: number): boolean => taken.push({ requester, first }) > 0;
  const host = {
    leads: true,
    leader: 1,
    wasAway: false,
    submit: take,
    query: take,
    abandon: (requester: Requester) => abandoned.push(requester),
    flush: () => {},
    settled: () => {},
  };
  const connection = {
    writableNeedDrain: false,
    paused: false,
    send(message: ClientMessage) {
      if (message.type === 'leaderIs') said.push(['leaderIs', message.leader]);
    },
    sendOutcomes: (first: number, count: number, outcome: Outcome) => said.push([first, count, outcome]),
    pause(): void {
      connection.paused = true;
    },
    resume(): void {
      connection.paused = false;
    },
    destroyed: false,
    destroy(): void {
      connection.destroyed = true;
    },
  } as unknown as ClientConnection & { paused: boolean; destroyed: boolean };
  new Clients(host, () => BODY).accept(connection);
  const say = (type: 'submit' | 'query', first: number): void =>
    connection.onMessage({ type, first, count: 1, body: BODY });
  const answer = (index: number, outcome: Outcome): void => {
    const { requester, first } = taken[index]!;
    requester.outcome(first, 1, outcome, BODY, 0, 0);
  };
  said.length = 0;
  return { host, connection, said, taken, abandoned, say, answer };
};

describe('a client of the peer port', () => {
  it('is told by a replica that does not lead who does, its requests not executed', () => {
    const { host, said, say } = setUp();
    host.leads = false;
    host.leader = 2;
    say('submit', 1);
    say('query', 2 ** 52);
    expect(said).toEqual([
      [1, 1, Outcome.notExecuted],
      ['leaderIs', 2],
      [2 ** 52, 1, Outcome.notExecuted],
      ['leaderIs', 2],
    ]);
  });

  it('is hung up on, and nothing it brought is taken, by a replica that was away', () => {
    const { host, connection, taken, abandoned, say } = setUp();
    say('submit', 1);
    host.wasAway = true;
    say('submit', 2);
    host.wasAway = false;
    say('submit', 3);
    expect(connection.destroyed).toBe(true);
    expect(taken.map(({ first }) => first)).toEqual([1]);
    expect(abandoned).toContain(taken[0]!.requester);
    expect(taken[0]!.requester.hasGivenUp).toBe(true);
  });

  it('gives up, when it closes, what is not proposed yet, and leaves its commands to no other leader', () => {
    const { connection, taken, say } = setUp();
    say('submit', 1);
    const { requester } = taken[0]!;
    expect([requester.isLeaderOnly, requester.hasGivenUp]).toEqual([true, false]);
    connection.onClose();
    expect(requester.hasGivenUp).toBe(true);
  });

  it('hears a refusal only after the outcomes of what was taken before it', () => {
    const { host, connection, said, say, answer } = setUp();
    say('submit', 1);
    say('submit', 2);
    host.leads = false;
    say('submit', 3);
    expect(said).toEqual([]);
    expect(connection.paused).toBe(true);
    answer(0, Outcome.done);
    answer(1, Outcome.unknown);
    expect(said.filter(([what]) => what !== 'leaderIs')).toEqual([
      [1, 1, Outcome.done],
      [2, 1, Outcome.unknown],
      [3, 1, Outcome.notExecuted],
    ]);
    expect(connection.paused).toBe(false);
  });

  it('hears that a request is not executed that the host never will take, in order', () => {
    const { host, said, say, answer } = setUp();
    say('submit', 1);
    host.submit = () => {
      throw new IndelibleError(ErrorCode.commandTooLarge, 'too large');
    };
    say('submit', 2);
    expect(said).toEqual([]);
    answer(0, Outcome.done);
    expect(said).toEqual([
      [1, 1, Outcome.done],
      [2, 1, Outcome.notExecuted],
      ['leaderIs', 1],
    ]);
  });

  it('hears about queries without waiting for commands', () => {
    const { host, said, say } = setUp();
    say('submit', 1);
    host.leads = false;
    say('query', 2 ** 52);
    expect(said).toEqual([
      [2 ** 52, 1, Outcome.notExecuted],
      ['leaderIs', 1],
    ]);
  });

  it('is forgotten, commands and queries, when its connection ends', () => {
    const { connection, taken, abandoned, say } = setUp();
    say('submit', 1);
    say('query', 2 ** 52);
    connection.onClose();
    expect(new Set(abandoned)).toEqual(new Set(taken.map(({ requester }) => requester)));
  });
});
