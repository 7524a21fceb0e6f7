/** One deadline for each request, whatever it waits for; and which requests a leader takes from others. */
import { type BackupParts, BackupSources } from '../../../lib/replica/backup-source.js';
import { Clients } from '../../../lib/replica/clients.js';
import { Executor } from '../../../lib/replica/executor.js';
import type { Forwarder } from '../../../lib/replica/forwarder.js';
import { TUNING_DEFAULT } from '../../../lib/replica/options.js';
import { type Deciding, Placing } from '../../../lib/replica/placing.js';
import type { ReplicatedClock } from '../../../lib/replica/replicated-clock.js';
import { Outcome, type Requester } from '../../../lib/replica/service.js';
import type { StateMachine } from '../../../lib/replica/state-machine.js';
import type { Runtime } from '../../../lib/runtime.js';
import type { ClientConnection } from '../../../lib/transport/client-connection.js';
import type { Ballot } from '../../../lib/types.js';
import type { ClientMessage } from '../../../lib/wire/client-messages.js';
import { mustBe, type Schedule } from './schedule.js';

const BODY = Buffer.from([1, 0, 0, 0, 7]);
const TIMEOUT_MS: number = TUNING_DEFAULT.requestTimeoutMs;
const LEAD = 65537 as Ballot;

/** A leader's way to its slots, with a clock and a window that the schedule turns. */
class Leader {
  nowMs = 0;
  proposed = 0;
  hasRoom = true;
  readonly heard: [first: number, outcome: Outcome][] = [];
  private readonly asker: Requester = {
    outcome: (first, count, outcome) => {
      for (let i = 0; i < count; i++) this.heard.push([first + i, outcome]);
    },
    drain: () => {},
  };
  readonly placing: Placing;
  private readonly core = {
    role: 'leader',
    ballot: LEAD,
    leader: 1,
    canPropose: false,
    proposer: { lastSlot: 0 },
    room: { isReserve: false },
    propose: () => (this.hasRoom ? ++this.proposed : 0),
    read: () => true,
  };

  constructor() {
    const forwarder = { isSettled: true, settle: () => true, isOverdue: () => false, tick() {} };
    this.placing = new Placing({
      executor: new Executor({} as StateMachine, { through: 0, timeMs: 0 }),
      forwarder: forwarder as unknown as Forwarder,
      tuning: TUNING_DEFAULT,
      batchBytesMax: 1 << 20,
      runtime: { monotonicMs: () => this.nowMs } as unknown as Runtime,
      clock: { isKnown: true, now: () => 0, atLeast() {} } as unknown as ReplicatedClock,
      grows: () => true,
    });
  }

  submit(first: number, deadlineMs: number = Number.POSITIVE_INFINITY): void {
    const asker = { ...this.asker, deadlineMs };
    this.placing.submitFor(asker, first, 1, BODY, undefined);
  }

  query(first: number): void {
    this.placing.query(this.asker, first, 1, BODY, 0, BODY.length);
  }

  /** Turns that are taken before nothing is left to do, at most 100. */
  turnsUntilQuiet(): number {
    this.core.canPropose = true;
    const core = this.core as unknown as Deciding;
    for (let turns = 1; turns < 100; turns++) {
      this.placing.place(core);
      if (!this.placing.canGoOn(core)) return turns;
    }
    return 100;
  }

  /** A turn, in which a slot is free or not, and then a tick. */
  turn(hasSlot: boolean): void {
    this.core.canPropose = hasSlot;
    this.placing.place(this.core as unknown as Deciding);
    this.tick();
  }

  tick(): void {
    this.placing.tick(this.core as unknown as Deciding, this.nowMs);
  }
}

/** A connection of a client to a leader; `taken` is what the leader took from it. */
function talk(): {
  say(first: number, lead: number): void;
  next(ordinal: number): void;
  taken: number[];
  refused: number[];
} {
  const taken: number[] = [];
  const refused: number[] = [];
  const take = (_: Requester, first: number): boolean => taken.push(first) > 0;
  const clients = new Clients(
    {
      leads: true,
      leader: 1,
      lead: LEAD,
      submitFor: take,
      query: take,
      abandon() {},
      flush() {},
      skip: () => Promise.resolve(),
      changeMembers: () => Promise.resolve(),
      handOverTo: () => {},
      settled() {},
    },
    { monotonicMs: () => 0 },
    () => BODY,
    { begin: () => undefined },
    new BackupSources({} as BackupParts),
  );
  const connect = (ordinal: number): ClientConnection => {
    const connection = {
      caller: { number: 7, connection: ordinal },
      writableNeedDrain: false,
      send() {},
      sendOutcomes: (first: number) => refused.push(first),
      pause() {},
      resume() {},
      destroy() {},
    } as unknown as ClientConnection;
    clients.accept(connection);
    return connection;
  };
  const connection = connect(1);
  const terms = { count: 1, deadlineMs: 1000, body: BODY };
  const say = (first: number, lead: number): void =>
    connection.onMessage({ type: 'submit', first, lead, ...terms } satisfies ClientMessage);
  return { say, next: connect, taken, refused };
}

