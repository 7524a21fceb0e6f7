import { afterEach, describe, expect, it } from 'vitest';
import { Executor } from '../../lib/replica/executor.js';
import { FORMER_MS_MAX, FORMER_SILENT_MS_MAX, Forwarder } from '../../lib/replica/forwarder.js';
import { Queries } from '../../lib/replica/queries.js';
import { Outcome, type Requester } from '../../lib/replica/service.js';
import type { StateMachine } from '../../lib/replica/state-machine.js';
import { Submissions } from '../../lib/replica/submissions.js';
import { nodeRuntime } from '../../lib/runtime.js';
import type { Caller } from '../../lib/transport/hello.js';
import { CLUSTER, KEYS, SocketPlace } from '../transport/places.js';
import { EchoServer, echo } from '../transport/servers.js';

const LIMITS = { commandBytesMax: 99, batchBytesTarget: 512, batchBytesMax: 1024, waitingBytesMax: 4096 };

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** A follower's forwarder, and leaders that echo; time passes when `nowMs` is set. */
class Follower {
  readonly submissions: Submissions = new Submissions(LIMITS);
  readonly queries: Queries = new Queries(new Executor({} as StateMachine, { through: 0, timeMs: 0 }));
  readonly heard: [number: number, outcome: Outcome][] = [];
  nowMs = 0;
  readonly place: SocketPlace;
  readonly forwarder: Forwarder;
  readonly asker: Requester = {
    outcome: (first, count, outcome) => {
      for (let i = 0; i < count; i++) this.heard.push([first + i, outcome]);
    },
    drain: () => {},
  };

  constructor(place: SocketPlace) {
    this.place = place;
    const addresses = place.addresses;
    const runtime = { ...nodeRuntime, monotonicMs: () => this.nowMs };
    this.forwarder = new Forwarder({
      self: 3,
      clusterId: CLUSTER,
      addresses,
      key: KEYS.replicas,
      wake: () => {},
      runtime,
    });
    endings.push(() => this.forwarder.close());
  }

  submit(number: number, asker: Requester = this.asker, deadlineMs?: number): void {
    this.submissions.add(asker, number, 1, Buffer.from([1, 0, 0, 0, number]), 0, 5, deadlineMs);
  }

  query(number: number): void {
    this.queries.add(this.asker, number, 1, Buffer.from([1, 0, 0, 0, number]), 0, 5);
  }

