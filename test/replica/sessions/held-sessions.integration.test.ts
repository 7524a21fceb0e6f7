/** Sessions that programs hold, at a replica and at a client: each command is executed once, in order. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../../../lib/client/client.js';
import { ErrorCode } from '../../../lib/errors.js';
import type {
  CommandView,
  Replica,
  ResultWriter,
  Session,
  SessionOptions,
  StateMachine,
} from '../../../lib/index.js';
import { MemoryDisk } from '../../../lib/storage/memory.js';
import { clientKeyOf } from '../../../lib/transport/proof.js';
import { TestCluster } from '../cluster.js';

/** Keeps what it executes, and answers how much that is. */
class Diary implements StateMachine {
  lines: string[] = [];
  execute(command: CommandView, result: ResultWriter): void {
    this.lines.push(command.text());
    result.writeText(String(this.lines.length));
  }
  query(_query: CommandView, result: ResultWriter): boolean {
    result.writeText(this.lines.join());
    return true;
  }
  checkpoint(): Iterable<Uint8Array> {
    return [Buffer.from(this.lines.join())];
  }
  restore(chunks: Iterable<Uint8Array>): void {
    const text = Buffer.concat([...chunks]).toString();
    this.lines = text === '' ? [] : text.split(',');
  }
  digest(): string {
    return this.lines.join();
  }
}

const disks = new Map<number, MemoryDisk>();
let cluster: TestCluster;
let clients: Client[];

beforeEach(async () => {
  clients = [];
  disks.clear();
  cluster = await TestCluster.start({
    machine: () => new Diary(),
    storage: (id) => {
      const disk = disks.get(id) ?? new MemoryDisk();
      disks.set(id, disk);
      return { mode: 'memory', disk };
    },
    tuning: { sessionsMax: 3 },
  });
});
afterEach(async () => {
  for (const client of clients) client.close();
  await cluster.closeAll();
});

/** A follower holds it, and lives; the leader may not. */
const atReplica = async (options?: SessionOptions): Promise<Session> => {
  const leader = await cluster.leader();
  return [...cluster.replicas.values()].find((each) => each !== leader)!.session(options);
};

const atClient = async (options?: SessionOptions): Promise<Session> => {
  const addresses = new Map(cluster.ids.map((id) => [id, cluster.addressOf(id)]));
  const client = await Client.connect({ addresses, key: clientKeyOf(cluster.key) });
  clients.push(client);
  return client.session(options);
};

const say = async (session: Session, text: string, signal?: AbortSignal): Promise<string> => {
  const answer = await session.propose(Buffer.from(text), signal === undefined ? {} : { signal });
  return Buffer.from(answer).toString();
};

const executed = async (): Promise<string> => {
  const leader = await cluster.leader();
  return Buffer.from(await leader.read(Buffer.alloc(0))).toString();
};

const numbers = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => String(i + 1));

describe.each([
  // A replica that holds a session may be the next one to lead.
  ['a replica', atReplica, 1],
  ['a client', atClient, 3],
])('a session that is held at %s', (_where, open, rounds) => {
  it('has each command executed once, in order, whoever leads meanwhile', async () => {
    const session = await open();
    const answers: Promise<string>[] = [];
    const ask = (count: number): void => {
      for (let i = 0; i < count; i++) answers.push(say(session, `c${answers.length}`));
    };
    for (let round = 0; round < rounds; round++) {
      ask(20);
      const leader = (await cluster.leader()).identity.replicaId;
      ask(20);
      await cluster.close(leader);
      ask(20);
      await cluster.open(leader);
    }
    expect(await Promise.all(answers)).toEqual(numbers(60 * rounds));
    expect((await executed()).split(',')).toHaveLength(60 * rounds);
    expect(session.next).toBe(60 * rounds + 1);
  });

  it('is gone on with by its number and that of its next command', async () => {
    const session = await open();
    for (const text of ['a', 'b', 'c']) await say(session, text);
    const { id, next } = session;
    expect(next).toBe(4);
    session.close();
    const again = await open({ resume: { id, next: 3 } });
    expect(again.id).toBe(id);
    expect(await say(again, 'c')).toBe('3');
    expect(await say(again, 'd')).toBe('4');
    expect(await executed()).toBe('a,b,c,d');
    const early = await open({ resume: { id, next: 1 } });
    await expect(say(early, 'a')).rejects.toMatchObject({ code: ErrorCode.answerGone });
    const late = await open({ resume: { id, next: 9 } });
    await expect(say(late, 'i')).rejects.toMatchObject({ code: ErrorCode.notExecuted });
    expect(await executed()).toBe('a,b,c,d');
  });

  it('that the cluster has forgotten says so, then and later, and executes nothing', async () => {
    const session = await open();
    await say(session, 'a');
    const others: Session[] = [];
    for (let i = 0; i < 3; i++) others.push(await open());
    const gone = { code: ErrorCode.sessionGone };
    await expect(say(session, 'b')).rejects.toMatchObject(gone);
    await expect(say(session, 'c')).rejects.toMatchObject(gone);
    const { id, next } = session;
    const again = await open({ resume: { id, next } });
    await expect(say(again, 'b')).rejects.toMatchObject(gone);
    expect(await say(others[2]!, 'd')).toBe('2');
    expect(await executed()).toBe('a,d');
    const { sessions } = (await cluster.leader()).status();
    expect(sessions.kept).toBe(3);
    expect(sessions.forgotten).toBeGreaterThan(0);
    expect(sessions.refused).toBeGreaterThan(0);
  });

  it('refuses what is more than it may hold, and what is no place', async () => {
    const session = await open({ heldBytesMax: 600 });
    const answers = [say(session, 'a'), say(session, 'b')];
    await expect(say(session, 'c')).rejects.toMatchObject({ code: ErrorCode.notExecuted });
    expect(await Promise.all(answers)).toEqual(['1', '2']);
    expect(await say(session, 'c')).toBe('3');
    const argument = { code: ErrorCode.argument };
    await expect(open({ resume: { id: 0, next: 1 } })).rejects.toMatchObject(argument);
    await expect(open({ resume: { id: 1, next: 0 } })).rejects.toMatchObject(argument);
    await expect(open({ heldBytesMax: 0 })).rejects.toMatchObject(argument);
    await expect(session.propose('no bytes' as never)).rejects.toMatchObject(argument);
  });

  it('takes nothing once it is closed', async () => {
    const session = await open();
    session.close();
    await expect(say(session, 'a')).rejects.toMatchObject({ code: ErrorCode.stopped });
    const other = await open();
    await other[Symbol.asyncDispose]();
    await expect(say(other, 'a')).rejects.toMatchObject({ code: ErrorCode.stopped });
    expect(await executed()).toBe('');
  });
});

