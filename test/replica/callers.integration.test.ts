/** What callers do wrong is an error to them, and harms no replica and nobody else's requests. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import type {
  CommandView,
  Outcome,
  Replica,
  Requester,
  ResultWriter,
  StateMachine,
} from '../../lib/index.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { type ClusterOptions, TestCluster } from './cluster.js';

const ADD = Buffer.from('add 1');
const LARGE = Buffer.alloc(1.5 * 2 ** 20);

function bodyOf(...commands: string[]): Buffer {
  return Buffer.concat(
    commands.map((command) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(command.length);
      return Buffer.concat([length, Buffer.from(command)]);
    }),
  );
}

/** What a promise came to: its text, or its error's code. */
async function fate(promise: Promise<Uint8Array | void>): Promise<string> {
  try {
    return Buffer.from((await promise) ?? []).toString();
  } catch (error) {
    return (error as { code: string }).code;
  }
}

let cluster: TestCluster;
const warnings: string[] = [];
const onWarning = (warning: Error & { code?: string }): number => warnings.push(warning.code ?? warning.name);
beforeEach(() => {
  warnings.length = 0;
  process.on('warning', onWarning);
});
afterEach(async () => {
  process.off('warning', onWarning);
  await cluster.closeAll();
});

async function start(options: Partial<ClusterOptions> = {}): Promise<Replica> {
  const storage = () => ({ mode: 'memory', disk: new MemoryDisk() }) as const;
  cluster = await TestCluster.start({ size: 1, machine: () => new Counter(), storage, ...options });
  return await cluster.leader();
}

const other = (leader: Replica): Replica =>
  [...cluster.replicas.values()].find((replica) => replica !== leader)!;

/** A requester that notes what it hears, and reacts each time. */
class Asker implements Requester {
  readonly heard: string[] = [];
  private readonly react: (call: number) => unknown;
  constructor(react: (call: number) => unknown = () => {}) {
    this.react = react;
  }
  outcome(first: number, count: number, outcome: Outcome): unknown {
    for (let i = 0; i < count; i++) this.heard.push(`${first + i}:${outcome}`);
    return this.react(this.heard.length);
  }
  drain(): void {}
}

describe('what is too large', () => {
  it('is refused to its caller at the leader, at a follower, read or proposed', async () => {
    const leader = await start({
      size: 3,
      logBytes: 32 << 20,
      recordBytesMax: 2228224,
      tuning: { commandBytesMax: 1_800_000 },
    });
    for (const replica of [leader, other(leader)]) {
      expect(await fate(replica.read(LARGE))).toBe('ERR_INDELIBLE_COMMAND_TOO_LARGE');
      expect(await fate(replica.propose(LARGE))).toBe('ERR_INDELIBLE_COMMAND_TOO_LARGE');
      const body = Buffer.concat([Buffer.from([0, 0, 0x18, 0]), LARGE]);
      for (const form of ['submit', 'query'] as const) {
        expect(() => replica.service[form](new Asker(), 1, 1, body, 0, body.length)).toThrow(/the limit is/);
      }
      expect(await fate(replica.propose(ADD))).toMatch(/^[12]$/);
    }
    expect(other(leader).failure).toBeUndefined();
  });
});

describe('a call of the batch form that is none', () => {
  it('throws with a code, at leader and follower, and takes nothing', async () => {
    const leader = await start({ size: 3 });
    const one = bodyOf('add 1');
    const cases: [unknown, unknown, unknown, unknown, unknown, unknown][] = [
      [new Asker(), 1, 2, one, 0, one.length],
      [new Asker(), 1, 1, one, 0, one.length - 1],
      [new Asker(), 1, 1, one, 1, one.length],
      [new Asker(), 1, 2, one, 0, one.length + 4],
      [new Asker(), 1, 0, one, 0, 0],
      [new Asker(), 1, -1, one, 0, one.length],
      [new Asker(), 1, 1.5, one, 0, one.length],
      [new Asker(), Number.NaN, 1, one, 0, one.length],
      [new Asker(), 2 ** 53, 1, one, 0, one.length],
      [new Asker(), 1, 1, one, -4, one.length],
      [new Asker(), 1, 1, one, one.length, 0],
      [new Asker(), 1, 1, 'add 1', 0, 5],
      [new Asker(), 1, 1, undefined, 0, 5],
      [undefined, 1, 1, one, 0, one.length],
      [{}, 1, 1, one, 0, one.length],
    ];
    for (const replica of [leader, other(leader)]) {
      for (const form of ['submit', 'query'] as const) {
        for (const args of cases) {
          const call = replica.service[form] as (...args: unknown[]) => boolean;
          expect(() => call.apply(replica.service, args)).toThrow(
            expect.objectContaining({ code: 'ERR_INDELIBLE_ARGUMENT' }),
          );
        }
      }
      replica.service.flush();
      expect(await fate(replica.propose('add 1' as unknown as Uint8Array))).toBe('ERR_INDELIBLE_ARGUMENT');
      expect(await fate(replica.read(undefined as unknown as Uint8Array))).toBe('ERR_INDELIBLE_ARGUMENT');
    }
    expect(await fate(leader.propose(ADD))).toBe('1');
  });
});

