/** The verbs of membership at replicas of this process, a newcomer's store formatted by the command line. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import { run } from '../../lib/cli/program.js';
import { Replica } from '../../lib/index.js';
import { clusterKeyPath, writeKeyFile } from '../../lib/replica/key-file.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { machineDigest, TestCluster } from '../replica/cluster.js';
import { recordedOutput } from './recorded-output.js';

let cluster: TestCluster;
beforeEach(async () => {
  const storage = () => ({ mode: 'memory', disk: new MemoryDisk() }) as const;
  cluster = await TestCluster.start({ machine: () => new Counter(), storage });
  writeKeyFile(clusterKeyPath(cluster.directory), 'cluster', cluster.key);
  await cluster.leader();
});
afterEach(() => cluster.closeAll());

async function indelible(...args: string[]): Promise<{ code: number; text: string }> {
  const { lines, problems, output } = recordedOutput();
  const peers = cluster.ids.map((id) => `${id}=${cluster.addressOf(id)}`).join(',');
  const keyFile = clusterKeyPath(cluster.directory);
  const code = await run([...args, '--peers', peers, '--key-file', keyFile], output);
  return { code, text: [...lines, ...problems].join('\n') };
}

interface Told {
  readonly configuration: number;
  readonly leader: number;
  readonly members: readonly { readonly id: number; readonly role: string }[];
}

async function told(...args: string[]): Promise<Told> {
  const { code, text } = await indelible(...args, '--json');
  expect(code, text).toBe(0);
  return JSON.parse(text) as Told;
}

const rolesIn = ({ members }: Told): string => members.map(({ id, role }) => `${id} ${role}`).join(', ');

/** Formats replica `id` as a person would, and starts it. */
async function startNewcomer(id: number): Promise<void> {
  const directory = cluster.pathOf(id);
  const shape = ['--dir', directory, '--region-size', '18MiB', '--replica', String(id)];
  const formatted = await indelible('format', '--join', ...shape);
  expect(formatted.code, formatted.text).toBe(0);
  expect(formatted.text).toContain(`replica   ${id} to join, cluster`);
  const replica = await Replica.open({
    directory,
    storage: { mode: 'emulated' },
    listen: cluster.addressOf(id),
    peers: new Map(cluster.ids.map((peer) => [peer, cluster.addressOf(peer)])),
    stateMachine: new Counter(),
  });
  cluster.replicas.set(id, replica);
}

describe('the verbs of membership', () => {
  it('put a new replica in the place of another, and are safe to repeat', async () => {
    const [first] = cluster.replicas.values();
    await first!.propose(Buffer.from('add 5'));
    await startNewcomer(4);
    expect(cluster.replicas.get(4)!.status().standing).toBe('newcomer');
    const words = ['replace', '3', '--with', `4=${cluster.addressOf(4)}`];
    expect(rolesIn(await told(...words))).toBe('1 voter, 2 voter, 4 voter');
    await cluster.until(() => machineDigest(cluster.replicas.get(4)!) === '5');
    expect(rolesIn(await told(...words))).toBe('1 voter, 2 voter, 4 voter');
    await cluster.until(() => cluster.replicas.get(3)!.status().standing === 'removed');
    await cluster.close(3);
    expect((await indelible('status')).text).toContain('3  does not answer');
    const { code, text } = await indelible('members');
    expect(code).toBe(0);
    expect(text).toContain('configuration 3: 3 vote, 1 of them may fail');
  });

  it('add a learner, have it vote, learn again, and leave', async () => {
    await startNewcomer(4);
    const address = `4=${cluster.addressOf(4)}`;
    expect(rolesIn(await told('add', address, '--as', 'learner'))).toBe(
      '1 voter, 2 voter, 3 voter, 4 learner',
    );
    expect(rolesIn(await told('promote', '4'))).toBe('1 voter, 2 voter, 3 voter, 4 voter');
    expect(rolesIn(await told('demote', '4'))).toBe('1 voter, 2 voter, 3 voter, 4 learner');
    expect(rolesIn(await told('add', address))).toBe('1 voter, 2 voter, 3 voter, 4 voter');
    expect(rolesIn(await told('members', 'set', '1,2,4'))).toBe('1 voter, 2 voter, 4 voter');
    expect(rolesIn(await told('remove', '4'))).toBe('1 voter, 2 voter');
    expect(rolesIn(await told('remove', '4'))).toBe('1 voter, 2 voter');
  });

  it('have the replica lead that is named', async () => {
    const { leader } = await told('members');
    const heir = leader === 2 ? 1 : 2;
    expect((await told('lead', String(heir))).leader).toBe(heir);
  });

  it('say what is wrong with what they are told, and change nothing', async () => {
    const wrong: readonly [string[], string][] = [
      [['promote', '7'], 'replica 7 is no member of configuration 1, which has 1, 2, 3'],
      [['remove', '9'], 'replica 9 is no member of configuration 1'],
      [['members', 'set', '1,1'], 'names a replica twice'],
      [['add', '4'], 'the new replica is ID=host:port'],
      [['lead', 'two'], 'a replica’s id is 1 … 65535'],
      [
        ['format', '--join', '--replica', '3', '--dir', join(cluster.directory, 'x')],
        'the id 3 was used before',
      ],
    ];
    for (const [args, sentence] of wrong) {
      expect(await indelible(...args), args.join(' ')).toMatchObject({
        code: 2,
        text: expect.stringContaining(sentence),
      });
    }
    const away = await indelible('add', `4=${cluster.addressOf(4)}`, '--wait', '1');
    expect(away).toMatchObject({ code: 1, text: expect.stringContaining('replica 4 does not answer at') });
    expect((await told('members')).configuration).toBe(1);
  });
});
