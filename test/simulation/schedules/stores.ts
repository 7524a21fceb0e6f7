/** Cloned stores, older copies put back, stores opened twice: what keeps them out, and what notices them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContractViolation } from '../../../lib/contract.js';
import { lockDirectory } from '../../../lib/storage/file/lock.js';
import { KnownStoresFile } from '../../../lib/storage/known-stores.js';
import { refusalOfAnswer, refusalOfCaller, replicaHello, type Self } from '../../../lib/transport/hello.js';
import type { Digest, Opening } from '../../../lib/types.js';
import { batchOf, TestCluster } from '../../paxos/cluster.js';
import { mustBe, type Schedule } from './schedule.js';

async function inScratch<T>(run: (directory: string) => T | Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'indelible-schedule-'));
  try {
    return await run(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function locks(directory: string): Promise<boolean> {
  try {
    await (await lockDirectory(directory))();
    return true;
  } catch {
    return false;
  }
}

const kernelsLock: Schedule = {
  name: 'a store is locked by the kernel, whichever process its lock seems to name',
  run: () =>
    inScratch(async (directory) => {
      const unlock = await lockDirectory(directory);
      // What a holder in another container writes: a number that is no process of here.
      const nobody = `pid ${2 ** 30} boot ${'0'.repeat(32)} host elsewhere\n`;
      writeFileSync(join(directory, 'lock'), nobody);
      mustBe(await locks(directory), false, 'a second opener is refused while the first one is there');
      await unlock();
      // And what a killed holder leaves, whose number somebody else has now.
      writeFileSync(join(directory, 'lock'), `pid ${process.pid} boot ${'0'.repeat(32)} host here\n`);
      mustBe(await locks(directory), true, 'a lock whose holder is gone is in nobody’s way');
    }),
};

const MEMBERS = [1, 2, 3].map((id) => ({ id, storeUuid: `${id}`.repeat(32) }));

function selfOf(replicaId: number, opening: Opening, known?: Opening): Self {
  return {
    identity: { clusterId: 'c'.repeat(32), replicaId, storeUuid: MEMBERS[replicaId - 1]!.storeUuid },
    opening,
    configuration: { number: 1, members: MEMBERS },
    known: { of: () => known, remember: () => {} },
  };
}

const compared: Schedule = {
  name: 'an older copy, a clone and a store formatted again are refused by who met the newer one',
  run() {
    const met: Opening = { incarnation: 7, generation: 5, nonce: 1 };
    const judge = selfOf(1, { incarnation: 1, generation: 1, nonce: 1 }, met);
    const isRefused = (opening: Opening): boolean[] => {
      const caller = selfOf(2, opening);
      return [
        refusalOfCaller(replicaHello(caller, 1), judge) !== undefined,
        refusalOfAnswer(replicaHello(caller, 0), judge, 2) !== undefined,
      ];
    };
    mustBe(isRefused(met), [false, false], 'the one that was met');
    mustBe(isRefused({ ...met, generation: 6, nonce: 2 }), [false, false], 'its next opening');
    mustBe(isRefused({ ...met, generation: 4, nonce: 2 }), [true, true], 'an older copy');
    mustBe(isRefused({ ...met, nonce: 2 }), [true, true], 'a clone');
    mustBe(isRefused({ ...met, incarnation: 8, generation: 6 }), [true, true], 'formatted again');
  },
};

const remembered: Schedule = {
  name: 'what was met of a peer’s store is known to the next process too',
  run: () =>
    inScratch((directory) => {
      const opening: Opening = { incarnation: 7, generation: 5, nonce: 1 };
      new KnownStoresFile(directory).remember(2, opening);
      mustBe(new KnownStoresFile(directory).of(2), opening, 'after a restart');
      new KnownStoresFile(directory).remember(2, { ...opening, generation: 6 });
      mustBe(new KnownStoresFile(directory).of(2)?.generation, 6, 'and the later one');
    }),
};

const diverged: Schedule = {
  name: 'a replica that has learned another history than its leader stops at the next heartbeat',
  run() {
    const cluster = new TestCluster(3);
    const leader = cluster.elect(1, [1, 2, 3]);
    leader.core.propose(batchOf('v'));
    cluster.ticks(10, [1, 2, 3]);
    const { core } = cluster.node(2);
    const { learnedThrough, chain } = core.learner;
    mustBe(learnedThrough >= 1, true, 'v is learned');
    const heartbeat = {
      type: 'heartbeat',
      ballot: leader.core.ballot,
      round: 1000,
      learnedThrough,
      chainSlot: learnedThrough,
      lastSlot: learnedThrough,
    } as const;
    core.receive(1, { ...heartbeat, chain });
    let stopped = false;
    try {
      core.receive(1, { ...heartbeat, chain: (chain === 1 ? 2 : 1) as Digest });
    } catch (error) {
      stopped = error instanceof ContractViolation;
    }
    mustBe(stopped, true, 'it stops where its chain is another');
  },
};

export const stores: readonly Schedule[] = [kernelsLock, compared, remembered, diverged];