describe('a callback', () => {
  it('may ask for a checkpoint, for more, and for the end, and every command is executed once', async () => {
    const leader = await start();
    const fates: Promise<string>[] = [];
    const body = bodyOf('add 1');
    const asker = new Asker((call) => {
      if (call === 1) fates.push(fate(leader.checkpoint()));
      if (call === 1) fates.push(fate(leader.propose(ADD)), fate(leader.read(ADD)));
      return undefined;
    });
    const more = new Asker();
    leader.service.submit(asker, 1, 1, body, 0, body.length);
    leader.service.submit(more, 1, 1, body, 0, body.length);
    leader.service.submit(more, 2, 1, body, 0, body.length);
    leader.service.flush();
    await cluster.until(() => more.heard.length === 2);
    expect(await Promise.all(fates)).toEqual(['', '4', expect.stringMatching(/^[34]$/)]);
    expect(leader.status().checkpointId).toBe(1);
    expect(await fate(leader.read(ADD))).toBe('4');
    const closing = new Asker(() => {
      void leader.close();
    });
    const late = new Asker();
    leader.service.submit(closing, 1, 1, body, 0, body.length);
    leader.service.submit(late, 1, 1, body, 0, body.length);
    leader.service.flush();
    await cluster.until(() => closing.heard.length === 1 && late.heard.length === 1);
    expect(late.heard).toEqual(['1:0']);
  });

  it('that abandons hears nothing more, nor does whom it abandons', async () => {
    const leader = await start();
    const body = bodyOf('add 1');
    const victim = new Asker();
    const gone: Asker = new Asker(() => {
      leader.service.abandon(gone);
      leader.service.abandon(victim);
      return undefined;
    });
    const rest = new Asker();
    for (const form of ['submit', 'query'] as const) {
      const before = rest.heard.length;
      for (const [requester, first] of [
        [gone, 1],
        [rest, before + 1],
        [victim, 1],
        [gone, 2],
        [rest, before + 2],
      ] as const) {
        leader.service[form](requester, first, 1, body, 0, body.length);
      }
      leader.service.flush();
      await cluster.until(() => rest.heard.length === before + 2);
    }
    expect(victim.heard).toEqual([]);
    expect(gone.heard).toEqual(['1:0', '1:0']);
  });

  it('that throws, or rejects, is reported, and stops neither the replica nor the next one', async () => {
    const leader = await start();
    const body = bodyOf('add 1');
    const throws = new Asker(() => {
      throw Object.create(null);
    });
    const rejects = new Asker(() => Promise.reject(new Error('bug of a caller')));
    const rest = new Asker();
    for (const form of ['submit', 'query'] as const) {
      for (const requester of [throws, rejects, rest]) {
        leader.service[form](requester, rest.heard.length + 1, 1, body, 0, body.length);
      }
      leader.service.flush();
      const before = rest.heard.length;
      await cluster.until(() => rest.heard.length > before);
    }
    expect(rest.heard).toEqual(['1:0', '2:0']);
    expect(leader.failure).toBeUndefined();
    expect(warnings).toContain('ERR_INDELIBLE_CALLBACK');
  });

  it('that listens to an event and throws stops neither the replica nor the next listener', async () => {
    const leader = await start();
    let heard = 0;
    leader.on('checkpoint', () => {
      throw new Error('bug in a listener');
    });
    leader.on('checkpoint', async () => {
      throw new Error('bug in an async listener');
    });
    leader.on('checkpoint', () => heard++);
    await leader.propose(ADD);
    await leader.checkpoint();
    expect(heard).toBe(1);
    expect(leader.failure).toBeUndefined();
    expect(await fate(leader.propose(ADD))).toBe('2');
  });
});

class Faulty extends Counter {
  override execute(command: CommandView, result: ResultWriter): void {
    if (command.text() === 'throw') throw new Error('bug in execute');
    if (command.text() === 'promise') return Promise.reject(new Error('late')) as unknown as undefined;
    super.execute(command, result);
  }
  override query(query: CommandView, result: ResultWriter): boolean {
    if (query.text() === 'throw') throw new Error('bug in query');
    if (query.text() === 'promise') return Promise.reject(new Error('late')) as unknown as boolean;
    return super.query(query, result);
  }
  override digest(): string {
    throw new Error('bug in digest');
  }
}

