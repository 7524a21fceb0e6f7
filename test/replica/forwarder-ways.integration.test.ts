/** A replica that hears no leader, and asks through another one. */
import { afterEach, describe, expect, it } from 'vitest';
import { Executor } from '../../lib/replica/executor.js';
import { Forwarder } from '../../lib/replica/forwarder.js';
import { Queries } from '../../lib/replica/queries.js';
import { Outcome, type Requester } from '../../lib/replica/service.js';
import type { StateMachine } from '../../lib/replica/state-machine.js';
import { Submissions } from '../../lib/replica/submissions.js';
import { nodeRuntime } from '../../lib/runtime.js';
import { CLUSTER, KEYS, SocketPlace } from '../transport/places.js';
import { EchoServer, echo } from '../transport/servers.js';

const LIMITS = { commandBytesMax: 99, batchBytesTarget: 512, batchBytesMax: 1024, waitingBytesMax: 4096 };
const LEAD = 65537;
/** A replica that is asked for a way has a second to have one. */
const SOUGHT_MS_MAX = 1000;

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** Replica 3 of three, cut off from leader 1, and replica 2, which passes on what it is asked. */
class CutOff {
  readonly submissions: Submissions = new Submissions(LIMITS);
  readonly queries: Queries = new Queries(new Executor({} as StateMachine, { through: 0, timeMs: 0 }));
  readonly heard: [number, outcome: Outcome][] = [];
  nowMs = 0;
  readonly forwarder: Forwarder;
  private readonly place: SocketPlace;
  private readonly asker: Requester = {
    outcome: (first, count, outcome) => {
      for (let i = 0; i < count; i++) this.heard.push([first + i, outcome]);
    },
    drain: () => {},
  };

  private constructor(place: SocketPlace) {
    this.place = place;
    const { addresses } = place;
    const runtime = { ...nodeRuntime, monotonicMs: () => this.nowMs };
    const { replicas: key } = KEYS;
    this.forwarder = new Forwarder({ self: 3, clusterId: CLUSTER, addresses, key, wake: () => {}, runtime });
    endings.push(() => this.forwarder.close());
  }

  static async make(): Promise<{ third: CutOff; one: EchoServer; two: EchoServer }> {
    const place = await SocketPlace.make(3);
    endings.push(() => place.dispose());
    const [one, two] = [await EchoServer.start(place, 1), await EchoServer.start(place, 2)];
    for (const { transport } of [one, two]) endings.push(() => transport.close());
    Object.assign(two, { leader: 1, lead: 0 });
    const third = new CutOff(place);
    for (const peer of [1, 2]) third.forwarder.peer(peer, true);
    // It has heard 1, and hears it no longer.
    third.forwarder.follow(1);
    third.forwarder.follow(0);
    return { third, one, two };
  }

  submit(number: number): void {
    this.submissions.add(this.asker, number, 1, Buffer.from([1, 0, 0, 0, number]), 0, 5);
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

/** Answers as a follower that passes on, from when it is asked to. */
function passOn(server: EchoServer): void {
  server.answer = (connection, message) => {
    if (message.type !== 'relay') return echo(connection, message);
    server.lead = LEAD;
    server.tellLeader(1);
  };
}

const kinds = ({ received }: EchoServer): string[] => received.map(({ type }) => type);

describe('a replica that hears no leader', () => {
  it('asks through one that does, and not the leader that it has lost', async () => {
    const { third, one, two } = await CutOff.make();
    passOn(two);
    third.submit(1);
    third.submit(2);
    await third.until(() => third.heard.length === 2);
    expect(third.heard).toEqual([
      [1, Outcome.done],
      [2, Outcome.done],
    ]);
    expect(kinds(two)).toEqual(['relay', 'submit']);
    expect(kinds(one)).toEqual([]);
  });

  it('seeks nobody while nothing waits', async () => {
    const { third, two } = await CutOff.make();
    for (let turn = 0; turn < 50; turn++) await third.until(() => turn >= 0);
    third.forwarder.forward(third.submissions, third.queries);
    expect([third.forwarder.isReady, two.connections.size]).toEqual([false, 0]);
  });

  it('does not ask through one that follows nobody, or follows itself', async () => {
    const { third, two } = await CutOff.make();
    two.leader = 3;
    third.submit(1);
    await third.until(() => two.connections.size === 1);
    for (let turn = 0; turn < 50; turn++) await third.until(() => third.heard.length === 0);
    expect(two.received).toEqual([]);
  });

  it('goes to the next one after a second in which one has found no way', async () => {
    const { third, one, two } = await CutOff.make();
    one.leader = 0;
    third.submit(1);
    await third.until(() => kinds(two).includes('relay'));
    third.nowMs = SOUGHT_MS_MAX - 1;
    for (let turn = 0; turn < 50; turn++) await third.until(() => one.connections.size === 0);
    third.nowMs = 2 * SOUGHT_MS_MAX;
    await third.until(() => one.connections.size === 1 && two.connections.size === 0);
    expect(third.heard).toEqual([]);
  });

  it('is told unknown, and asks nothing again, when the way that it had is lost', async () => {
    const { third, two } = await CutOff.make();
    passOn(two);
    third.submit(1);
    await third.until(() => third.heard.length === 1);
    two.answer = () => {};
    third.submit(2);
    await third.until(() => kinds(two).filter((kind) => kind === 'submit').length === 2);
    for (const connection of two.connections) connection.close();
    await third.until(() => third.heard.length === 2);
    expect(third.heard[1]).toEqual([2, Outcome.unknown]);
    two.lead = 0;
    passOn(two);
    third.nowMs += 100;
    third.forwarder.peer(1, false);
    third.submit(3);
    await third.until(() => third.heard.length === 3);
    const bodies = two.received.flatMap((message) => ('body' in message ? [message.body[4]] : []));
    expect(bodies).toEqual([1, 2, 3]);
  });

  it('leaves the way when it hears a leader again, and does not come back to it', async () => {
    const { third, one, two } = await CutOff.make();
    passOn(two);
    third.submit(1);
    await third.until(() => third.heard.length === 1);
    third.forwarder.follow(1);
    third.submit(2);
    await third.until(() => third.heard.length === 2 && two.connections.size === 0);
    expect(kinds(one)).toEqual(['submit']);
    // Which was a way that led once is none when its leader is no longer heard.
    third.forwarder.follow(0);
    expect(third.forwarder.isReady).toBe(false);
  });

  it('takes one that says that it leads for the leader, though it has not heard it otherwise', async () => {
    const { third, two } = await CutOff.make();
    Object.assign(two, { leader: 2, lead: LEAD });
    third.submit(1);
    await third.until(() => third.heard.length === 1);
    expect(kinds(two)).toEqual(['submit']);
    third.forwarder.follow(2);
    third.submit(2);
    await third.until(() => third.heard.length === 2);
    expect(two.connections.size).toBe(1);
    third.forwarder.follow(0);
    expect(third.forwarder.isReady).toBe(false);
  });
});
