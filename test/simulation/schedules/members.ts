/** Changes of members by hand: what random changes seldom meet. */
import { ballotOf, roundOf } from '../../../lib/paxos/ballot.js';
import { Configurations } from '../../../lib/paxos/configurations.js';
import type { Digest } from '../../../lib/types.js';
import { batchOf, configurationOf, ofType, TestCluster, TIMING } from '../../paxos/cluster.js';
import { change, changeBatch, followedBy } from '../../paxos/membership.js';
import { mustBe, type Schedule } from './schedule.js';

export const members: readonly Schedule[] = [
  {
    name: 'a new member does not vote at once, whoever asks for it',
    run() {
      const cluster = new TestCluster(3);
      const { core } = cluster.elect(1, [1, 2, 3]);
      mustBe(change(core, [1, 2, 3, 4]), { why: 'not a learner first', who: 4 }, 'a voter from nowhere is');
    },
  },
  {
    name: 'two ask at once, and one is told to ask again',
    run() {
      const cluster = new TestCluster(3);
      const { core } = cluster.elect(1, [1, 2, 3]);
      mustBe(change(core, [1, 2]), 1, 'the first change has slot');
      mustBe(change(core, [1, 3]), { why: 'another change' }, 'the second one is refused');
      mustBe(core.propose(batchOf('a')), 0, 'and nothing else is proposed');
    },
  },
  {
    name: 'a change proposed for an ended configuration says nothing in the next one',
    run() {
      const first = configurationOf(3);
      const configurations = new Configurations(1, first);
      configurations.stopped(1, ballotOf(1, 1), changeBatch(followedBy(first, [1, 2])));
      const late = changeBatch(followedBy(first, [2, 3]));
      mustBe(configurations.isStop(late), false, 'what bears the number in force ends nothing');
    },
  },
  {
    name: 'who restarts in a configuration that has ended confirms no read in it',
    run() {
      const cluster = new TestCluster(1, {}, [2]);
      cluster.elect(1, [1]);
      change(cluster.node(1).core, [1], [2]);
      cluster.run([1, 2]);
      cluster.ticks(2 * TIMING.heartbeatTicks, [1, 2]);
      // What 1 hands on leaves it, and what it has learned of it is gone with its process.
      change(cluster.node(1).core, [2]);
      const hint = cluster.node(1).log.durableHint;
      cluster.run([1, 2]);
      cluster.ticks(4 * TIMING.electionTicks, [1, 2]);
      mustBe(cluster.node(2).core.role, 'leader', 'the new one leads');
      cluster.node(2).core.propose(batchOf('what a read must not miss'));
      cluster.run([2]);
      cluster.node(1).log.durableHint = hint;
      const again = cluster.restart(1);
      for (let tick = 0; tick < 4 * TIMING.electionTicks && again.core.ballot === 0; tick++)
        again.core.tick();
      again.sync();
      mustBe(again.core.role, 'leader', 'alone in the old configuration it');
      again.core.read(7);
      mustBe([...again.reads], [], 'but of reads it confirms');
    },
  },
  {
    name: 'the only one to know the new voters tells them, however often that is lost',
    run() {
      const cluster = new TestCluster(1, {}, [2]);
      cluster.elect(1, [1]);
      change(cluster.node(1).core, [1], [2]);
      cluster.run([1, 2]);
      cluster.ticks(2 * TIMING.heartbeatTicks, [1, 2]);
      change(cluster.node(1).core, [2]);
      cluster.run([1]);
      cluster.drop();
      mustBe(cluster.node(2).core.configurations.number, 2, '2 has not heard of the change: it is in');
      cluster.ticks(8 * TIMING.electionTicks, [1, 2]);
      mustBe(cluster.node(2).core.role, 'leader', 'told again, the new voter is');
    },
  },
  {
    name: 'a new voter that comes from a checkpoint campaigns above all that its configuration follows',
    run() {
      const cluster = new TestCluster(1, {}, [2]);
      const { core } = cluster.node(2);
      const configuration = followedBy(followedBy(cluster.configuration, [1], [2]), [2]);
      core.installed(50, 7 as Digest, 1, { configuration, from: 51, above: ballotOf(9, 1) });
      for (let tick = 0; tick < 4 * TIMING.electionTicks && core.ballot === 0; tick++) core.tick();
      mustBe(roundOf(core.ballot) > 9, true, 'its round is above the one at which its beginning was chosen');
    },
  },
  {
    name: 'a leader that is removed hands over to one that votes for the change',
    run() {
      const cluster = new TestCluster(3);
      cluster.elect(1, [1, 2, 3]);
      cluster.ticks(TIMING.heartbeatTicks, [1, 2, 3]);
      change(cluster.node(1).core, [2, 3]);
      cluster.run([1, 2, 3], ofType('canvass'));
      mustBe(cluster.held, [], 'without any canvass');
      const roles = [1, 2, 3].map((id) => cluster.node(id).core.role).sort();
      mustBe(roles, ['follower', 'follower', 'leader'], 'somebody leads');
      mustBe(cluster.node(1).core.role, 'follower', 'who was removed');
    },
  },
];
