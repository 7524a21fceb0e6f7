/** A command at which every replica's state machine throws halts the cluster, until an operator skips it. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import type { CommandView, Replica, ResultWriter } from '../../lib/index.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { type ClusterOptions, TestCluster } from './cluster.js';

/** A counter with a bug: at *poison* it counts, and then throws. */
class Poisoned extends Counter {
  static isMended = false;

  override execute(command: CommandView, result: ResultWriter): void {
    if (command.text() === 'poison') {
      super.execute(Object.assign(Object.create(command), { text: () => 'add 1000' }), result);
      if (!Poisoned.isMended) throw new Error('a bug of the state machine');
      return;
    }
    super.execute(command, result);
  }
}

const ADD = Buffer.from('add 1');
const POISON = Buffer.from('poison');

let cluster: TestCluster;
afterEach(async () => {
  Poisoned.isMended = false;
  await cluster.closeAll();
});

async function start(options: Partial<ClusterOptions> = {}): Promise<Replica> {
  const storage = () => ({ mode: 'memory', disk: new MemoryDisk() }) as const;
  cluster = await TestCluster.start({ machine: () => new Poisoned(), storage, ...options });
  return await cluster.leader();
}

async function fate(promise: Promise<Uint8Array | void>): Promise<string> {
  try {
    return Buffer.from((await promise) ?? []).toString();
  } catch (error) {
    return (error as { code: string }).code;
  }
}

async function restart(): Promise<void> {
  const ids = [...cluster.replicas.keys()];
  for (const id of ids) await cluster.close(id);
  for (const id of ids) await cluster.open(id);
}

const all = (): Replica[] => [...cluster.replicas.values()];
const other = (leader: Replica): Replica => all().find((replica) => replica !== leader)!;
const haltsOf = (): unknown[] => all().map((replica) => replica.status().halted?.slot);
const digests = (): Set<unknown> => new Set(all().map((replica) => replica.status().stateDigest));

/** Asks whoever leads, and the next one where that changes on the way. */
async function skip(slot: number, reason: string): Promise<void> {
  for (let came = 'nothing yet'; came !== ''; ) {
    came = await fate((await cluster.leader()).skip(slot, 0, reason));
    expect(['', 'ERR_INDELIBLE_NOT_EXECUTED', 'ERR_INDELIBLE_UNKNOWN', 'ERR_INDELIBLE_NOT_HALTED']).toContain(
      came,
    );
    if (came === 'ERR_INDELIBLE_NOT_HALTED') break;
  }
  await cluster.until(() => haltsOf().every((halt) => halt === undefined));
}

/** Poisons the cluster. @returns the slot */
async function poison(leader: Replica): Promise<number> {
  expect(await fate(leader.propose(ADD))).toMatch(/^\d+$/);
  expect(await fate(leader.propose(POISON))).toBe('ERR_INDELIBLE_UNKNOWN');
  await cluster.until(() => haltsOf().every((slot) => slot !== undefined));
  return leader.status().halted!.slot;
}

describe('a command at which every replica throws', () => {
  it('halts all of them; skipped, they go on without any effect of it, also after a restart of all', async () => {
    let leader = await start();
    const slot = await poison(leader);
    expect(haltsOf()).toEqual([slot, slot, slot]);
    for (const replica of all()) {
      expect(replica.failure).toBeUndefined();
      expect(await fate(replica.propose(ADD))).toBe('ERR_INDELIBLE_HALTED');
      expect(await fate(replica.read(ADD))).toBe('ERR_INDELIBLE_HALTED');
      expect(await fate(replica.checkpoint())).toBe('ERR_INDELIBLE_HALTED');
    }
    await skip(slot, 'it overflows');
    leader = await cluster.leader();
    for (const replica of all()) expect(await fate(replica.propose(ADD))).toMatch(/^[234]$/);
    await cluster.converged();
    expect(digests()).toEqual(new Set([leader.status().stateDigest]));
    const skipped = [{ slot, command: 0, reason: 'it overflows' }];
    expect(all().map((replica) => replica.status().skipped)).toEqual([skipped, skipped, skipped]);

    await restart();
    leader = await cluster.leader();
    expect(haltsOf()).toEqual([undefined, undefined, undefined]);
    expect(await fate(leader.read(ADD))).toBe('4');
  });

  it('is skipped from the checkpoint before it on, and again when a later one throws', async () => {
    let leader = await start();
    await leader.propose(ADD);
    await leader.checkpoint();
    for (const value of ['3', '5']) {
      const slot = await poison(leader);
      await skip(slot, 'once more');
      leader = await cluster.leader();
      expect(await fate(leader.propose(ADD))).toBe(value);
    }
    await cluster.converged();
    expect(digests().size).toBe(1);
    await Promise.all(all().map((replica) => replica.checkpoint()));
    await restart();
    expect(await fate((await cluster.leader()).read(ADD))).toBe('5');
    expect(digests().size).toBe(1);
  });

  it('halts also those that start, and is skipped for one that was away', async () => {
    let leader = await start();
    const away = other(leader).identity.replicaId;
    await cluster.close(away);
    const slot = await poison(leader);
    await restart();
    await cluster.until(() => haltsOf().every((halt) => halt === slot));
    await skip(slot, 'one is away');
    leader = await cluster.leader();
    expect(await fate(leader.propose(ADD))).toBe('2');
    await cluster.open(away);
    await cluster.converged();
    expect(haltsOf()).toEqual([undefined, undefined, undefined]);
    expect(digests()).toEqual(new Set([leader.status().stateDigest]));
  });

  it('is executed after all where all are started with a mended program', async () => {
    await poison(await start());
    Poisoned.isMended = true;
    await restart();
    const leader = await cluster.leader();
    expect(haltsOf()).toEqual([undefined, undefined, undefined]);
    expect(await fate(leader.propose(ADD))).toBe('1002');
  });
});

