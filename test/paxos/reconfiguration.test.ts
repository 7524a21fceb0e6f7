/** Changes of members, with real cores whose messages a test holds in its hand. */
import { describe, expect, it, test } from 'vitest';
import { ballotOf, roundOf } from '../../lib/paxos/ballot.js';
import { decodeChange, encodeChange } from '../../lib/paxos/configuration-batch.js';
import { Configurations } from '../../lib/paxos/configurations.js';
import type { ReplicaId } from '../../lib/types.js';
import { batchOf, configurationOf, ofType, TestCluster, type TestNode } from './cluster.js';
import { change, changeBatch, followedBy, memberOf } from './membership.js';

const membersOf = ({ core }: TestNode): ReplicaId[] =>
  core.configurations.quorum.configuration.members.map(({ id }) => id);
const votersOf = ({ core }: TestNode): readonly ReplicaId[] => core.configurations.quorum.voters;

/** Three voters that 1 leads, and spares. */
function led(spares: readonly ReplicaId[] = [], members = 3): TestCluster {
  const cluster = new TestCluster(members, {}, spares);
  cluster.elect(
    1,
    cluster.configuration.members.map(({ id }) => id),
  );
  return cluster;
}

describe('the bytes of a change', () => {
  const full = {
    number: 7,
    highestId: 9,
    cookie: 'why not',
    members: [{ ...memberOf(1), address: 'one.example:4001' }, memberOf(5), memberOf(9, 'learner')],
  };

  it('come back as they were', () => {
    expect(decodeChange(encodeChange(full))).toEqual(full);
  });

  it('say nothing when they are cut anywhere, doubled, or name nobody who votes', () => {
    const bytes = encodeChange(full);
    for (let length = 1; length < bytes.length; length++)
      expect(decodeChange(bytes.subarray(0, length)), `${length} bytes`).toBeUndefined();
    expect(decodeChange(Uint8Array.of(...bytes, 0))).toBeUndefined();
    expect(decodeChange(new Uint8Array(0))).toBeUndefined();
    const { number, cookie } = full;
    for (const members of [[], [memberOf(2, 'learner')], [memberOf(2), memberOf(2)], [memberOf(0)]])
      expect(decodeChange(encodeChange({ number, cookie, members }))).toBeUndefined();
  });

  it('of a version that is not known stop who finds them chosen: others read something there', () => {
    const bytes = encodeChange(full);
    bytes[0] = 2;
    const batch = { ...changeBatch(full), bytes };
    const configurations = new Configurations(1, configurationOf(3));
    expect(() => configurations.isStop(batch)).toThrow(expect.objectContaining({ contract: 27 }));
  });
});

describe('which configuration governs a slot', () => {
  it('is the one whose stop-sign is below it, as long as anybody may ask', () => {
    const first = configurationOf(3);
    const configurations = new Configurations(1, first, 1);
    const second = followedBy(first, [1, 2], [3]);
    configurations.stopped(7, ballotOf(2, 1), changeBatch(second));
    const third = followedBy(second, [2, 3]);
    configurations.stopped(9, ballotOf(4, 1), changeBatch(third));
    const numbers = [1, 7, 8, 9, 10].map((slot) => configurations.at(slot).configuration.number);
    expect(numbers).toEqual([1, 1, 2, 2, 3]);
    expect([configurations.above, configurations.peers]).toEqual([ballotOf(4, 1), [2, 3]]);
    configurations.forget(8);
    expect(configurations.at(9).configuration.number).toBe(2);
    expect(() => configurations.at(7)).toThrow(expect.objectContaining({ contract: 27 }));
  });

  it('is not changed by a batch that bears another number than the next', () => {
    const configurations = new Configurations(1, configurationOf(3));
    for (const number of [0, 1, 3])
      expect(configurations.isStop(changeBatch({ number, members: [memberOf(1)] }))).toBe(false);
    expect(configurations.isStop(batchOf('no configuration'))).toBe(false);
  });

  it('comes with a checkpoint, if it is a later one; the same number has the same members', () => {
    const first = configurationOf(3);
    const configurations = new Configurations(1, first);
    const later = {
      configuration: followedBy(followedBy(first, [1, 2]), [1, 4]),
      from: 50,
      above: ballotOf(3, 2),
    };
    expect(configurations.installed(later)).toBe(true);
    expect([configurations.number, configurations.above]).toEqual([3, ballotOf(3, 2)]);
    expect(configurations.installed({ configuration: first, from: 60, above: ballotOf(1, 1) })).toBe(false);
    expect(configurations.number).toBe(3);
    const other = {
      ...later,
      configuration: { ...later.configuration, members: [memberOf(1), memberOf(5)] },
    };
    expect(() => configurations.installed(other)).toThrow(expect.objectContaining({ contract: 27 }));
  });
});

