/** How new the state is that each kind of read is answered from, on replicas that lead, follow and lag. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Consistency, ErrorCode, type Replica } from '../../lib/index.js';
import type { CommandView, ResultWriter, StateMachine } from '../../lib/replica/state-machine.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { TestCluster } from './cluster.js';

/** Adds up; a query answers with the sum. */
class Sum implements StateMachine {
  value = 0;
  execute(command: CommandView, result: ResultWriter): void {
    if (command.text() === 'break') throw new Error('a bug');
    this.value += Number(command.text());
    result.writeText(String(this.value));
  }
  query(_query: CommandView, result: ResultWriter): boolean {
    result.writeText(String(this.value));
    return true;
  }
  checkpoint(): Iterable<Uint8Array> {
    return [Buffer.from(String(this.value))];
  }
  restore(chunks: Iterable<Uint8Array>): void {
    this.value = Number(Buffer.concat([...chunks]).toString());
  }
}

const ADD = Buffer.from('1');
const NOTHING = Buffer.alloc(0);
let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.start({
    machine: () => new Sum(),
    storage: () => ({ mode: 'memory', disk: new MemoryDisk() }),
    tuning: { requestTimeoutMs: 2000 },
  });
});
afterEach(() => cluster.closeAll());

async function read(replica: Replica, consistency?: Consistency): Promise<string> {
  const answer = await replica.read(NOTHING, consistency === undefined ? {} : { consistency });
  return Buffer.from(answer).toString();
}

async function followers(): Promise<readonly Replica[]> {
  const leader = await cluster.leader();
  return [...cluster.replicas.values()].filter((replica) => replica !== leader);
}

describe('a replica that follows', () => {
  it('sees in its reads everything that was answered before', async () => {
    const [one, other] = (await followers()) as [Replica, Replica];
    for (let sum = 1; sum <= 5; sum++) {
      await one.propose(ADD);
      expect(await Promise.all([read(one), read(other)])).toEqual([String(sum), String(sum)]);
    }
  });

  it('has applied at its barrier what was answered before, and others have at that slot', async () => {
    const [one, other] = (await followers()) as [Replica, Replica];
    const leader = await cluster.leader();
    for (let sum = 1; sum <= 5; sum++) {
      await leader.propose(ADD);
      const slot = await one.readBarrier();
      expect(one.status().appliedThrough).toBeGreaterThanOrEqual(slot);
      expect(await read(one, 'local')).toBe(String(sum));
      expect(await read(other, { atLeast: slot })).toBe(String(sum));
      expect(await read(leader, { maxStalenessMs: 0 })).toBe(String(sum));
      expect(await read(other, { maxStalenessMs: 0 })).toBe(String(sum));
    }
  });
});

describe('a replica that reaches no other', () => {
  it('answers what it can from the state it has, and says of the rest that it cannot', async () => {
    const [alone, ...others] = [...cluster.replicas.values()] as [Replica, Replica, Replica];
    await alone.propose(ADD);
    const slot = await alone.readBarrier();
    for (const { identity } of others) await cluster.close(identity.replicaId);
    expect(await read(alone, 'local')).toBe('1');
    expect(await read(alone, { atLeast: slot })).toBe('1');
    expect(await read(alone, { maxStalenessMs: 1e9 })).toBe('1');
    const refused = await Promise.all(
      [read(alone, { maxStalenessMs: 0 }), read(alone, { atLeast: slot + 1000 }), alone.readBarrier()].map(
        (each) => each.then(String, (error: { code: string }) => error.code),
      ),
    );
    expect(refused).toEqual([ErrorCode.stale, ErrorCode.stale, ErrorCode.stale]);
  });
});

describe('a read that is given up', () => {
  it('by its signal was not executed', async () => {
    const [replica] = await followers();
    const reason = new Error('no more');
    const signal = AbortSignal.abort(reason);
    const consistency = { atLeast: 1e9 };
    for (const work of [replica!.read(NOTHING, { consistency, signal }), replica!.readBarrier({ signal })]) {
      await expect(work).rejects.toMatchObject({ code: ErrorCode.notExecuted, cause: reason });
    }
  });

  it('when its replica is halted or closed hears why', async () => {
    const leader = await cluster.leader();
    const [other] = await followers();
    const waits = read(leader, { atLeast: 1e9 });
    const waitsElsewhere = read(other!, { atLeast: 1e9 });
    await expect(leader.propose(Buffer.from('break'))).rejects.toThrow();
    await expect(waits).rejects.toMatchObject({ code: ErrorCode.halted });
    await expect(read(leader, 'local')).rejects.toMatchObject({ code: ErrorCode.halted });
    await expect(waitsElsewhere).rejects.toMatchObject({ code: ErrorCode.halted });
    await leader.close();
    await expect(read(leader, 'local')).rejects.toMatchObject({ code: ErrorCode.stopped });
    await expect(leader.readBarrier()).rejects.toMatchObject({ code: ErrorCode.stopped });
  });

  it('as it makes no sense is the mistake of its caller', async () => {
    const [replica] = await followers();
    const senseless = [
      'fresh',
      null,
      {},
      { atLeast: 1, maxStalenessMs: 1 },
      { atLeast: -1 },
      { atLeast: 0.5 },
    ];
    for (const consistency of [...senseless, { maxStalenessMs: -1 }, { maxStalenessMs: Number.NaN }]) {
      const work = read(replica!, consistency as unknown as Consistency);
      await expect(work, JSON.stringify(consistency)).rejects.toMatchObject({ code: ErrorCode.argument });
    }
  });
});
