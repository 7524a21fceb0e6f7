import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { formatStore, memoryStorage, newClusterKey, Replica } from 'indelible';
import { JobQueue } from './queue.mjs';

const hex = () => randomBytes(16).toString('hex');
const directory = mkdtempSync(join(tmpdir(), 'queue-'));
after(() => rmSync(directory, { recursive: true }));

const say = async (replica, command) =>
  JSON.parse(Buffer.from(await replica.propose(Buffer.from(JSON.stringify(command)))).toString());

/** A cluster of one, whose log is in memory: enough to test a state machine behind a real log. */
async function openAlone(storage, stateMachine) {
  const peers = new Map();
  const replica = await Replica.open({ directory, storage, listen: '127.0.0.1:0', peers, stateMachine });
  await replica.waitForLeader();
  return replica;
}

test('jobs are taken once, finished by their worker, and survive a restart', async () => {
  const storage = memoryStorage();
  const identity = { clusterId: hex(), replicaId: 1, storeUuid: hex() };
  const shape = { identity, logBytes: 1 << 20, recordBytesMax: 64 << 10 };
  const configuration = { number: 1, members: [{ id: 1, storeUuid: identity.storeUuid }] };
  await formatStore(directory, storage, shape, configuration, newClusterKey());
  const events = [];
  const newQueue = () => new JobQueue(({ what, id }) => events.push(`${what} ${id}`));

  let replica = await openAlone(storage, newQueue());
  assert.deepEqual(await say(replica, { add: 'one', key: 'a' }), { id: 1 });
  assert.deepEqual(await say(replica, { add: 'one', key: 'a' }), { id: 1 });
  assert.deepEqual(await say(replica, { take: 'ann' }), { id: 1, work: 'one' });
  assert.deepEqual(await say(replica, { take: 'bob' }), { none: true });
  await replica.close();
  assert.deepEqual(events, ['added 1']);

  // There is no checkpoint yet: all commands are executed again, and the event happens again.
  replica = await openAlone(storage, newQueue());
  assert.deepEqual(await say(replica, { finish: 1, worker: 'bob' }), {
    refused: 'job 1 is not taken by bob',
  });
  assert.deepEqual(await say(replica, { finish: 1, worker: 'ann' }), { finished: 1 });
  await replica.checkpoint();
  await replica.close();
  assert.deepEqual(events, ['added 1', 'added 1', 'finished 1']);

  // The checkpoint covers everything: the state is restored, nothing is executed again.
  replica = await openAlone(storage, newQueue());
  assert.deepEqual(await say(replica, { take: 'bob' }), { none: true });
  await replica.close();
  assert.equal(events.length, 3);
});

test('the same commands give the same state, also behind a checkpoint', () => {
  const commands = [
    '{',
    '{"add":"x","key":"k"}',
    '{"take":"ann","forMs":5}',
    '{"take":"bob"}',
    '{"finish":1}',
  ];
  const execute = (machine, text, timeMs) => {
    let said = '';
    machine.execute({ text: () => text, timeMs }, { writeText: (more) => (said += more) });
    return said;
  };
  const one = new JobQueue();
  let other = new JobQueue();
  for (const [index, text] of commands.entries()) {
    assert.equal(execute(one, text, index * 10), execute(other, text, index * 10));
    const image = other.checkpoint();
    other = new JobQueue();
    other.restore(image);
    assert.equal(one.digest(), other.digest());
  }
});
