/** The calls of a replica, and the moments at which a program may make them. */
import { vi } from 'vitest';
import { Counter } from '../../examples/counter.js';
import type { CommandView, Outcome, Replica, Requester, ResultWriter, Tuning } from '../../lib/index.js';
import { nodeRuntime } from '../../lib/runtime.js';
import { RealMedium } from '../../lib/storage/file/real-medium.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { TestCluster } from './cluster.js';

export const ADD: Buffer = Buffer.from('add 1');
const BODY: Buffer = Buffer.concat([Buffer.from([ADD.length, 0, 0, 0]), ADD]);
/** Few of these are what a replica takes before it asks its requesters to wait. */
const LONG_BODY: Buffer = Buffer.concat([Buffer.from([0x40, 0x1f, 0, 0]), Buffer.alloc(8000)]);
const MAX_FILL = 4000;
const SMALL_LOG_BYTES = 128 << 10;
const HOUR_MS = 3_600_000;

/** A counter that does what a moment needs of it. */
export class Hooked extends Counter {
  inExecute: () => void = () => {};
  inQuery: () => void = () => {};
  inCheckpoint: () => void = () => {};

  override execute(command: CommandView, result: ResultWriter): void {
    if (command.text() === 'boom') throw new Error('a bug of the state machine');
    this.inExecute();
    super.execute(command, result);
  }

  override query(query: CommandView, result: ResultWriter): boolean {
    this.inQuery();
    return super.query(query, result);
  }

  override *checkpoint(): Iterable<Uint8Array> {
    this.inCheckpoint();
    yield* super.checkpoint();
  }
}

