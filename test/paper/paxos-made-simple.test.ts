/**
 * *Paxos Made Simple* (Lamport, 2001), a test for each claim the core rests on, by the paper's names.
 * "Proposal" is a batch at a ballot, "accept" is to vote, "instance" is a slot.
 */
import { expect, test } from 'vitest';
import { ballotOf } from '../../lib/paxos/ballot.js';
import type { Message } from '../../lib/paxos/messages.js';
import type { Ballot, ReplicaId } from '../../lib/types.js';
import { batchOf, next, ofType, TestCluster, type TestNode } from '../paxos/cluster.js';

const EVERYONE = [1, 2, 3];

function prepare(node: TestNode, from: ReplicaId, ballot: Ballot): Message[] {
  node.core.receive(from, { type: 'prepare', configuration: 1, ballot, attempt: 1, fromSlot: 1 });
  node.core.settle();
  node.sync();
  return node.leaving().map(({ message }) => message);
}

function accept(node: TestNode, from: ReplicaId, ballot: Ballot, text: string): Message[] {
  node.core.receive(from, { type: 'accept', ballot, slot: 1, learnedThrough: 0, ...batchOf(text) });
  node.core.settle();
  node.sync();
  return node.leaving().map(({ message }) => message);
}

test('P1: an acceptor must accept the first proposal that it receives', () => {
  const acceptor = new TestCluster(3).node(2);
  expect(accept(acceptor, 1, ballotOf(1, 1), 'v')).toMatchObject([{ type: 'accepted', throughSlot: 1 }]);
});

test('P1a: an acceptor can accept a proposal numbered n iff it has not responded to a prepare request above n', () => {
  const acceptor = new TestCluster(3).node(2);
  prepare(acceptor, 1, ballotOf(5, 1));
  expect(accept(acceptor, 3, ballotOf(4, 3), 'low')).toMatchObject([{ type: 'rejected' }]);
  expect(accept(acceptor, 1, ballotOf(5, 1), 'equal')).toMatchObject([{ type: 'accepted' }]);
  expect(accept(acceptor, 3, ballotOf(6, 3), 'high')).toMatchObject([{ type: 'accepted' }]);
});

test('an acceptor ignores a prepare request it has already outdone, and tells the proposer', () => {
  const acceptor = new TestCluster(3).node(2);
  prepare(acceptor, 1, ballotOf(5, 1));
  const [answer] = prepare(acceptor, 3, ballotOf(4, 3));
  expect(answer).toMatchObject({ type: 'rejected', promised: ballotOf(5, 1) });
});

test('phase 1(b): the answer is a promise, with the highest-numbered proposal that it has accepted', () => {
  const acceptor = new TestCluster(3).node(2);
  accept(acceptor, 1, ballotOf(1, 1), 'first');
  accept(acceptor, 3, ballotOf(2, 3), 'second');
  const [answer] = prepare(acceptor, 1, ballotOf(3, 1));
  expect(answer).toMatchObject({
    type: 'promised',
    configuration: 1,
    votes: [{ slot: 1, ballot: ballotOf(2, 3), digest: batchOf('second').digest }],
  });
});

test('an acceptor remembers, even if it fails and is then restarted, what it promised and accepted', () => {
  const cluster = new TestCluster(3);
  accept(cluster.node(2), 1, ballotOf(1, 1), 'v');
  prepare(cluster.node(2), 3, ballotOf(7, 3));
  const acceptor = cluster.restart(2);
  expect(accept(acceptor, 1, ballotOf(6, 1), 'w')).toMatchObject([{ type: 'rejected' }]);
  const [answer] = prepare(acceptor, 1, ballotOf(8, 1));
  expect(answer).toMatchObject({ votes: [{ ballot: ballotOf(1, 1), digest: batchOf('v').digest }] });
});

test('stable storage: the acceptor records its intended response before it actually sends it', () => {
  const cluster = new TestCluster(3);
  const acceptor = cluster.node(2);
  acceptor.core.receive(1, {
    type: 'prepare',
    configuration: 1,
    ballot: ballotOf(1, 1),
    attempt: 1,
    fromSlot: 1,
  });
  acceptor.core.settle();
  expect(acceptor.leaving()).toEqual([]);
  acceptor.core.receive(1, {
    type: 'accept',
    ballot: ballotOf(1, 1),
    slot: 1,
    learnedThrough: 0,
    ...batchOf('v'),
  });
  acceptor.core.settle();
  expect(acceptor.leaving()).toEqual([]);
  acceptor.sync();
  expect(acceptor.leaving().map(({ message }) => message.type)).toEqual(['promised', 'accepted']);
});

test('different proposals have different numbers, also of one proposer before and after a restart', () => {
  const cluster = new TestCluster(3);
  const before = cluster.elect(1, EVERYONE).core.ballot;
  cluster.drop();
  cluster.restart(1);
  const after = cluster.elect(1, EVERYONE).core.ballot;
  expect(after).toBeGreaterThan(before);
});

