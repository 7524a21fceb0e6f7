/** A leader and the clients of its peer port: one that stops by itself, and a command it never will take. */
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../../lib/client/client.js';
import { ErrorCode } from '../../lib/errors.js';
import type { CommandView, Replica, ResultWriter, StateMachine } from '../../lib/index.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { clientKeyOf } from '../../lib/transport/proof.js';
import { TestCluster } from './cluster.js';

const COMMAND_BYTES_MAX = 100;

/** Answers with nothing, until it is told to break. */
class Breakable implements StateMachine {
  breaks = false;
  execute(_command: CommandView, _result: ResultWriter): void {
    if (this.breaks) throw new Error('it breaks');
  }
  query(): boolean {
    return true;
  }
  checkpoint(): Iterable<Uint8Array> {
    return [];
  }
  restore(): void {}
}

let cluster: TestCluster;
let machines: Breakable[];

beforeEach(async () => {
  machines = [];
  cluster = await TestCluster.start({
    machine: () => {
      const machine = new Breakable();
      machines.push(machine);
      return machine;
    },
    storage: () => ({ mode: 'memory', disk: new MemoryDisk() }),
    tuning: { commandBytesMax: COMMAND_BYTES_MAX },
  });
});
afterEach(() => cluster.closeAll());

const clientOf = (replica: Replica): Promise<Client> =>
  Client.connect({
    addresses: new Map([[replica.identity.replicaId, replica.address]]),
    key: clientKeyOf(cluster.key),
  });

describe('a leader', () => {
  it('that stops by itself lets go of its clients and its peers, though nobody closes it', async () => {
    const leader = await cluster.leader();
    const client = await clientOf(leader);
    await client.propose(Buffer.alloc(1));
    cluster.failStore(leader);
    const failed = once(leader, 'failure');
    await expect(client.propose(Buffer.alloc(1))).rejects.toMatchObject({ code: ErrorCode.unknown });
    expect(await failed).toMatchObject([{ code: ErrorCode.storeIo }]);
    await expect(leader.checkpoint()).rejects.toMatchObject({ code: ErrorCode.stopped });
    client.close();
    const others = [...cluster.replicas.values()].filter((replica) => replica !== leader);
    await cluster.until(() => others.some((replica) => replica.status().role === 'leader'));
  });

  it('whose state machine alone throws lets a replica lead that has executed the command', async () => {
    const leader = await cluster.leader();
    await leader.propose(Buffer.alloc(1));
    machines[leader.identity.replicaId - 1]!.breaks = true;
    const halted = once(leader, 'halted');
    await expect(leader.propose(Buffer.alloc(1))).rejects.toMatchObject({ code: ErrorCode.unknown });
    expect(await halted).toMatchObject([{ error: { code: ErrorCode.stateMachine } }]);
    await expect(leader.checkpoint()).rejects.toMatchObject({ code: ErrorCode.halted });
    const others = [...cluster.replicas.values()].filter((replica) => replica !== leader);
    await cluster.until(() => others.some((replica) => replica.status().role === 'leader'));
    await others[0]!.propose(Buffer.alloc(1));
    expect(leader.failure).toBeUndefined();
  });

  it('goes on when a client sends it a command that it has no room for, which is not executed', async () => {
    const leader = await cluster.leader();
    const client = await clientOf(leader);
    const tooLarge = client.propose(Buffer.alloc(COMMAND_BYTES_MAX + 1));
    await expect(tooLarge).rejects.toMatchObject({ code: ErrorCode.notExecuted });
    await client.propose(Buffer.alloc(COMMAND_BYTES_MAX));
    client.close();
  });
});
