import { describe, expect, it } from 'vitest';
import { ErrorCode, IndelibleError } from '../../lib/errors.js';
import { type BackupParts, BackupSources } from '../../lib/replica/backup-source.js';
import { Clients } from '../../lib/replica/clients.js';
import { Outcome, type Requester } from '../../lib/replica/service.js';
import type { ClientConnection } from '../../lib/transport/client-connection.js';
import type { Caller } from '../../lib/transport/hello.js';
import type { Ballot } from '../../lib/types.js';
import type { ClientMessage } from '../../lib/wire/client-messages.js';

const BODY = Buffer.from([1, 0, 0, 0, 7]);

const LEAD = 65537;

interface Taken {
  readonly requester: Requester;
  readonly first: number;
  readonly deadlineMs: number | undefined;
}

/** A host that takes what it leads for and answers when told to, and a connection that writes down. */
const setUp = () => {
  const said: (string | number)[][] = [];
  const taken: Taken[] = [];
  const abandoned: Requester[] = [];
  const take = (requester: Requester, first: number): boolean =>
    taken.push({ requester, first, deadlineMs: requester.deadlineMs }) > 0;
  const host = {
    leads: true,
    leader: 1,
    lead: LEAD as Ballot,
    submitFor: take,
    query: take,
    abandon: (requester: Requester) => abandoned.push(requester),
    flush: () => {},
    settled: () => {},
    skip: (): Promise<void> => Promise.resolve(),
    changeMembers: () => Promise.resolve(),
    handOverTo: () => {},
  };
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs };
  const connect = (caller: Caller) => ({
    caller,
    writableNeedDrain: false,
    paused: false,
    send(message: ClientMessage) {
      if (message.type === 'leaderIs') said.push(['leaderIs', message.leader]);
    },
    sendOutcomes: (first: number, count: number, outcome: Outcome) => said.push([first, count, outcome]),
    pause(): void {
      this.paused = true;
    },
    resume(): void {
      this.paused = false;
    },
    isFrontEnd: false,
    close: () => said.push(['closed']),
    destroyed: false,
    destroy(): void {
      this.destroyed = true;
    },
  });
  const clients = new Clients(
    host,
    clock,
    () => BODY,
    { begin: () => undefined },
    new BackupSources({} as BackupParts),
  );
  const accept = (caller: Caller): ClientConnection & { paused: boolean; destroyed: boolean } => {
    const accepted = connect(caller) as unknown as ClientConnection & { paused: boolean; destroyed: boolean };
    clients.accept(accepted);
    return accepted;
  };
  const connection = accept({ number: 11, connection: 3 });
  const say = (type: 'submit' | 'query', first: number, terms = {}): void =>
    connection.onMessage({ type, first, count: 1, lead: LEAD, deadlineMs: 1000, body: BODY, ...terms });
  const answer = (index: number, outcome: Outcome): void => {
    const { requester, first } = taken[index]!;
    requester.outcome(first, 1, outcome, BODY, 0, 0);
  };
  said.length = 0;
  return { host, clients, clock, connection, accept, said, taken, abandoned, say, answer };
};

describe('a client of the peer port', () => {
  it('that is no replica has nothing passed on, and is hung up on when it asks for that', () => {
    const { host, connection, said } = setUp();
    host.leads = false;
    connection.onMessage({ type: 'relay' });
    expect(said).toEqual([['closed']]);
  });

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

  it('is hung up on, and what it brought given up, when the same asker has opened the next one', () => {
    const { connection, accept, taken, abandoned, say } = setUp();
    say('submit', 1);
    const other = accept({ number: 12, connection: 9 });
    expect(connection.destroyed).toBe(false);
    const next = accept({ number: 11, connection: 4 });
    expect([connection.destroyed, next.destroyed, other.destroyed]).toEqual([true, false, false]);
    expect(abandoned).toContain(taken[0]!.requester);
    expect(taken[0]!.requester.hasGivenUp).toBe(true);
    // What has arrived of the old one, or arrives yet, is not taken, nor is an older one let in.
    say('submit', 2);
    expect(taken.map(({ first }) => first)).toEqual([1]);
    expect(accept({ number: 11, connection: 2 }).destroyed).toBe(true);
    expect(next.destroyed).toBe(false);
  });

  it('is not taken at its word in a later lead: what was asked of an earlier one is not executed', () => {
    const { host, said, taken, say } = setUp();
    say('submit', 1);
    taken.length = 0;
    host.lead = (LEAD + 131072) as Ballot;
    say('query', 2 ** 52);
    say('query', 2 ** 52 + 1, { lead: host.lead });
    expect(said).toEqual([
      [2 ** 52, 1, Outcome.notExecuted],
      ['leaderIs', 1],
    ]);
    expect(taken.map(({ first }) => first)).toEqual([2 ** 52 + 1]);
  });

  it('hands over its deadlines, which never fall from one request to the next', () => {
    const { taken, say } = setUp();
    for (const deadlineMs of [500, 400, 900]) say('submit', taken.length + 1, { deadlineMs });
    expect(taken.map(({ deadlineMs }) => deadlineMs)).toEqual([500, 500, 900]);
  });

  it('is told the clock again every second, from when it was told last', () => {
    const { clients, clock, said } = setUp();
    clients.leaderChanged();
    for (clock.nowMs = 0; clock.nowMs < 3000; clock.nowMs += 10) clients.tick(clock.nowMs);
    expect(said).toEqual([
      ['leaderIs', 1],
      ['leaderIs', 1],
      ['leaderIs', 1],
    ]);
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
    host.submitFor = () => {
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
