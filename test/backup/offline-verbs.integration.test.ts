/** `replay` and `recover` on stores of stopped replicas, with a state machine of one's own. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { indelible } from '../cluster/cluster-process.js';
import { commandsVote } from './sample.js';
import { StoppedReplicas } from './stopped-replicas.js';

const MACHINE = `
export default () => {
  let value = 0;
  return {
    execute: (command) => { value += Number(command.text().slice(4)); },
    query: () => false,
    checkpoint: () => [Buffer.from(String(value))],
    restore: (chunks) => { value = Number(Buffer.concat([...chunks]).toString()); },
    digest: () => String(value),
  };
};`;

let replicas: StoppedReplicas;
let machine: readonly string[];

beforeEach(() => {
  replicas = new StoppedReplicas([1, 2, 3]);
  const file = path.join(replicas.directory, 'machine.mjs');
  fs.writeFileSync(file, MACHINE);
  machine = ['--state-machine', file];
});
afterEach(() => replicas.remove());

const votes = ['add 1', 'add 2', 'add 4'].map((command, index) => commandsVote(index + 1, command));

describe('replay', () => {
  it('prints the digest of each slot, and the first slot at which two stores differ', async () => {
    const one = await replicas.write(1, { votes, learnedThrough: 3 });
    const told = await indelible('replay', one, '--json', ...machine);
    expect(told.code, told.problems).toBe(0);
    const lines = told.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { slot: number; stateDigest: string });
    expect(lines.map(({ slot, stateDigest }) => [slot, stateDigest])).toEqual([
      [0, '0'],
      [1, '1'],
      [2, '3'],
      [3, '7'],
    ]);

    const other = [votes[0]!, commandsVote(2, 'add 3'), votes[2]!];
    const two = await replicas.write(2, { votes: other, learnedThrough: 3 });
    const differ = await indelible('replay', one, '--against', two, '--every', '100', ...machine);
    expect([differ.code, differ.out]).toEqual([
      1,
      expect.stringMatching(/they differ at slot 2: other commands/),
    ]);
    const same = await indelible('replay', one, '--against', two, '--through', '1', '--json', ...machine);
    expect(same.code, same.problems).toBe(0);
    expect(JSON.parse(same.out.trim().split('\n').at(-1)!)).toEqual({ from: 0, through: 1, hasStates: true });
  });
});

describe('recover', () => {
  it('says what it would do, does it with --force, and refuses while a majority is there', async () => {
    const three = await replicas.write(3, { votes, learnedThrough: 2 });
    const target = path.join(replicas.directory, 'new');
    const small = ['--region-size', '1MiB'];
    const told = await indelible('recover', three, ...machine);
    expect(told.code, told.problems).toBe(0);
    expect(told.out).toMatch(/missing: 1, 2\..*\n.*through slot 2.*slots 3 … 3, which they voted for/);
    expect(told.out).toMatch(/nothing was written/);
    expect(fs.existsSync(target)).toBe(false);
    const wrong = await indelible('recover', three, '--force', ...machine);
    expect([wrong.code, wrong.problems]).toEqual([2, expect.stringMatching(/needs --dir/)]);

    const done = await indelible(
      'recover',
      three,
      '--force',
      '--dir',
      target,
      '--json',
      ...small,
      ...machine,
    );
    expect(done.code, done.problems).toBe(0);
    const [, made] = done.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(made).toMatchObject({ throughSlot: 3, stateDigest: '7', of: expect.stringMatching(/^c{32}$/) });
    const cluster = JSON.parse(fs.readFileSync(path.join(target, 'cluster.json'), 'utf8')) as {
      clusterId: string;
      members: { storeUuid: string }[];
    };
    expect(cluster.clusterId).not.toBe(made!['of']);
    expect(cluster.members.map(({ storeUuid }) => storeUuid)).not.toContain(
      replicas.configuration.members[2]!.storeUuid,
    );

    const two = await replicas.write(2, { votes, learnedThrough: 2 });
    const refused = await indelible('recover', two, three, '--force', '--dir', `${target}2`, ...machine);
    expect([refused.code, refused.problems]).toEqual([3, expect.stringMatching(/QUORUM_LEFT.*start them/)]);
    expect(fs.existsSync(`${target}2`)).toBe(false);
  });

  it('writes a back-up of what is left for several machines', async () => {
    const three = await replicas.write(3, { votes, learnedThrough: 2 });
    const file = path.join(replicas.directory, 'left.backup');
    const done = await indelible('recover', three, '--force', '--to', file, ...machine);
    expect(done.code, done.problems).toBe(0);
    const through = await indelible('replay', file, '--every', '100', '--json', ...machine);
    expect(
      through.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([{ slot: 0 }, { slot: 3, stateDigest: '7' }]);
  });
});