  /** Takes turns of the event loop, as a host does, until `condition` holds. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      this.forwarder.forward(this.submissions, this.queries);
      this.forwarder.flush();
      await this.place.turn();
    }
  }
}

async function setUp(): Promise<{ follower: Follower; one: EchoServer; two: EchoServer }> {
  const place = await SocketPlace.make(3);
  endings.push(() => place.dispose());
  const one = await EchoServer.start(place, 1);
  endings.push(() => one.transport.close());
  const two = await EchoServer.start(place, 2);
  endings.push(() => two.transport.close());
  return { follower: new Follower(place), one, two };
}

const bodies = ({ received }: EchoServer): number[] =>
  received.flatMap((message) => ('body' in message ? [message.body[4]!] : []));

describe('the forwarder', () => {
  it('sends what waits to the leader and brings the outcomes back', async () => {
    const { follower, one } = await setUp();
    follower.forwarder.follow(1);
    follower.submit(1);
    follower.submit(2);
    follower.query(3);
    await follower.until(() => follower.heard.length === 3);
    expect(follower.heard.toSorted()).toEqual([
      [1, Outcome.done],
      [2, Outcome.done],
      [3, Outcome.done],
    ]);
    expect(one.received).not.toEqual([]);
  });

  it('holds everything while the leader does not say that it leads, and forwards it in order then', async () => {
    const { follower, one } = await setUp();
    one.leader = 0;
    follower.forwarder.follow(1);
    follower.submit(1);
    await follower.until(() => one.connections.size === 1);
    follower.submit(2);
    for (let turn = 0; turn < 50; turn++) await follower.until(() => follower.heard.length === 0);
    expect(follower.forwarder.isReady).toBe(false);
    expect(one.received).toEqual([]);
    one.tellLeader(1);
    await follower.until(() => follower.heard.length === 2);
    expect(bodies(one)[0]).toBe(1);
    expect(follower.heard).toEqual([
      [1, Outcome.done],
      [2, Outcome.done],
    ]);
  });

  it('holds what comes next until a former leader has answered what it took', async () => {
    const { follower, one, two } = await setUp();
    const late: (() => void)[] = [];
    one.answer = (connection, message) => {
      if (message.type !== 'submit') return;
      late.push(() =>
        connection.sendOutcomes(message.first, message.count, Outcome.notExecuted, message.body, 0, 0),
      );
    };
    follower.forwarder.follow(1);
    follower.submit(1);
    await follower.until(() => late.length === 1);
    follower.forwarder.follow(2);
    follower.submit(2);
    for (let turn = 0; turn < 50; turn++) await follower.until(() => !follower.forwarder.isSettled);
    expect(two.received).toEqual([]);
    late[0]!();
    one.transport.flush();
    await follower.until(() => follower.heard.length === 2);
    expect(follower.heard).toEqual([
      [1, Outcome.notExecuted],
      [2, Outcome.done],
    ]);
  });

  it('waits for a former leader that hangs no longer than a bound: what it took is unknown', async () => {
    const { follower, one, two } = await setUp();
    one.answer = () => {};
    follower.forwarder.follow(1);
    follower.submit(1);
    await follower.until(() => one.received.length === 1);
    follower.forwarder.follow(2);
    follower.submit(2);
    await follower.until(() => !follower.forwarder.isSettled);
    follower.nowMs = FORMER_SILENT_MS_MAX - 1;
    await follower.until(() => !follower.forwarder.isSettled);
    expect(follower.heard).toEqual([]);
    follower.nowMs = FORMER_SILENT_MS_MAX;
    await follower.until(() => follower.heard.length === 2);
    expect(follower.heard).toEqual([
      [1, Outcome.unknown],
      [2, Outcome.done],
    ]);
    expect(bodies(two)).toEqual([2]);
  });

  it('waits longer for a former leader that goes on answering, and not for ever', async () => {
    const { follower, one, two } = await setUp();
    const late: (() => void)[] = [];
    one.answer = (connection, message) => {
      if (message.type !== 'submit') return;
      late.push(() =>
        connection.sendOutcomes(message.first, message.count, Outcome.notExecuted, message.body, 0, 0),
      );
    };
    const answers = FORMER_MS_MAX / FORMER_SILENT_MS_MAX;
    follower.forwarder.follow(1);
    for (let n = 1; n <= answers + 1; n++) {
      follower.submit(n);
      await follower.until(() => late.length === n);
    }
    follower.forwarder.follow(2);
    await follower.until(() => !follower.forwarder.isSettled);
    for (let n = 1; n < answers; n++) {
      follower.nowMs = n * (FORMER_SILENT_MS_MAX - 1);
      late[n - 1]!();
      one.transport.flush();
      await follower.until(() => follower.heard.length === n);
      expect(follower.forwarder.isSettled).toBe(false);
    }
    follower.nowMs = FORMER_MS_MAX;
    follower.submit(answers + 2);
    await follower.until(() => follower.heard.length === answers + 2);
    expect(follower.heard.slice(answers - 1)).toEqual([
      [answers, Outcome.unknown],
      [answers + 1, Outcome.unknown],
      [answers + 2, Outcome.done],
    ]);
    expect(bodies(two)).toEqual([answers + 2]);
  });

  it('sends each deadline by the clock of the leader, no later than it is, however old what it knows of that', async () => {
    const { follower, one } = await setUp();
    one.lead = 65537;
    let thereMs = 1_000_000;
    one.clockMs = () => thereMs;
    follower.forwarder.follow(1);
    follower.submit(1, follower.asker, 5000);
    await follower.until(() => follower.heard.length === 1);
    // What was long on its way must not shorten what comes behind it.
    follower.nowMs = 3000;
    thereMs += 100;
    one.tellLeader(1);
    await follower.place.turn();
    follower.submit(2, follower.asker, 8000);
    await follower.until(() => follower.heard.length === 2);
    const terms = one.received.map((message) =>
      message.type === 'submit' ? [message.lead, message.deadlineMs] : [],
    );
    expect(terms).toEqual([
      [65537, 1_005_000],
      [65537, 1_000_000 + 8000 - 3],
    ]);
  });

  it('hangs up on a leader that answers nothing, a second after the deadline of what it was sent', async () => {
    const { follower, one } = await setUp();
    one.answer = () => {};
    follower.forwarder.follow(1);
    follower.submit(1, follower.asker, 500);
    await follower.until(() => one.received.length === 1);
    follower.nowMs = 1499;
    follower.forwarder.tick(follower.nowMs);
    expect(follower.heard).toEqual([]);
    follower.nowMs = 1500;
    follower.forwarder.tick(follower.nowMs);
    await follower.until(() => follower.heard.length === 1);
    expect(follower.heard).toEqual([[1, Outcome.unknown]]);
    one.answer = echo;
    const callers: Caller[] = [];
    follower.submit(2);
    await follower.until(() => follower.heard.length === 2);
    for (const { caller } of one.connections) callers.push(caller);
    expect(callers).toEqual([{ number: callers[0]!.number, connection: 2 }]);
  });

  it('goes to the leader anew after the connection to it was lost', async () => {
    const { follower, one } = await setUp();
    follower.forwarder.follow(1);
    follower.submit(1);
    await follower.until(() => follower.heard.length === 1);
    for (const connection of one.connections) connection.close();
    await follower.until(() => one.connections.size === 0);
    follower.submit(2);
    await follower.until(() => follower.heard.length === 2);
    expect(follower.heard.map(([number]) => number)).toEqual([1, 2]);
  });

  it('tells one that was abandoned nothing more, and the others theirs', async () => {
    const { follower, one } = await setUp();
    one.answer = () => {};
    const gone: Requester = { outcome: () => follower.heard.push([99, Outcome.done]), drain: () => {} };
    follower.forwarder.follow(1);
    follower.submit(1, gone);
    follower.submit(2);
    await follower.until(() => one.received.length > 0);
    follower.forwarder.abandon(gone);
    follower.forwarder.close();
    expect(follower.heard).toEqual([[2, Outcome.unknown]]);
  });

  it('is not harmed by a callback that throws at an outcome from elsewhere', async () => {
    const { follower } = await setUp();
    const throwing: Requester = {
      outcome: () => {
        throw new Error('a mistake of the one who asked');
      },
      drain: () => {},
    };
    follower.forwarder.follow(1);
    follower.submit(1, throwing);
    follower.submit(2);
    await follower.until(() => follower.heard.length === 1);
    expect(follower.heard).toEqual([[2, Outcome.done]]);
  });

  it('tells who waits for a former leader that hangs before anything may have another place', async () => {
    const { follower, one } = await setUp();
    one.answer = () => {};
    follower.forwarder.follow(1);
    follower.submit(1);
    await follower.until(() => one.received.length > 0);
    follower.forwarder.follow(0);
    expect(follower.forwarder.settle()).toBe(false);
    follower.nowMs = FORMER_SILENT_MS_MAX;
    expect(follower.forwarder.settle()).toBe(true);
    expect(follower.heard).toEqual([[1, Outcome.unknown]]);
  });

  it('has an outcome for everything that was sent when its closing returns', async () => {
    const { follower, one } = await setUp();
    one.answer = () => {};
    follower.forwarder.follow(1);
    follower.submit(1);
    follower.query(2);
    await follower.until(() => one.received.length === 2);
    follower.forwarder.close();
    expect(follower.heard).toEqual([
      [1, Outcome.unknown],
      [2, Outcome.notExecuted],
    ]);
  });
});
