/** Changes of members, asked of replicas in this process: whoever joins, leaves, and what was answered. */
import { afterEach, describe, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import { ErrorCode, type Member, type Replica } from '../../lib/index.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { machineDigest, TestCluster } from './cluster.js';

const command = (words: string): Uint8Array => Buffer.from(words);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

let cluster: TestCluster;
afterEach(() => cluster.closeAll());

async function start(size = 3): Promise<void> {
  cluster = await TestCluster.start({
    size,
    machine: () => new Counter(),
    storage: () => ({ mode: 'memory', disk: new MemoryDisk() }),
  });
}

/** Formats and starts a newcomer. @returns it as a member with that role */
async function newcomer(id: number, role?: 'learner'): Promise<Member> {
  const storeUuid = await cluster.formatNewcomer(id);
  await cluster.open(id);
  return { id, storeUuid, address: cluster.addressOf(id), ...(role === undefined ? {} : { role }) };
}

/** Asks the leader until it makes `members` the members: one that is to vote may have to catch up first. */
async function change(members: readonly Member[], cookie = 'test'): Promise<void> {
  for (;;) {
    const leader = await theLeader();
    const { number } = leader.configuration;
    try {
      await leader.changeMembers({ number: number + 1, members, cookie });
      return;
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== ErrorCode.notCaughtUp && code !== ErrorCode.notExecuted) throw error;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The one that leads at the highest ballot, wherever that is known. */
async function theLeader(): Promise<Replica> {
  const leads = (): Replica | undefined =>
    [...cluster.replicas.values()].find((replica) => replica.status().role === 'leader');
  await cluster.until(() => leads() !== undefined);
  return leads()!;
}

/** Resolves once these are the members of the configuration with that number, as each of `ids` says. */
async function agreed(ids: readonly number[], number: number): Promise<void> {
  await cluster.until(() =>
    ids.every((id) => (cluster.replicas.get(id)?.configuration.number ?? 0) >= number),
  );
}

describe('a change of members', () => {
  it('grows a replica to three, online, and every one of them has what was answered', async () => {
    await start(1);
    const first = await cluster.leader();
    await first.propose(command('add 5'));
    for (const id of [2, 3]) {
      const before = (await theLeader()).members;
      const learner = await newcomer(id, 'learner');
      await change([...before, learner]);
      const { role: _, ...voter } = learner;
      await change([...before, voter]);
    }
    expect((await theLeader()).members.map(({ id }) => id)).toEqual([1, 2, 3]);
    await agreed([1, 2, 3], 5);
    expect(text(await cluster.replicas.get(3)!.propose(command('add 1')))).toBe('6');
    await cluster.until(() => [...cluster.replicas.values()].every((r) => machineDigest(r) === '6'));
    for (const replica of cluster.replicas.values()) expect(replica.status().standing).toBe('voter');
  });

  it('tells every replica of it, with its cookie', async () => {
    await start();
    const leader = await cluster.leader();
    const heard: string[] = [];
    for (const [id, replica] of cluster.replicas) {
      replica.on('members', ({ number, members }, cookie) => {
        heard.push(`${id}: ${number} ${members.length} ${cookie}`);
      });
    }
    const gone = [...cluster.replicas.keys()].find((id) => id !== leader.identity.replicaId)!;
    await change(
      leader.members.filter(({ id }) => id !== gone),
      'ticket 815',
    );
    const staying = [1, 2, 3].filter((id) => id !== gone);
    const said = (id: number): string => `${id}: 2 2 ticket 815`;
    await cluster.until(() => staying.every((id) => heard.includes(said(id))));
    await cluster.until(() => cluster.replicas.get(gone)!.status().standing === 'removed');
    expect(heard.every((words) => words.endsWith('2 2 ticket 815'))).toBe(true);
  });

  it('replaces all three by three others, and the leader is among those that leave', async () => {
    await start();
    const leader = await cluster.leader();
    await leader.propose(command('add 3'));
    const old = leader.members;
    const learners = [
      await newcomer(4, 'learner'),
      await newcomer(5, 'learner'),
      await newcomer(6, 'learner'),
    ];
    await change([...old, ...learners]);
    await change(learners.map(({ role: _, ...member }) => member));
    await agreed([4, 5, 6], 3);
    await cluster.until(() =>
      [1, 2, 3].every((id) => cluster.replicas.get(id)?.status().standing === 'removed'),
    );
    for (const id of [1, 2, 3]) await cluster.close(id);
    expect(text(await cluster.replicas.get(5)!.propose(command('add 4')))).toBe('7');
  });

  it('is told to a removed replica that comes back, which then disturbs nobody', async () => {
    await start();
    const leader = await cluster.leader();
    const gone = [...cluster.replicas.keys()].find((id) => id !== leader.identity.replicaId)!;
    await cluster.close(gone);
    await change(leader.members.filter(({ id }) => id !== gone));
    await agreed([...cluster.replicas.keys()], 2);
    const ballot = (await theLeader()).status().ballot;
    const back = await cluster.open(gone);
    await cluster.until(() => back.status().standing === 'removed');
    expect(back.status().advice).toContain('was removed');
    expect((await theLeader()).status().ballot).toBe(ballot);
    await expect((await theLeader()).propose(command('add 1'))).resolves.toBeDefined();
  });

  it('is refused for an id or a store that cannot be, and the same one asked again is the same change', async () => {
    await start();
    const leader = await cluster.leader();
    const { number, members } = leader.configuration;
    const at = (changed: readonly Member[], next = number + 1) =>
      leader.changeMembers({ number: next, members: changed, cookie: 'x' });
    const stranger = { id: 4, storeUuid: 'f'.repeat(32) };
    const refused = { code: ErrorCode.membersRefused };
    await expect(at([...members, stranger])).rejects.toMatchObject(refused);
    await expect(
      at([...members.slice(1), { ...members[0]!, storeUuid: 'e'.repeat(32) }]),
    ).rejects.toMatchObject(refused);
    await expect(at(members, number + 2)).rejects.toMatchObject(refused);
    await expect(at([])).rejects.toMatchObject({ code: ErrorCode.argument });
    const fewer = members.filter(({ id }) => id !== leader.identity.replicaId || members.length === 1);
    const follower = cluster.replicas.get(fewer[0]!.id)!;
    await expect(follower.changeMembers({ number: number + 1, members: fewer })).rejects.toMatchObject({
      code: ErrorCode.notExecuted,
    });
    const kept = members.filter(({ id }) => id === leader.identity.replicaId || id === fewer[0]!.id);
    const once = at(kept);
    const again = at(kept);
    expect(await again).toEqual(await once);
    expect(await at(kept)).toEqual(await once);
    const { id } = kept[0]!;
    await expect(at(members.filter((member) => member.id === id))).rejects.toMatchObject(refused);
  });

  it('reaches a member that was away while all whom it knows were replaced', async () => {
    await start();
    const leader = await cluster.leader();
    const away = leader.identity.replicaId === 1 ? 2 : 1;
    const old = leader.members;
    await cluster.close(away);
    const learners = [await newcomer(4, 'learner'), await newcomer(5, 'learner')];
    await change([...old, ...learners]);
    const voters = learners.map(({ role: _, ...member }) => member);
    await change([old.find(({ id }) => id === away)!, ...voters]);
    await agreed([4, 5], 3);
    for (const { id } of old) await cluster.close(id);
    const back = await cluster.open(away);
    await cluster.until(() => back.configuration.number === 3);
    expect(back.status().standing).toBe('voter');
    await cluster.close(5);
    expect(text(await back.propose(command('add 1')))).toBe('1');
  });
});