describe('a change of members', () => {
  it('takes one round trip of phase 1: who led goes on at its next ballot, in the new configuration', () => {
    const cluster = led([4]);
    const before = cluster.node(1).core.ballot;
    expect(change(cluster.node(1).core, [1, 2, 3], [4])).toBe(1);
    cluster.run([1, 2, 3, 4], ofType('canvass'));
    expect(cluster.node(1).core.role).toBe('leader');
    expect(roundOf(cluster.node(1).core.ballot)).toBe(roundOf(before) + 1);
    expect(cluster.held).toEqual([]);
    for (const id of [1, 2, 3]) expect(membersOf(cluster.node(id))).toEqual([1, 2, 3, 4]);
  });

  it('makes a learner that has everything, and whose vote counts for nothing until it is made a voter', () => {
    const cluster = led([4]);
    change(cluster.node(1).core, [1, 2, 3], [4]);
    cluster.run([1, 2, 3, 4]);
    cluster.node(1).core.propose(batchOf('b'));
    cluster.run([1, 4]);
    expect(cluster.node(1).core.learner.learnedThrough, 'two of three voters are away').toBe(1);
    cluster.drop();
    cluster.ticks(12, [1, 2, 3, 4]);
    expect(cluster.node(4).core.learner.learnedThrough).toBe(cluster.node(1).core.learner.learnedThrough);
    expect(change(cluster.node(1).core, [1, 4])).toBeGreaterThan(1);
    cluster.run([1, 2, 3, 4]);
    expect(votersOf(cluster.node(4))).toEqual([1, 4]);
    const slot = cluster.node(1).core.propose(batchOf('d'));
    cluster.run([1, 4]);
    expect(cluster.node(1).core.learner.learnedThrough).toBe(slot);
  });

  it('may remove the leader: it asks a voter of the new configuration to campaign', () => {
    const cluster = led();
    cluster.ticks(2, [1, 2, 3]);
    change(cluster.node(1).core, [2, 3]);
    cluster.run([1, 2, 3], ofType('canvass'));
    expect([2, 3].filter((id) => cluster.node(id).core.role === 'leader')).toHaveLength(1);
    expect([cluster.node(1).core.role, cluster.node(1).core.votes]).toEqual(['follower', false]);
    cluster.ticks(40, [1, 2, 3]);
    expect(cluster.node(1).core.role, 'it never asks to lead again').toBe('follower');
  });

  it('goes from any set of voters to any other', () => {
    const cluster = led([4, 5, 6]);
    change(cluster.node(1).core, [1, 2, 3], [4, 5, 6]);
    const all = [1, 2, 3, 4, 5, 6];
    cluster.run(all);
    cluster.ticks(12, all);
    change(cluster.node(1).core, [4, 5, 6]);
    cluster.run(all);
    const leader = [4, 5, 6].find((id) => cluster.node(id).core.role === 'leader')!;
    const slot = cluster.node(leader).core.propose(batchOf('without any of the first three'));
    cluster.run([4, 5, 6]);
    expect(cluster.node(leader).core.learner.learnedThrough).toBe(slot);
  });

  it('closes the window: nothing is proposed behind it', () => {
    const cluster = led();
    const { core } = cluster.node(1);
    expect(change(core, [1, 2])).toBe(1);
    expect([core.canPropose, core.propose(batchOf('behind it'))]).toEqual([false, 0]);
    expect(change(core, [1, 3]), 'nor another change').toEqual({ why: 'another change' });
  });
});

describe('a change is refused', () => {
  const cluster = led([4]);
  const { core } = cluster.node(1);
  change(core, [1, 2, 3], [4]);
  cluster.run([1, 2, 3, 4]);
  const { configuration } = core.configurations.quorum;
  const asked = (members: ReturnType<typeof memberOf>[], number = configuration.number + 1) => {
    const next = { number, members };
    return core.reconfiguration.propose(next, changeBatch(next));
  };

  test.each([
    ['by who does not lead', () => change(cluster.node(2).core, [1, 2]), { why: 'not leading' }],
    ['of another number', () => asked([memberOf(1)], 2), { why: 'another change' }],
    [
      'with an id that was used',
      () => asked([memberOf(1), memberOf(2), { ...memberOf(3), id: 0 }]),
      { why: 'id used', who: 0 },
    ],
    [
      'with another store of a member',
      () => asked([memberOf(1), { ...memberOf(2), storeUuid: 'f'.repeat(32) }]),
      { why: 'other store', who: 2 },
    ],
    [
      'with a new member that votes at once',
      () => asked([memberOf(1), memberOf(2), memberOf(5)]),
      { why: 'not a learner first', who: 5 },
    ],
  ])('%s', (_, ask, refusal) => {
    expect(ask()).toEqual(refusal);
  });

  it('with a voter that has not caught up, or is not heard', () => {
    const cluster = led([4]);
    change(cluster.node(1).core, [1, 2, 3], [4]);
    cluster.run([1, 2, 3]);
    expect(change(cluster.node(1).core, [1, 2, 3, 4])).toEqual({ why: 'not caught up', who: 4 });
  });

  it('when no majority of its voters is heard', () => {
    const cluster = led([], 5);
    cluster.drop();
    cluster.ticks(8, [1, 2, 3]);
    expect(change(cluster.node(1).core, [1, 4, 5])).toEqual({ why: 'no majority' });
  });

  it('with an id that was used and removed, once it is higher than all that are left', () => {
    const cluster = led();
    cluster.ticks(2, [1, 2, 3]);
    change(cluster.node(1).core, [1, 2]);
    cluster.run([1, 2, 3]);
    expect(change(cluster.node(1).core, [1, 2], [3])).toEqual({ why: 'id used', who: 3 });
    expect(change(cluster.node(1).core, [1, 2], [4])).toBeGreaterThan(1);
  });
});
