/** A store that raises no error and gets nowhere: what is held for it is bounded, and others lead. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import { type Assembly, assemble } from '../../lib/replica/assembly.js';
import type { HostEvents } from '../../lib/replica/host-events.js';
import type { Tuning } from '../../lib/replica/options.js';
import { Pledges } from '../../lib/replica/pledges.js';
import { formatStore, type OpenStore, openStore } from '../../lib/replica/store.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import type { Storage } from '../../lib/storage/storage.js';

const HELD_BYTES_MAX = 64 << 10;
const TUNING: Partial<Tuning> = {
  tickMs: 2,
  electionTicks: 30,
  heartbeatTicks: 5,
  storageStallMs: 40,
  requestTimeoutMs: 400,
  unloggedBytesMax: HELD_BYTES_MAX,
  batchBytesTarget: 1024,
};
const SILENT: HostEvents = {
  role() {},
  peer() {},
  checkpoint() {},
  damage() {},
  disk() {},
  clock() {},
  checkpointProblem() {},
  transfer() {},
  halted() {},
  members() {},
  failure(error) {
    throw error;
  },
  ticked() {},
};

/** A log that makes nothing durable while it stalls. */
class Gate {
  isShut = false;
  heldBytes = 0;
  private resume: (() => void) | undefined;

  of(log: Storage): Storage {
    const held = new Map<string, unknown>([
      [
        'commit',
        (learnedThrough: number) => {
          this.resume = () => log.commit(learnedThrough);
          if (!this.isShut) this.open();
        },
      ],
      [
        'stageVote',
        (...args: Parameters<Storage['stageVote']>) => {
          const isStaged = log.stageVote(...args);
          if (isStaged && this.isShut) this.heldBytes += args[6] - args[5];
          return isStaged;
        },
      ],
    ]);
    return new Proxy(log, {
      get(target, name) {
        const value = held.get(String(name)) ?? Reflect.get(target, name, target);
        return typeof value === 'function' && !held.has(String(name)) ? value.bind(target) : value;
      },
      set: (target, name, value) => Reflect.set(target, name, value, target),
    });
  }

  open(): void {
    this.isShut = false;
    this.heldBytes = 0;
    this.resume?.();
  }
}

interface Member {
  readonly id: number;
  readonly gate: Gate;
  readonly store: OpenStore;
  readonly parts: Assembly;
  readonly pledges: Pledges;
}

const directory = mkdtempSync(join(tmpdir(), 'indelible-stall-'));
let members: Member[] = [];
afterEach(async () => {
  for (const { parts, store, gate } of members) {
    gate.open();
    await parts.host.stop();
    await parts.transport.close();
    await parts.host.checkpointsSettled();
    await store.close();
  }
  members = [];
  rmSync(directory, { recursive: true, force: true });
});

