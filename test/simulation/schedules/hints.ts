/** Leaders that die, fall silent or only seem to: how soon they are missed; and who is heard leads on. */
import type { Timing } from '../../../lib/paxos/options.js';
import { next, ofType, TestCluster, type TestNode } from '../../paxos/cluster.js';
import { mustBe, type Schedule } from './schedule.js';

const ALL = [1, 2, 3];
/** A silence below four ticks is never suspect, to a leader below twelve; one of twenty always is. */
const TIMING: Timing = { heartbeatTicks: 1, electionTicks: 20, fetchTicks: 3 };
const FLOOR_TICKS = 4;
const LEADERS_FLOOR_TICKS = 12;
const KNOWN_TICKS = 4 * TIMING.electionTicks;

/** Led by replica 1 for so many ticks, with a heartbeat in each. */
function led(ticks: number): { cluster: TestCluster; leader: TestNode } {
  const cluster = new TestCluster(3, { timing: TIMING });
  const leader = cluster.node(1);
  while (leader.core.role !== 'leader') {
    leader.core.tick();
    cluster.run(ALL);
  }
  cluster.ticks(ticks, ALL);
  return { cluster, leader };
}

/** Ticks until one of 2 and 3 leads, without replica 1. */
function ticksWithout(cluster: TestCluster): number {
  for (let ticks = 0; ticks < 10 * TIMING.electionTicks; ticks++) {
    if ([2, 3].some((id) => cluster.node(id).core.role === 'leader')) return ticks;
    cluster.ticks(1, [2, 3]);
    cluster.drop();
  }
  return Number.POSITIVE_INFINITY;
}

const noProof: Schedule = {
  name: 'a replica whose link to the leader was ended asks, and does not depose a leader whom others hear',
  run() {
    const { cluster, leader } = led(3);
    const { ballot } = leader.core;
    cluster.node(3).core.linkEnded(1);
    mustBe(cluster.node(3).core.role, 'candidate', 'it asks at once');
    cluster.run(ALL);
    const promised = ALL.map((id) => cluster.node(id).core.acceptor.promised);
    mustBe(promised, [ballot, ballot, ballot], 'nobody has promised anything');
    cluster.ticks(3, ALL);
    mustBe([leader.core.role, cluster.node(3).core.leader], ['leader', 1], 'and follows again');
  },
};

const atOnce: Schedule = {
  name: 'when the links to a leader that has died end, another one leads before any tick',
  run() {
    const { cluster } = led(3);
    for (const id of [2, 3]) cluster.node(id).core.linkEnded(1);
    cluster.run([2, 3]);
    mustBe(ticksWithout(cluster), 0, 'ticks without a leader');
  },
};

const onlyTheLeaders: Schedule = {
  name: 'that the link to a follower was ended says nothing of the leader',
  run() {
    const { cluster } = led(3);
    cluster.node(3).core.linkEnded(2);
    mustBe([cluster.node(3).core.role, cluster.node(3).core.leader], ['follower', 1], 'it follows');
  },
};

const noNoise: Schedule = {
  name: 'a link to the leader that ends again and again is asked about once in an election timeout',
  run() {
    const { cluster } = led(3);
    const third = cluster.node(3);
    let asked = 0;
    for (let tick = 0; tick < 3 * TIMING.electionTicks; tick++) {
      third.core.linkEnded(1);
      if (third.core.role === 'candidate') asked++;
      cluster.ticks(2, ALL);
      mustBe(third.core.leader, 1, 'it hears the leader');
    }
    mustBe(asked <= 7, true, `asked ${asked} times in 6 election timeouts`);
  },
};

const aboveTheFloor: Schedule = {
  name: 'a leader that was steady for long and falters for less than four heartbeats is not asked about',
  run() {
    const { cluster, leader } = led(2 * KNOWN_TICKS);
    cluster.ticks(FLOOR_TICKS - 1, [2, 3]);
    mustBe(cluster.node(2).outbox.length + cluster.held.length, 0, 'nobody says anything');
    cluster.ticks(1, ALL);
    mustBe(leader.core.role, 'leader', 'it leads');
  },
};

