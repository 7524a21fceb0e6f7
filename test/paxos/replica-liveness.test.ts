/** Schedules that once stood still, or would: each by name. */
import { expect, test } from 'vitest';
import { ballotOf } from '../../lib/paxos/ballot.js';
import { batchOf, ofType, TestCluster } from './cluster.js';

const EVERYONE = [1, 2, 3];

test('a lost accept is sent again', () => {
  const cluster = new TestCluster(3);
  const leader = cluster.elect(1, EVERYONE);
  leader.core.propose(batchOf('a'));
  cluster.run(EVERYONE, ofType('accept'));
  cluster.drop();
  expect(leader.core.learner.learnedThrough).toBe(0);
  cluster.ticks(4, EVERYONE);
  expect(cluster.node(2).chosenSlots).toEqual([1]);
});

test('a lost accept is sent again while reads keep making heartbeat rounds', () => {
  const cluster = new TestCluster(3);
  const leader = cluster.elect(1, EVERYONE);
  leader.core.propose(batchOf('a'));
  cluster.run(EVERYONE, ofType('accept'));
  cluster.drop();
  // Every answer to a heartbeat arrives after the next round has been opened by a read.
  for (let read = 1; read <= 200 && leader.core.learner.learnedThrough === 0; read++) {
    if (read % 10 === 0) for (const id of EVERYONE) cluster.node(id).core.tick();
    leader.core.read(read);
    cluster.run(EVERYONE, ofType('heartbeaten'));
    leader.core.read(1000 + read);
    leader.core.settle();
    cluster.release(ofType('heartbeaten'));
  }
  expect(leader.core.learner.learnedThrough).toBe(1);
});

test('a lost accepted is given again', () => {
  const cluster = new TestCluster(3);
  const leader = cluster.elect(1, EVERYONE);
  leader.core.propose(batchOf('a'));
  cluster.run(EVERYONE, ofType('accepted'));
  cluster.drop();
  cluster.ticks(4, EVERYONE);
  expect(leader.core.learner.learnedThrough).toBe(1);
});

test('lost answers for votes with a gap between them are given again', () => {
  const cluster = new TestCluster(3);
  const leader = cluster.elect(1, EVERYONE);
  for (const text of ['a', 'b', 'c']) leader.core.propose(batchOf(text));
  cluster.run(EVERYONE, ofType('accept'));
  // The second accept comes last, alone; every answer is lost.
  cluster.release((sent) => sent.message.type === 'accept' && sent.message.slot !== 2);
  cluster.run(EVERYONE, ofType('accepted'));
  cluster.drop();
  cluster.ticks(6, EVERYONE);
  expect(leader.core.learner.learnedThrough).toBe(3);
});

test('a follower that lags asks everyone in turn, whatever the heartbeats say', () => {
  const cluster = new TestCluster(3);
  const leader = cluster.elect(1, EVERYONE);
  leader.core.propose(batchOf('a'));
  cluster.run([1, 2]);
  cluster.drop();
  // 3 lacks slot 1; the first peer it asks, and every second one, does not answer.
  const asked: number[] = [];
  for (let tick = 0; tick < 20; tick++) {
    cluster.ticks(1, EVERYONE, (sent) => sent.message.type === 'accept' || sent.message.type === 'fetch');
    for (const { to, message } of cluster.held) if (message.type === 'fetch') asked.push(to);
    cluster.drop();
  }
  expect(new Set(asked)).toEqual(new Set([1, 2]));
});

test('a leader learns from a follower what that has learned and trimmed since its promise', () => {
  const cluster = new TestCluster(3);
  const first = cluster.elect(1, EVERYONE);
  first.core.propose(batchOf('a'));
  cluster.run(EVERYONE, ofType('heartbeat'));
  cluster.drop();
  // 3 leads and proposes slot 1 anew; before that reaches 2, an answer of 1's makes 2 learn, and then trim,
  // slot 1.
  const leader = cluster.elect(3, [2, 3], ofType('accept', 'heartbeat'));
  const follower = cluster.node(2);
  const votes = [{ slot: 1, ballot: first.core.ballot, ...batchOf('a') }];
  follower.core.receive(1, { type: 'chosen', fromSlot: 1, votes, learnedThrough: 1 });
  cluster.turn([2]);
  follower.log.trimThrough = 1;
  follower.core.trimmed(1);
  cluster.drop();
  cluster.ticks(4, [2, 3]);
  expect(follower.offers).toContain(3);
  leader.core.installed(1, follower.core.learner.chain);
  leader.core.trimmed(1);
  cluster.elect(2, [2, 3]);
  expect(follower.core.propose(batchOf('b'))).toBe(2);
  cluster.run([2, 3]);
  expect(follower.core.learner.learnedThrough).toBe(2);
});

test('a slot that was learned elsewhere holds no window open', () => {
  const cluster = new TestCluster(3, { windowSlots: 1 });
  const leader = cluster.elect(1, EVERYONE);
  leader.core.propose(batchOf('a'));
  cluster.run([1]);
  expect(leader.core.canPropose).toBe(false);
  const { ballot } = leader.core;
  leader.core.receive(2, {
    type: 'chosen',
    fromSlot: 1,
    votes: [{ slot: 1, ballot, ...batchOf('a') }],
    learnedThrough: 1,
  });
  leader.core.settle();
  expect(leader.core.canPropose).toBe(true);
});

test('a replica whose log had no room tells others what it has learned', () => {
  const cluster = new TestCluster(3);
  const full = cluster.node(2);
  full.log.room = 0;
  const votes = [{ slot: 1, ballot: ballotOf(1, 1), ...batchOf('a') }];
  full.core.receive(1, { type: 'chosen', fromSlot: 1, votes, learnedThrough: 1 });
  cluster.run([2]);
  expect([full.core.learner.learnedThrough, full.core.learner.loggedThrough]).toEqual([1, 0]);
  full.core.receive(3, { type: 'fetch', fromSlot: 1, throughSlot: 9 });
  cluster.run([2]);
  cluster.release(({ to, message }) => to === 3 && message.type === 'chosen');
  expect(cluster.node(3).chosenSlots).toEqual([1]);
});