/** What a promise came to: done, or its error's code. */
async function fate(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'done';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** What a requester hears of one request. */
function asked(ask: (requester: Requester) => boolean, flush: () => void): Promise<string> {
  return new Promise((resolve) => {
    const names = ['done', 'not executed', 'unknown', 'declined', 'failed', 'skipped'];
    const requester: Requester = {
      outcome: (_first: number, _count: number, outcome: Outcome) => resolve(names[outcome]!),
      drain: () => resolve('drain'),
    };
    try {
      if (!ask(requester)) return resolve('refused');
      flush();
    } catch (error) {
      resolve(`throws ${(error as { code: string }).code}`);
    }
  });
}

/** What comes of a call that returns at once. */
function returned(call: () => unknown): Promise<string> {
  try {
    call();
    return Promise.resolve('returns');
  } catch (error) {
    return Promise.resolve(`throws ${(error as { code: string }).code}`);
  }
}

const NOBODY: Requester = { outcome() {}, drain() {} };

/** Every public call, as what becomes of it. */
export const CALLS = {
  propose: (replica: Replica) => fate(replica.propose(ADD)),
  read: (replica: Replica) => fate(replica.read(ADD)),
  'read, local': (replica: Replica) => fate(replica.read(ADD, { consistency: 'local' })),
  'a barrier': (replica: Replica) => fate(replica.readBarrier().then(() => ADD)),
  checkpoint: (replica: Replica) => fate(replica.checkpoint()),
  close: (replica: Replica) => fate(replica.close()),
  status: (replica: Replica) => returned(() => JSON.stringify(replica.status())),
  'the properties': (replica: Replica) =>
    returned(() => [replica.address, replica.failure, replica.identity, replica.durability]),
  submit: ({ service }: Replica) =>
    asked(
      (requester) => service.submit(requester, 1, 1, BODY, 0, BODY.length),
      () => service.flush(),
    ),
  query: ({ service }: Replica) =>
    asked(
      (requester) => service.query(requester, 1, 1, BODY, 0, BODY.length),
      () => service.flush(),
    ),
  skip: (replica: Replica) => fate(replica.skip(replica.status().halted?.slot ?? 1, 0, 'no reason')),
  abandon: ({ service }: Replica) => returned(() => service.abandon(NOBODY)),
  flush: ({ service }: Replica) => returned(() => service.flush()),
} as const;
export type Call = keyof typeof CALLS;

/** Brings about a moment, calls `call` at it, and gives what came of that. */
export type Moment = (call: (replica: Replica) => Promise<string>) => Promise<string>;

let cluster: TestCluster | undefined;
let machines: Hooked[] = [];

export async function endMoment(): Promise<void> {
  vi.restoreAllMocks();
  await cluster?.closeAll();
  cluster = undefined;
  machines = [];
}

async function start(size: number, logBytes = 1 << 20, tuning: Partial<Tuning> = {}): Promise<Replica> {
  cluster = await TestCluster.start({
    size,
    logBytes,
    recordBytesMax: 16 << 10,
    machine: () => {
      const machine = new Hooked();
      machines.push(machine);
      return machine;
    },
    storage: () => ({ mode: 'memory', disk: new MemoryDisk() }),
    tuning,
  });
  return await cluster.leader();
}

/** Calls from within what `begin` has called back, once. */
async function within(
  replica: Replica,
  call: (replica: Replica) => Promise<string>,
  begin: (callback: () => void) => unknown,
): Promise<string> {
  return await new Promise((resolve) => {
    let isCalled = false;
    begin(() => {
      if (isCalled) return;
      isCalled = true;
      resolve(call(replica));
    });
  });
}

const ask = (replica: Replica, form: 'submit' | 'query', outcome: () => void): void => {
  replica.service[form]({ outcome, drain() {} }, 1, 1, BODY, 0, BODY.length);
  replica.service.flush();
};

async function halted(replica: Replica): Promise<void> {
  await fate(replica.propose(Buffer.from('boom')));
}

async function fullLog(): Promise<Replica> {
  const replica = await start(1, SMALL_LOG_BYTES, { requestTimeoutMs: 200, batchBytesTarget: 1024 });
  machines[0]!.inCheckpoint = () => {
    throw new Error('no checkpoint is to be had');
  };
  for (let i = 0; i < MAX_FILL; i++) {
    if ((await fate(replica.propose(Buffer.alloc(8000)))) !== 'done') return replica;
  }
  throw new Error('the log does not fill up');
}

export const MOMENTS = {
  leading: async (call) => call(await start(1)),
  'leading three': async (call) => call(await start(3)),
  following: async (call) => {
    const leader = await start(3);
    return call([...cluster!.replicas.values()].find((replica) => replica !== leader)!);
  },
  'alone, of three': async (call) => {
    const leader = await start(3);
    for (const id of cluster!.ids) if (id !== leader.identity.replicaId) await cluster!.close(id);
    return call(leader);
  },
  halted: async (call) => {
    const replica = await start(1);
    await halted(replica);
    return call(replica);
  },
  'with a full log': async (call) => call(await fullLog()),
  closing: async (call) => {
    const replica = await start(1);
    const closed = replica.close();
    const came = await call(replica);
    await closed;
    return came;
  },
  closed: async (call) => {
    const replica = await start(1);
    await replica.close();
    return call(replica);
  },
  'inside an outcome of a command': async (call) => {
    const replica = await start(1);
    return within(replica, call, (callback) => ask(replica, 'submit', callback));
  },
  'inside a drain': async (call) => {
    const replica = await start(1);
    return within(replica, call, (callback) => {
      const requester: Requester = { outcome() {}, drain: callback };
      let number = 1;
      while (replica.service.submit(requester, number, 1, LONG_BODY, 0, LONG_BODY.length)) number++;
      replica.service.flush();
    });
  },
  'inside an outcome of a query': async (call) => {
    const replica = await start(1);
    return within(replica, call, (callback) => ask(replica, 'query', callback));
  },
  'inside execute': async (call) => {
    const replica = await start(1);
    return within(replica, call, (callback) => {
      machines[0]!.inExecute = callback;
      replica.propose(ADD).catch(() => {});
    });
  },
  'inside query': async (call) => {
    const replica = await start(1);
    return within(replica, call, (callback) => {
      machines[0]!.inQuery = callback;
      replica.read(ADD).catch(() => {});
    });
  },
  "inside the state machine's checkpoint": async (call) => {
    const replica = await start(1);
    await replica.propose(ADD);
    return within(replica, call, (callback) => {
      machines[0]!.inCheckpoint = callback;
      replica.checkpoint().catch(() => {});
    });
  },
  'inside a listener of checkpoint': async (call) => {
    const replica = await start(1);
    await replica.propose(ADD);
    return within(replica, call, (callback) => {
      replica.once('checkpoint', callback);
      replica.checkpoint().catch(() => {});
    });
  },
  'inside a listener of peer': async (call) => {
    const leader = await start(3);
    return within(leader, call, (callback) => {
      leader.once('peer', callback);
      void cluster!.close(cluster!.ids.find((id) => id !== leader.identity.replicaId)!);
    });
  },
  'inside a listener of damage': async (call) => {
    const replica = await start(1, 1 << 20, { scrubBytesPerSecond: 1 << 30 });
    return within(replica, call, (callback) => {
      replica.once('damage', callback);
      cluster!.scrubFinds(replica, { reason: 'a bit has turned over', votes: [], uncertain: [] });
    });
  },
  'inside a listener of clock': async (call) => {
    const replica = await start(1);
    return within(replica, call, (callback) => {
      replica.once('clock', callback);
      vi.spyOn(nodeRuntime, 'wallMs').mockImplementation(() => Date.now() + HOUR_MS);
    });
  },
  'inside a listener of transfer': async (call) => {
    const replica = await start(1);
    return within(replica, call, (callback) => {
      replica.once('transfer', callback);
      machines[0]!.inExecute = () => cluster!.tellTransfer(replica);
      replica.propose(ADD).catch(() => {});
    });
  },
  'inside a listener of disk': async (call) => {
    const replica = await start(1);
    return within(replica, call, (callback) => {
      replica.once('disk', callback);
      vi.spyOn(RealMedium.prototype, 'space').mockResolvedValue({ bytes: 1 << 30, freeBytes: 128 << 20 });
    });
  },
  'inside a listener of failure': async (call) => {
    const replica = await start(1);
    return within(replica, call, (callback) => {
      replica.once('failure', callback);
      cluster!.failStore(replica);
      replica.propose(ADD).catch(() => {});
    });
  },
  'inside a listener of halted': async (call) => {
    const replica = await start(1);
    return within(replica, call, (callback) => {
      replica.once('halted', callback);
      void halted(replica);
    });
  },
  'inside a listener of role': async (call) => {
    const leader = await start(3);
    const heir = [...cluster!.replicas.values()].find((replica) => replica !== leader)!;
    return within(heir, call, (callback) => {
      heir.once('role', callback);
      void cluster!.close(leader.identity.replicaId);
    });
  },
} as const satisfies Record<string, Moment>;
export type MomentName = keyof typeof MOMENTS;