test('P2, P2a: if a proposal is chosen, every higher-numbered one accepted by any acceptor has its value', () => {
  const cluster = new TestCluster(3);
  const first = cluster.elect(1, EVERYONE);
  first.core.propose(batchOf('v'));
  cluster.run([1, 2]);
  cluster.drop();
  expect(first.core.learner.learnedThrough).toBe(1);
  // 3 was away when v was chosen; it leads 2 and 3 and would like w.
  const third = cluster.elect(3, [2, 3]);
  expect(third.core.propose(batchOf('w'))).not.toBe(1);
  cluster.run([2, 3]);
  for (const id of [2, 3]) {
    expect(cluster.node(id).log.votes().get(1)).toMatchObject({ digest: batchOf('v').digest });
  }
  expect(cluster.node(3).log.votes().get(1)!.ballot).toBeGreaterThan(first.core.ballot);
});

test('P2b: every higher-numbered proposal issued by any proposer has the chosen value', () => {
  const cluster = new TestCluster(5);
  cluster.elect(1, [1, 2, 3, 4, 5]).core.propose(batchOf('v'));
  cluster.run([1, 2, 3]);
  cluster.drop();
  for (const [leader, others] of [
    [4, [3, 4, 5]],
    [5, [2, 4, 5]],
    [2, [1, 2, 5]],
  ] as const) {
    cluster.elect(leader, others, (sent) => sent.message.type === 'accept');
    const issued = cluster.held.map(({ message }) => message).filter((message) => message.type === 'accept');
    for (const message of issued) expect(message).toMatchObject({ slot: 1, digest: batchOf('v').digest });
    cluster.drop();
  }
});

test('P2c: without a vote in a quorum the value is the proposer’s own choice, with one it is the highest vote’s', () => {
  const free = new TestCluster(3);
  const alone = free.elect(3, [2, 3]);
  expect(alone.core.propose(batchOf('mine'))).toBe(1);

  const bound = new TestCluster(5);
  accept(bound.node(1), 2, ballotOf(1, 2), 'older');
  accept(bound.node(2), 3, ballotOf(2, 3), 'newer');
  const leader = bound.elect(4, [1, 2, 4]);
  expect(leader.log.votes().get(1)).toMatchObject({ digest: batchOf('newer').digest });
});

test('a proposal is chosen by a majority only: an accept by a minority leaves the choice open', () => {
  const cluster = new TestCluster(3);
  const first = cluster.elect(1, EVERYONE);
  first.core.propose(batchOf('v'));
  cluster.run([1]);
  cluster.drop();
  expect(first.core.learner.learnedThrough).toBe(0);
  const second = cluster.elect(2, [2, 3]);
  expect(second.core.propose(batchOf('w'))).toBe(1);
  cluster.run([2, 3]);
  expect(cluster.node(2).core.learner.learnedThrough).toBe(1);
  expect(cluster.node(2).log.votes().get(1)).toMatchObject({ digest: batchOf('w').digest });
});

test('2.3: a learner that missed the acceptances finds out from others what was chosen', () => {
  const cluster = new TestCluster(3);
  const leader = cluster.elect(1, EVERYONE);
  leader.core.propose(batchOf('v'));
  cluster.run([1, 2]);
  cluster.drop();
  cluster.ticks(3, EVERYONE);
  expect(cluster.node(3).chosenSlots).toEqual([1]);
  expect(cluster.node(3).log.votes().get(1)).toMatchObject({ digest: batchOf('v').digest });
});

test('2.4: a proposer that learns of a higher number abandons its proposal', () => {
  const cluster = new TestCluster(3);
  const leader = cluster.elect(1, EVERYONE);
  const promised = next(leader.core.ballot, 2);
  leader.core.receive(2, { type: 'rejected', ballot: leader.core.ballot, promised });
  // It may ask for the lead again, which changes nothing durable, and proposes nothing.
  expect(leader.core.role).toBe('candidate');
  expect(leader.core.propose(batchOf('v'))).toBe(0);
});

test('2.4: a distinguished proposer is left alone by those who hear it', () => {
  const cluster = new TestCluster(3);
  const leader = cluster.elect(1, EVERYONE);
  cluster.ticks(200, EVERYONE);
  expect(leader.core.role).toBe('leader');
  expect(cluster.node(2).core.leader).toBe(1);
});

test('3: a new leader executes phase 1 once for infinitely many instances, and fills the gaps with no-ops', () => {
  const cluster = new TestCluster(3);
  const first = cluster.elect(1, EVERYONE);
  for (const text of ['a', 'b', 'c']) first.core.propose(batchOf(text));
  // Of three proposals only the third reaches 2.
  cluster.run(EVERYONE, ofType('accept'));
  cluster.release(({ to, message }) => to === 2 && message.type === 'accept' && message.slot === 3);
  cluster.run([2]);
  cluster.drop();
  const prepares: Message[] = [];
  const second = cluster.elect(2, [2, 3], ({ message }) => {
    if (message.type === 'prepare') prepares.push(message);
    return false;
  });
  expect(prepares).toHaveLength(1);
  const votes = [1, 2, 3].map((slot) => second.log.votes().get(slot)!);
  expect(votes.map(({ kind }) => kind)).toEqual([0, 0, 1]);
  expect(votes[2]?.digest).toBe(batchOf('c').digest);
  expect(second.core.propose(batchOf('d'))).toBe(4);
});
