/** `indelible skip`, and what `status` says before and after, at replicas of this process. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import { run } from '../../lib/cli/program.js';
import type { CommandView, Replica, ResultWriter } from '../../lib/index.js';
import { clusterKeyPath, writeKeyFile } from '../../lib/replica/key-file.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { TestCluster } from '../replica/cluster.js';
import { recordedOutput } from './recorded-output.js';

class Poisoned extends Counter {
  override execute(command: CommandView, result: ResultWriter): void {
    if (command.text() === 'poison') throw new Error('divided by zero');
    super.execute(command, result);
  }
}

let cluster: TestCluster;
beforeEach(async () => {
  const storage = () => ({ mode: 'memory', disk: new MemoryDisk() }) as const;
  // No election in between: an operator may have to ask again, a test should not.
  const tuning = { electionTicks: 500 };
  cluster = await TestCluster.start({ machine: () => new Poisoned(), storage, tuning });
  writeKeyFile(clusterKeyPath(cluster.directory), 'cluster', cluster.key);
});
afterEach(() => cluster.closeAll());

async function indelible(...args: string[]): Promise<{ code: number; text: string }> {
  const { lines, problems, output } = recordedOutput();
  const peers = [...cluster.replicas].map(([id, { address }]) => `${id}=${address}`).join(',');
  const before = process.exitCode;
  const keyFile = clusterKeyPath(cluster.directory);
  const code = await run([...args, '--peers', peers, '--key-file', keyFile], output);
  process.exitCode = before;
  return { code, text: [...lines, ...problems].join('\n') };
}

async function poison(leader: Replica): Promise<number> {
  await leader.propose(Buffer.from('poison')).catch(() => {});
  const statuses = () => [...cluster.replicas.values()].map((replica) => replica.status());
  await cluster.until(() => statuses().every(({ halted }) => halted !== undefined));
  return leader.status().halted!.slot;
}

describe('indelible skip', () => {
  it('skips the command that status names, and says what came of it', async () => {
    const leader = await cluster.leader();
    const slot = await poison(leader);
    const halted = await indelible('status');
    expect(halted.code).toBe(1);
    expect(halted.text).toMatch(/\s2\s+(leader|follower), halted/);
    expect(halted.text).toContain(
      `halted at slot ${slot}, command 0: the state machine threw: Error: divided by zero.`,
    );
    expect(halted.text).toContain(`indelible skip ${slot} --command 0 --because TEXT`);

    const id = leader.identity.replicaId;
    const wrong = await indelible('skip', String(slot + 1), '--because', 'a test');
    expect(wrong).toMatchObject({ code: 1, text: expect.stringContaining('ERR_INDELIBLE_NOT_HALTED') });
    expect(wrong.text).toContain(`replica ${id} is halted at slot ${slot}, command 0`);
    const long = await indelible('skip', String(slot), '--because', 'x'.repeat(513));
    expect(long).toMatchObject({ code: 2, text: expect.stringContaining('the limit is 512') });
    const without = await indelible('skip', String(slot));
    expect(without).toMatchObject({ code: 2, text: expect.stringContaining('--because') });

    const done = await indelible('skip', String(slot), '--because', 'a test');
    expect(done).toEqual({
      code: 0,
      text: `slot ${slot}, command 0 is skipped on every replica; replica ${id} goes on`,
    });
    await cluster.converged();
    expect((await indelible('status')).code).toBe(0);
    const again = await indelible('skip', String(slot), '--because', 'a test');
    expect(again).toMatchObject({ code: 1, text: expect.stringContaining(`replica ${id} is not halted`) });
  });

  it('prints JSON where that is asked for', async () => {
    const leader = await cluster.leader();
    const slot = await poison(leader);
    const done = await indelible('skip', String(slot), '--command', '0', '--because', 'a test', '--json');
    expect(done.code).toBe(0);
    expect(JSON.parse(done.text)).toEqual({
      slot,
      command: 0,
      error: 'Error: divided by zero',
      because: 'a test',
      leader: leader.identity.replicaId,
    });
  });
});