export const deadlines: readonly Schedule[] = [
  {
    name: 'what waited while its replica was stopped is given no slot when that goes on',
    run() {
      const leader = new Leader();
      leader.submit(1);
      leader.turn(false);
      leader.nowMs = 4 * TIMEOUT_MS;
      leader.submit(2);
      leader.turn(true);
      mustBe([leader.heard, leader.proposed], [[[1, Outcome.notExecuted]], 1], 'only the second is in time');
    },
  },
  {
    name: 'a request whose asker has less time left is given no slot after that',
    run() {
      const leader = new Leader();
      leader.submit(1);
      leader.submit(2, 100);
      leader.nowMs = 100;
      leader.turn(true);
      mustBe([leader.heard, leader.proposed], [[[2, Outcome.notExecuted]], 1], 'the first has time');
    },
  },
  {
    name: 'waiting for a slot does not begin the deadline of a command anew',
    run() {
      const leader = new Leader();
      leader.submit(1);
      leader.nowMs = TIMEOUT_MS - 100;
      leader.turn(true);
      mustBe([leader.heard, leader.proposed], [[], 1], 'it has its slot');
      leader.nowMs = TIMEOUT_MS;
      leader.turn(true);
      mustBe(leader.heard, [[1, Outcome.unknown]], 'its time is over');
    },
  },
  {
    name: 'every deadline fires while no slot is free, in the order asked',
    run() {
      const leader = new Leader();
      const asked: [number, Outcome][] = [];
      for (let ms = 0; ms < TIMEOUT_MS; ms += 100) {
        leader.nowMs = ms;
        leader.submit(ms / 100);
        leader.turn(false);
        asked.push([ms / 100, Outcome.notExecuted]);
      }
      leader.query(9999);
      for (; leader.nowMs < 2 * TIMEOUT_MS; leader.nowMs += 10) leader.turn(false);
      const commands = leader.heard.filter(([first]) => first !== 9999);
      mustBe(commands, asked, 'all are over');
      mustBe(leader.heard.length, asked.length + 1, 'the query too');
    },
  },
  {
    name: 'every deadline fires at a leader whose log is full, though nothing but time brings it a turn',
    run() {
      const leader = new Leader();
      leader.hasRoom = false;
      const asked: [number, Outcome][] = [];
      for (let ms = 0; ms < TIMEOUT_MS; ms += 100) {
        leader.nowMs = ms;
        leader.submit(ms / 100);
        asked.push([ms / 100, Outcome.notExecuted]);
      }
      mustBe([leader.turnsUntilQuiet(), leader.proposed], [1, 0], 'it has no room');
      for (; leader.nowMs < 2 * TIMEOUT_MS; leader.nowMs += 10) {
        leader.tick();
        const due = asked.filter(([number]) => number * 100 + TIMEOUT_MS <= leader.nowMs - 200);
        mustBe(leader.heard.slice(0, due.length), due, 'who is overdue has heard');
      }
      mustBe(leader.heard, asked, 'all are over');
    },
  },
  {
    name: 'a leader whose log has no room takes one turn, and not one after the other',
    run() {
      const leader = new Leader();
      leader.hasRoom = false;
      leader.submit(1);
      mustBe(leader.turnsUntilQuiet(), 1, 'nothing came of it');
      leader.hasRoom = true;
      mustBe([leader.turnsUntilQuiet(), leader.proposed], [1, 1], 'there is room again');
    },
  },
  {
    name: 'a request is taken only in the lead that it was asked of',
    run() {
      const { say, taken, refused } = talk();
      say(1, LEAD);
      say(2, LEAD - 65536);
      mustBe([taken, refused], [[1], []], 'the second waits for the answer to the first');
      const other = talk();
      other.say(1, LEAD - 65536);
      mustBe([other.taken, other.refused], [[], [1]], 'it is refused at once');
    },
  },
  {
    name: 'what arrives over a connection whose asker has opened the next one is not taken',
    run() {
      const { say, next, taken } = talk();
      next(2);
      say(1, LEAD);
      mustBe(taken, [], 'it may be older than what came over the next one');
    },
  },
];