const missedSoon: Schedule = {
  name: 'a leader that was steady for long is missed long before an election timeout is over',
  run() {
    const { cluster } = led(2 * KNOWN_TICKS);
    const ticks = ticksWithout(cluster);
    mustBe(ticks <= 2 * FLOOR_TICKS, true, `another one leads after ${ticks} ticks`);
  },
};

const fromTheStart: Schedule = {
  name: 'a leader of which little is known has an election timeout',
  run() {
    const { cluster, leader } = led(KNOWN_TICKS / 2);
    cluster.ticks(TIMING.electionTicks - 1, [2, 3]);
    mustBe(cluster.held.length, 0, 'nobody asks');
    cluster.ticks(1, ALL);
    mustBe(leader.core.role, 'leader', 'it leads');
  },
};

const slowFlow: Schedule = {
  name: 'a leader whose messages come seldom and regularly is not asked about between them',
  run() {
    const { cluster, leader } = led(0);
    // A beat in nine ticks: the rest is lost.
    for (let beat = 0; beat < 60; beat++) {
      cluster.ticks(8, ALL, ({ from }) => from === 1);
      cluster.ticks(1, ALL);
    }
    cluster.held = [];
    cluster.ticks(14, ALL, () => true);
    const asked = cluster.held.some(({ message }) => message.type === 'canvass');
    mustBe([asked, leader.core.role], [false, 'leader'], 'a silence that is not twice as long is nothing');
  },
};

const outageIsNoFlow: Schedule = {
  name: 'a replica that was cut off for long misses the leader as soon as the others do',
  run() {
    const { cluster } = led(2 * KNOWN_TICKS);
    for (let tick = 0; tick < 3 * TIMING.electionTicks; tick++) {
      cluster.ticks(1, ALL, ({ from, to }) => from === 3 || to === 3);
      cluster.drop();
    }
    cluster.ticks(5, ALL);
    const ticks = ticksWithout(cluster);
    mustBe(ticks <= 2 * FLOOR_TICKS, true, `another one leads after ${ticks} ticks`);
  },
};

const deafSoon: Schedule = {
  name: 'a leader that was always heard and is not any more stands down before an election timeout is over',
  run() {
    const { cluster, leader } = led(2 * KNOWN_TICKS);
    const isDeaf = ({ to }: { to: number }) => to === 1;
    cluster.ticks(LEADERS_FLOOR_TICKS - 1, ALL, isDeaf);
    mustBe(leader.core.role, 'leader', 'it bears with a silence as long as three of its followers');
    cluster.ticks(3, ALL, isDeaf);
    mustBe(leader.core.role, 'follower', 'and not with a longer one');
  },
};

const farAway: Schedule = {
  name: 'a leader whose followers are far away waits for their first answers for an election timeout',
  run() {
    const { cluster, leader } = led(2 * KNOWN_TICKS);
    // It loses the lead, and has it again: what was usual is known, and the new lead is not.
    const { ballot } = leader.core;
    leader.core.receive(2, { type: 'rejected', ballot, promised: next(ballot, 2) });
    cluster.run(ALL, ofType('heartbeaten'));
    mustBe([leader.core.role, leader.core.ballot > ballot], ['leader', true], 'it leads again');
    cluster.ticks(LEADERS_FLOOR_TICKS + 3, ALL, ({ to }) => to === 1);
    mustBe(leader.core.role, 'leader', 'it waits for the first answers');
  },
};

export const hints: readonly Schedule[] = [
  noProof,
  atOnce,
  onlyTheLeaders,
  noNoise,
  aboveTheFloor,
  missedSoon,
  fromTheStart,
  slowFlow,
  outageIsNoFlow,
  deafSoon,
  farAway,
];