/** The replicas but one are closed. @returns what opens them again */
async function loseQuorum(staying: Replica): Promise<() => Promise<void>> {
  const ids = cluster.ids.filter((id) => id !== staying.identity.replicaId);
  for (const id of ids) await cluster.close(id);
  return async () => {
    for (const id of ids) await cluster.open(id);
  };
}

describe('without a quorum, a session', () => {
  it('waits; a signal ends a wait, and what it was for is executed once all the same', async () => {
    const replica = cluster.replicas.get(1)!;
    const session = await replica.session();
    expect(replica.status().sessions.held).toBe(1);
    const findQuorum = await loseQuorum(replica);
    const abort = new AbortController();
    const given = say(session, 'a', abort.signal);
    const waiting = say(session, 'b');
    abort.abort('late');
    await expect(given).rejects.toMatchObject({ code: ErrorCode.unknown, cause: 'late' });
    await expect(say(session, 'x', abort.signal)).rejects.toMatchObject({ code: ErrorCode.notExecuted });
    await findQuorum();
    expect(await waiting).toBe('2');
    expect(await executed()).toBe('a,b');
  });

  it('is not opened; a signal ends that, and so does the end of the replica', async () => {
    const replica = cluster.replicas.get(1)!;
    await loseQuorum(replica);
    const abort = new AbortController();
    const given = replica.session({ signal: abort.signal });
    abort.abort('late');
    await expect(given).rejects.toBe('late');
    await expect(replica.session({ signal: abort.signal })).rejects.toBe('late');
    const waiting = replica.session();
    waiting.catch(() => {});
    await cluster.close(1);
    await expect(waiting).rejects.toMatchObject({ code: ErrorCode.stopped });
    await expect(replica.session()).rejects.toMatchObject({ code: ErrorCode.stopped });
  });

  it('hears the end of its replica, and is gone on with at another', async () => {
    const replica = cluster.replicas.get(1)!;
    const session = await replica.session();
    await say(session, 'a');
    const { id, next } = session;
    const findQuorum = await loseQuorum(replica);
    const lost = say(session, 'b');
    lost.catch(() => {});
    await cluster.close(1);
    await expect(lost).rejects.toMatchObject({ code: expect.stringMatching(/UNKNOWN|NOT_EXECUTED/) });
    await expect(say(session, 'c')).rejects.toMatchObject({ code: ErrorCode.stopped });
    await findQuorum();
    const again = await atReplica({ resume: { id, next } });
    expect(await say(again, 'b')).toBe('2');
    expect(await executed()).toBe('a,b');
  });

  it('that is closed is asked for no more', async () => {
    const replica = cluster.replicas.get(1)!;
    const session = await replica.session();
    await say(session, 'a');
    const findQuorum = await loseQuorum(replica);
    const lost = [say(session, 'b'), say(session, 'c')];
    session.close();
    for (const each of await Promise.allSettled(lost)) {
      expect(each).toMatchObject({ reason: { code: expect.stringMatching(/UNKNOWN|NOT_EXECUTED/) } });
    }
    await findQuorum();
    const again = await replica.session();
    await say(again, 'd');
    expect(await executed()).toMatch(/^a,(b,)?(c,)?d$/);
    expect(replica.failure).toBeUndefined();
  });

  it('of a client waits over the restart of all replicas, and hears the end of the client', async () => {
    const session = await atClient();
    await say(session, 'a');
    for (const id of cluster.ids) await cluster.close(id);
    const waiting = say(session, 'b');
    for (const id of cluster.ids) await cluster.open(id);
    expect(await waiting).toBe('2');
    const opening = clients[0]!.session({ resume: { id: session.id, next: session.next } });
    const heir = await opening;
    clients[0]!.close();
    await expect(say(session, 'c')).rejects.toMatchObject({ code: ErrorCode.stopped });
    await expect(say(heir, 'c')).rejects.toMatchObject({ code: ErrorCode.stopped });
    await expect(clients[0]!.session()).rejects.toMatchObject({ code: ErrorCode.stopped });
    expect(await executed()).toBe('a,b');
  });
});
