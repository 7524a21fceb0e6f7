import { expect, test } from 'vitest';
import { ballotOf } from '../../lib/paxos/ballot.js';
import { Configurations } from '../../lib/paxos/configurations.js';
import { Election } from '../../lib/paxos/election.js';
import { configurationOf, TestCluster, TIMING } from './cluster.js';

const EVERYONE = [1, 2, 3];

function electionWith(random: () => number): Election {
  return new Election(TIMING, new Configurations(1, configurationOf(3)), random);
}

test('a time-out is drawn between once and twice the election ticks', () => {
  for (const [drawn, ticks] of [
    [0, TIMING.electionTicks],
    [0.999, 2 * TIMING.electionTicks - 1],
  ] as const) {
    const election = electionWith(() => drawn);
    let silent = 1;
    while (!election.tick()) silent++;
    expect(silent).toBe(ticks);
  }
});

test('hearing a leader starts the time-out anew, and makes a canvass unwelcome for a while', () => {
  const election = electionWith(() => 0);
  for (let tick = 1; tick < TIMING.electionTicks; tick++) election.tick();
  election.follow(2);
  expect(election.hearsLeader).toBe(true);
  expect(election.tick()).toBe(false);
  for (let tick = 1; tick < TIMING.electionTicks; tick++) election.tick();
  expect(election.hearsLeader).toBe(false);
});

/** A leader that has been heard every other tick for long: a silence of `FLOOR_TICKS` is suspect. */
const ROOMY = { heartbeatTicks: 2, electionTicks: 40, fetchTicks: 10 };
const FLOOR_TICKS = 8;
const LED = ballotOf(1, 2);

function steady(): Election {
  const election = new Election(ROOMY, new Configurations(1, configurationOf(3)), () => 0);
  for (let tick = 0; tick < 10 * ROOMY.electionTicks; tick++) {
    election.tick();
    if (tick % 2 === 0) election.follow(2, LED);
  }
  return election;
}

function silenceOf(election: Election): number {
  let ticks = 1;
  while (!election.tick()) ticks++;
  return ticks;
}

test('a leader is missed after a silence that is out of the ordinary, nobody only after the whole time-out', () => {
  const followed = steady();
  followed.follow(2, LED);
  expect(silenceOf(followed)).toBe(FLOOR_TICKS);
  const led = steady();
  led.campaign();
  expect(silenceOf(led)).toBe(ROOMY.electionTicks);
});

test('the time between two leads teaches nothing of what is usual in one', () => {
  const election = steady();
  for (let tick = 0; tick < FLOOR_TICKS + 2; tick++) election.tick();
  election.follow(3, ballotOf(2, 3));
  expect(silenceOf(election)).toBe(FLOOR_TICKS);
});

test('a hint is taken of the leader alone, once a ballot followed, and again after an election time-out', () => {
  const election = steady();
  expect(election.takeHint(3)).toBe(false);
  expect(election.takeHint(2)).toBe(true);
  for (let tick = 1; tick < ROOMY.electionTicks; tick++) {
    election.tick();
    election.follow(2, LED);
    expect(election.takeHint(2)).toBe(false);
  }
  election.tick();
  expect(election.takeHint(2)).toBe(true);
  election.follow(2, ballotOf(3, 2));
  expect(election.takeHint(2)).toBe(true);
  election.campaign();
  expect(election.takeHint(2)).toBe(false);
});

test('a time-out is drawn anew unless it is the leader followed that speaks', () => {
  let drawn = 0;
  const election = electionWith(() => {
    drawn++;
    return 0;
  });
  const draws = (act: () => void): number => {
    const before = drawn;
    act();
    return drawn - before;
  };
  expect(draws(() => election.follow(2, LED))).toBe(1);
  expect(draws(() => election.follow(2, LED))).toBe(0);
  expect(draws(() => election.follow(3, ballotOf(2, 3)))).toBe(1);
  expect(draws(() => election.follow(0, ballotOf(3, 1)))).toBe(1);
  expect(draws(() => election.follow(0, ballotOf(4, 1)))).toBe(1);
  election.lead(1);
  expect(draws(() => election.follow(1, ballotOf(4, 1)))).toBe(1);
});

test('a canvass ends with a quorum of distinct members for exactly its ballot', () => {
  const election = electionWith(() => 0);
  election.beginCanvass(ballotOf(2, 1), 1);
  expect(election.takeCanvassed(ballotOf(1, 1), 2)).toBe(false);
  expect(election.takeCanvassed(ballotOf(2, 1), 1)).toBe(false);
  expect(election.takeCanvassed(ballotOf(2, 1), 2)).toBe(true);
});

test('a canvass is outbid by a promise of its ballot or above', () => {
  const election = electionWith(() => 0);
  expect(election.isOutbid(ballotOf(9, 1))).toBe(false);
  election.beginCanvass(ballotOf(2, 1), 1);
  expect(election.isOutbid(ballotOf(1, 3))).toBe(false);
  expect(election.isOutbid(ballotOf(2, 1))).toBe(true);
});