describe('nothing is skipped', () => {
  it('at a replica that is not halted, at another place, at a follower, or without a reason', async () => {
    let leader = await start();
    await leader.propose(ADD);
    expect(await fate(leader.skip(leader.status().appliedThrough, 0, 'why'))).toBe(
      'ERR_INDELIBLE_NOT_HALTED',
    );
    const slot = await poison(leader);
    leader = await cluster.leader();
    expect(await fate(leader.skip(slot + 1, 0, 'why'))).toBe('ERR_INDELIBLE_NOT_HALTED');
    expect(await fate(leader.skip(slot - 1, 0, 'why'))).toBe('ERR_INDELIBLE_NOT_HALTED');
    expect(await fate(leader.skip(slot, 1, 'why'))).toBe('ERR_INDELIBLE_NOT_HALTED');
    expect(await fate(leader.skip(slot, 0, ''))).toBe('ERR_INDELIBLE_ARGUMENT');
    expect(await fate(leader.skip(slot, 0, 'x'.repeat(513)))).toBe('ERR_INDELIBLE_ARGUMENT');
    expect(await fate(other(leader).skip(slot, 0, 'why'))).toBe('ERR_INDELIBLE_NOT_EXECUTED');
    expect(haltsOf()).toEqual([slot, slot, slot]);
  });

  it('without a quorum', async () => {
    const leader = await start();
    const slot = await poison(leader);
    const led = await cluster.leader();
    for (const id of cluster.ids) if (id !== led.identity.replicaId) await cluster.close(id);
    expect(await fate(led.skip(slot, 0, 'alone'))).toBe('ERR_INDELIBLE_NOT_EXECUTED');
    expect(led.status().halted).toMatchObject({ slot });
  });

  it('that another replica has executed; one that did so unheard stops, and goes on with the state of a peer', async () => {
    await start();
    const odd = other(await cluster.leader()).identity.replicaId;
    await cluster.close(odd);
    const slot = await poison(await cluster.leader());
    // The third one does not throw: it executes the command, as nobody else does.
    Poisoned.isMended = true;
    await cluster.open(odd);
    await cluster.until(() => cluster.replicas.get(odd)!.status().appliedThrough >= slot);
    const halted = all().filter((replica) => replica.identity.replicaId !== odd);
    await cluster.until(() => cluster.replicas.get(odd)!.status().role === 'leader');
    for (const replica of halted) {
      expect(await fate(replica.skip(slot, 0, 'why'))).toBe('ERR_INDELIBLE_NOT_EXECUTED');
    }
    await cluster.close(odd);
    Poisoned.isMended = false;
    await restart();
    await cluster.until(() => haltsOf().every((halt) => halt === slot));
    await skip(slot, 'nobody who answers has executed it');
    const leader = await cluster.leader();
    expect(await fate(leader.propose(ADD))).toBe('2');
    await leader.checkpoint();

    Poisoned.isMended = true;
    await cluster.open(odd);
    await cluster.until(() => cluster.replicas.get(odd)!.failure !== undefined);
    expect(cluster.replicas.get(odd)!.failure).toMatchObject({ contract: 32 });
    await cluster.close(odd);
    const checkpoints = join(cluster.pathOf(odd), 'checkpoints');
    rmSync(checkpoints, { recursive: true });
    cpSync(join(cluster.pathOf(leader.identity.replicaId), 'checkpoints'), checkpoints, { recursive: true });
    await cluster.open(odd);
    expect(await fate(leader.propose(ADD))).toBe('3');
    await cluster.converged();
    expect(digests()).toEqual(new Set([leader.status().stateDigest]));
  });
});