describe('a state machine', () => {
  it('whose query throws, or returns a promise, fails that query and no other', async () => {
    const leader = await start({ size: 3, machine: () => new Faulty() });
    for (const replica of [leader, other(leader)]) {
      const reads = ['', 'throw', '', 'promise', ''].map((query) => fate(replica.read(Buffer.from(query))));
      const failed = 'ERR_INDELIBLE_STATE_MACHINE';
      expect(await Promise.all(reads)).toEqual(['0', failed, '0', failed, '0']);
      expect(replica.failure).toBeUndefined();
    }
  });

  it.each(['throw', 'promise'])('whose execute comes to a %s settles everything', async (bad) => {
    const leader = await start({ machine: () => new Faulty() });
    // The first command waits for a session; from then on all that is asked in one turn shares a slot.
    await leader.propose(Buffer.from('add 0'));
    const proposals = ['add 1', 'add 1', bad, 'add 1', 'add 1'].map((words) =>
      fate(leader.propose(Buffer.from(words))),
    );
    const reads = [fate(leader.read(ADD)), fate(leader.read(ADD))];
    const unknown = 'ERR_INDELIBLE_UNKNOWN';
    expect(await Promise.all(proposals)).toEqual(['1', '2', unknown, unknown, unknown]);
    for (const read of await Promise.all(reads)) expect(read).toMatch(/^ERR_INDELIBLE_/);
    expect(leader.failure).toBeUndefined();
    expect(leader.status().halted).toMatchObject({ command: expect.any(Number) });
    expect(await fate(leader.propose(ADD))).toBe('ERR_INDELIBLE_HALTED');
    expect(await fate(leader.read(ADD))).toBe('ERR_INDELIBLE_HALTED');
  });

  it('whose digest throws has none in the status', async () => {
    const leader = await start({ machine: () => new Faulty() });
    expect(leader.status().stateDigest).toBeUndefined();
    expect(leader.failure).toBeUndefined();
  });

  it.each(['execute', 'query', 'checkpoint', 'restore', 'digest'])(
    'with an async %s is refused',
    async (name) => {
      await start();
      const machine = Object.assign(new Counter(), { [name]: async () => {} }) as StateMachine;
      const clone = TestCluster.start({
        size: 1,
        machine: () => machine,
        storage: () => ({ mode: 'memory', disk: new MemoryDisk() }),
      });
      await expect(clone).rejects.toMatchObject({ code: 'ERR_INDELIBLE_ARGUMENT' });
    },
  );
});

describe('requests that wait when the replica closes', () => {
  it('all settle, each kind, whether they had a place or met back-pressure', async () => {
    cluster = await TestCluster.format({
      machine: () => new Counter(),
      storage: () => ({ mode: 'memory', disk: new MemoryDisk() }),
      tuning: { waitingBytesMax: 64 << 10, leaderWaitMs: 60_000 },
    });
    const alone = await cluster.open(1);
    const ask = (form: 'propose' | 'read'): Promise<string>[] =>
      Array.from({ length: 50 }, () => fate(alone[form](Buffer.alloc(8 << 10))));
    const asked = [...ask('propose'), ...ask('read')];
    await alone.close();
    for (const code of await Promise.all(asked)) {
      expect(code).toMatch(/^ERR_INDELIBLE_(NOT_EXECUTED|STOPPED)$/);
    }
    for (const code of await Promise.all([...ask('propose'), ...ask('read')])) {
      expect(code).toBe('ERR_INDELIBLE_STOPPED');
    }
  });

  it('are held up to the bound, and refused beyond it at once', async () => {
    cluster = await TestCluster.format({
      machine: () => new Counter(),
      storage: () => ({ mode: 'memory', disk: new MemoryDisk() }),
      tuning: { waitingBytesMax: 64 << 10, leaderWaitMs: 60_000 },
    });
    const alone = await cluster.open(1);
    let refused = 0;
    const asked = Array.from({ length: 1000 }, () =>
      alone.propose(Buffer.alloc(8 << 10)).catch((error: { code: string }) => {
        if (error.code === 'ERR_INDELIBLE_NOT_EXECUTED') refused++;
      }),
    );
    await cluster.until(() => refused > 0);
    expect(refused).toBeGreaterThan(1000 - 2 * 9);
    await alone.close();
    await Promise.all(asked);
  });
});