async function start(size: number): Promise<void> {
  const hex32 = (): string => randomBytes(16).toString('hex');
  const clusterId = hex32();
  const ids = Array.from({ length: size }, (_, i) => i + 1);
  const configuration = { number: 1, members: ids.map((id) => ({ id, storeUuid: hex32() })) };
  const addressOf = (id: number): string => `unix:${join(directory, `${id}.sock`)}`;
  const peers = new Map(ids.map((id) => [id, addressOf(id)]));
  for (const { id, storeUuid } of configuration.members) {
    const path = join(directory, String(id));
    mkdirSync(path, { recursive: true });
    const storage = { mode: 'memory', disk: new MemoryDisk() } as const;
    const identity = { clusterId, replicaId: id, storeUuid };
    await formatStore(
      path,
      storage,
      { identity, logBytes: 8 << 20, recordBytesMax: 64 << 10 },
      configuration,
    );
    const store = await openStore(path, storage);
    const gate = new Gate();
    const { checkpoints, known } = store;
    const gated = { log: gate.of(store.log), checkpoints, known, close: () => store.close() };
    const own = { listen: addressOf(id), stateMachine: new Counter() };
    const options = { ...own, peers, keys: undefined, tuning: TUNING };
    const events = { ...SILENT, ticked: (nowMs: number) => pledges.tick(nowMs) };
    const parts = assemble(gated, options, events);
    const pledges = new Pledges(parts.host, parts.tuning);
    await parts.host.start();
    members.push({ id, gate, store, parts, pledges });
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

const leaders = (): Member[] => members.filter(({ parts }) => parts.host.leads);

it('a leader whose disk stalls hands over, stays back, and is back in order when the disk goes on', async () => {
  await start(3);
  await until(() => leaders().length === 1);
  const stalled = leaders()[0]!;
  const others = members.filter((member) => member !== stalled);
  stalled.gate.isShut = true;
  const load = Buffer.alloc(900);
  // The stall is seen in what is to be durable.
  await stalled.pledges.propose(load).catch(() => {});
  await until(() => leaders().some((leader) => leader !== stalled) && !stalled.parts.host.leads);
  let done = 0;
  while (done < 300) {
    const leader = leaders()[0] ?? others[0]!;
    const asked = Array.from({ length: 50 }, () => leader.pledges.propose(load));
    for (const { status } of await Promise.allSettled(asked)) if (status === 'fulfilled') done++;
    expect(stalled.parts.host.leads).toBe(false);
  }
  expect(stalled.gate.heldBytes).toBeLessThanOrEqual(HELD_BYTES_MAX);
  expect(stalled.parts.host.core.learner.unloggedBytes).toBeLessThanOrEqual(HELD_BYTES_MAX + (64 << 10));
  await until(() => stalled.parts.status().advice.includes('disk stalls'));
  stalled.gate.open();
  await until(() => {
    const [first, ...rest] = members.map(({ parts }) => parts.host.executor.appliedThrough);
    return rest.every((slot) => slot === first);
  });
  await until(() => stalled.parts.status().stalledMs === 0);
  expect(new Set(members.map(({ parts }) => parts.status().stateDigest)).size).toBe(1);
});

it('one that stalls alone keeps a bounded amount, settles every request in time, and goes on by itself', async () => {
  await start(1);
  await until(() => leaders().length === 1);
  const alone = members[0]!;
  // From here on its requests have a session, and what is under way may yet be executed.
  await alone.pledges.propose(Buffer.from('add 1'));
  alone.gate.isShut = true;
  const asked = Array.from({ length: 400 }, () => alone.pledges.propose(Buffer.alloc(900)));
  const codes = new Set<string>();
  for (const result of await Promise.allSettled(asked)) {
    if (result.status === 'rejected') codes.add((result.reason as { code: string }).code);
  }
  expect(codes.has('ERR_INDELIBLE_UNKNOWN')).toBe(true);
  expect(codes).not.toContain(undefined);
  expect(alone.gate.heldBytes).toBeLessThanOrEqual(HELD_BYTES_MAX);
  alone.gate.open();
  await until(() => alone.parts.status().stalledMs === 0);
  await expect(alone.pledges.propose(Buffer.from('add 1'))).resolves.toBeDefined();
});

it('one that stalls closes all the same, and everybody who waits hears', async () => {
  await start(1);
  await until(() => leaders().length === 1);
  const [alone] = members;
  const { pledges, parts, gate } = alone!;
  gate.isShut = true;
  const asked = [
    ...Array.from({ length: 40 }, () => pledges.propose(Buffer.alloc(900))),
    pledges.read(Buffer.alloc(1)),
  ];
  const checkpoint = parts.host.checkpoint();
  checkpoint.catch(() => {});
  await until(() => gate.heldBytes > 0);
  await parts.host.stop();
  pledges.stop();
  for (const result of await Promise.allSettled([...asked, checkpoint])) {
    if (result.status === 'rejected') expect(result.reason.code).toMatch(/^ERR_INDELIBLE_/);
  }
  await parts.transport.close();
  expect(gate.isShut).toBe(true);
});