test('a replica that was cut off and returns does not depose a leader that a quorum hears', () => {
  const cluster = new TestCluster(3);
  const leader = cluster.elect(1, EVERYONE);
  const { ballot } = leader.core;
  // 3 hears nobody for long, and canvasses in vain.
  for (let tick = 0; tick < 10 * TIMING.electionTicks; tick++) {
    cluster.ticks(1, [1, 2]);
    cluster.ticks(1, [3]);
    cluster.drop();
  }
  cluster.ticks(4 * TIMING.electionTicks, EVERYONE);
  expect(leader.core.role).toBe('leader');
  expect(leader.core.ballot).toBe(ballot);
  expect(cluster.node(3).core.leader).toBe(1);
});

test('a leader that no quorum answers steps down, and loses the reads it could not confirm', () => {
  const cluster = new TestCluster(3);
  const leader = cluster.elect(1, EVERYONE);
  leader.core.read(5);
  cluster.ticks(3 * TIMING.electionTicks, [1]);
  expect(leader.core.role).not.toBe('leader');
  expect(leader.lostReadsThrough).toBe(5);
});

test('a leader that closes hands over to the follower that lacks least, without a time-out', () => {
  const cluster = new TestCluster(3);
  const leader = cluster.elect(1, EVERYONE);
  cluster.ticks(3, [1, 3]);
  cluster.drop();
  expect(leader.core.handOver()).toBe(true);
  cluster.run(EVERYONE);
  const heirs = [2, 3].filter((id) => cluster.node(id).core.role === 'leader');
  expect(heirs).toHaveLength(1);
  expect(leader.core.role).toBe('follower');
  expect(leader.core.handOver()).toBe(false);
});

test('while any one replica sees a quorum there is a leader: quorum-loss partition of five', () => {
  const cluster = new TestCluster(5);
  const first = cluster.elect(1, [1, 2, 3, 4, 5]);
  // Only links with 3 work; 1 leads and has lost its quorum.
  const through3 = ({ from, to }: { from: number; to: number }) => from !== 3 && to !== 3;
  cluster.ticks(12 * TIMING.electionTicks, [1, 2, 3, 4, 5], through3);
  expect(first.core.role).not.toBe('leader');
  expect(cluster.node(3).core.role).toBe('leader');
});

test('campaigns that damage keeps from deciding wait longer each time, up to a bound, until somebody leads', () => {
  const election = electionWith(() => 0);
  const waits = [0, 1, 2, 3, 9].map((attempts) => {
    election.undecidedAttempts = attempts;
    election.restartTimer();
    let ticks = 1;
    while (!election.tick()) ticks++;
    return ticks / TIMING.electionTicks;
  });
  expect(waits).toEqual([1, 2, 4, 8, 8]);
  election.follow(0);
  expect(election.undecidedAttempts).toBe(9);
  election.follow(2);
  expect(election.undecidedAttempts).toBe(0);
});

test('a leader hears itself and waits for nobody; a candidate hears no leader', () => {
  const election = electionWith(() => 0);
  expect([election.standing, election.hearsLeader]).toEqual(['following', false]);
  election.follow(2);
  election.campaign();
  expect([election.standing, election.leader, election.hearsLeader]).toEqual(['campaigning', 0, false]);
  election.lead(1);
  const ticks = Array.from({ length: 5 * TIMING.electionTicks }, () => election.tick());
  expect([ticks.includes(true), election.hearsLeader]).toEqual([false, true]);
});

test('a campaign has a whole time-out of its own', () => {
  const election = electionWith(() => 0);
  for (let tick = 1; tick < TIMING.electionTicks; tick++) election.tick();
  election.campaign();
  for (let tick = 1; tick < TIMING.electionTicks; tick++) expect(election.tick()).toBe(false);
  expect(election.tick()).toBe(true);
});

test('a canvass is sent again every so many ticks, while it lasts', () => {
  const election = electionWith(() => 0);
  const due = () =>
    [1, 2, 3, 4, 5, 6].filter(() => {
      election.tick();
      return election.isCanvassDueAgain(3);
    });
  expect(due(), 'no canvass').toEqual([]);
  election.beginCanvass(ballotOf(2, 1), 1);
  expect(election.isCanvassDueAgain(3), 'just sent').toBe(false);
  expect(due()).toEqual([3, 6]);
  election.campaign();
  expect(due(), 'campaigning').toEqual([]);
  expect(election.takeCanvassed(ballotOf(2, 1), 0b110), 'the canvass is over').toBe(false);
});

test('a leader hears itself, however long its campaign took', () => {
  const election = electionWith(() => 0.9);
  election.campaign();
  for (let tick = 0; tick < TIMING.electionTicks; tick++) election.tick();
  election.lead(1);
  expect(election.hearsLeader).toBe(true);
});
