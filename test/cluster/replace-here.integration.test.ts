/** What `indelible replace` does in the directory of a cluster on one machine, whose replicas are made up. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceHere } from '../../lib/cli/replace-here.js';
import {
  type ClusterFile,
  type Replacement,
  readClusterFile,
  replicaDirectory,
  writeClusterFile,
} from '../../lib/cluster/cluster-file.js';
import { drawPlan, firstConfiguration } from '../../lib/cluster/plan.js';
import { hasStore } from '../../lib/cluster/stores.js';
import { highestIdOf } from '../../lib/paxos/configuration-batch.js';
import type { Configuration, Member, ReplicaId } from '../../lib/types.js';

type By = Parameters<typeof replaceHere>[0];
type Look = Awaited<ReturnType<By['look']>>;

const REGION = 1 << 20;

/** A cluster that does what it is asked for, and notes in which order. */
class MadeUp implements By {
  configuration: Configuration;
  readonly did: string[] = [];
  /** Ends the command there, as a kill would. */
  diesAt: string | undefined;
  readonly #directory: string;

  constructor(directory: string, file: ClusterFile) {
    this.#directory = directory;
    this.configuration = firstConfiguration(file);
  }

  async look(): Promise<Look> {
    return { configuration: this.configuration, answers: [], leader: undefined };
  }

  async reach(wanted: (now: Configuration) => readonly Member[]): Promise<Look> {
    const members = wanted(this.configuration);
    this.#does(members.map(({ id, role = 'voter' }) => `${id} ${role}`).join(', '));
    const highestId = Math.max(highestIdOf(this.configuration), ...members.map(({ id }) => id));
    this.configuration = { number: this.configuration.number + 1, members, highestId };
    return this.look();
  }

  started: By['started'] = async (id) => {
    const { members, clusterId } = readClusterFile(this.#directory)!;
    const member = members.find((each) => each.id === id)!;
    expect(hasStore(replicaDirectory(this.#directory, id))).toBe(true);
    this.#does(`${id} runs`);
    return { clusterId, storeUuid: member.storeUuid } as Awaited<ReturnType<By['started']>>;
  };

  async stopped(id: ReplicaId): Promise<void> {
    expect(this.configuration.members.map((each) => each.id)).not.toContain(id);
    expect(readClusterFile(this.#directory)!.members.map((each) => each.id)).not.toContain(id);
    this.#does(`${id} is stopped`);
  }

  tell(): void {}

  #does(what: string): void {
    if (what === this.diesAt) throw new Error('killed');
    this.did.push(what);
  }
}

let directory: string;
let file: ClusterFile;
let by: MadeUp;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'indelible-replace-'));
  file = { ...drawPlan(3), state: 'formed', backend: 'file', sync: 'none', regionBytes: REGION };
  writeClusterFile(directory, file);
  for (const { id } of file.members) fs.mkdirSync(replicaDirectory(directory, id));
  by = new MadeUp(directory, file);
});
afterEach(() => fs.rmSync(directory, { recursive: true }));

const idsIn = (members: readonly Member[]): readonly ReplicaId[] => members.map(({ id }) => id);
const replacement = (): Replacement | undefined => readClusterFile(directory)!.replacement;

const WAY = ['4 runs', '1 voter, 2 voter, 3 voter, 4 learner', '1 voter, 2 voter, 4 voter', '3 is stopped'];

function expectReplaced(heir: ReplicaId): void {
  expect(idsIn(readClusterFile(directory)!.members)).toEqual([1, 2, heir]);
  expect(idsIn(by.configuration.members)).toEqual([1, 2, heir]);
  expect(replacement()).toBeUndefined();
  expect(fs.existsSync(`${replicaDirectory(directory, 3)}.set-aside`)).toBe(true);
}

describe('to replace a replica of a cluster on this machine', () => {
  it('its heir is formatted, runs, learns and votes, before it is stopped and set aside', async () => {
    await replaceHere(by, 3, directory);
    expect(by.did).toEqual(WAY);
    expectReplaced(4);
    // Only the members are asked for, once it is so.
    await replaceHere(by, 3, directory);
    expect(by.did).toEqual([...WAY, '1 voter, 2 voter, 4 voter']);
  });

  it.each(WAY)('goes on after it was killed before: %s', async (step) => {
    by.diesAt = step;
    await expect(replaceHere(by, 3, directory)).rejects.toThrow('killed');
    const heir = replacement()?.heir;
    await expect(replaceHere(by, 2, directory)).rejects.toThrow(/replica 4 is taking the place of replica 3/);
    by.diesAt = undefined;
    await replaceHere(by, 3, directory);
    expectReplaced(4);
    expect(readClusterFile(directory)!.members.at(-1)).toEqual(heir);
  });

  it.each(WAY.slice(0, 3))('has another heir if the first is lost before: %s', async (step) => {
    by.diesAt = step;
    await expect(replaceHere(by, 3, directory)).rejects.toThrow('killed');
    fs.rmSync(replicaDirectory(directory, 4), { recursive: true });
    by.diesAt = undefined;
    await replaceHere(by, 3, directory);
    expect(hasStore(replicaDirectory(directory, 4))).toBe(false);
    expectReplaced(5);
    expect(by.did).toContain('4 is stopped');
  });

  it('formats what was named and never ran, and names another where somebody took the id', async () => {
    const heir = { id: 4, storeUuid: '4'.repeat(32) };
    writeClusterFile(directory, { ...file, replacement: { gone: [3], heir, phase: 'forming' } });
    by.configuration = { ...by.configuration, number: 2, highestId: 6 };
    await replaceHere(by, 3, directory);
    expectReplaced(7);
  });

  it('is refused for one that is not of this directory, and for one that never was', async () => {
    const members = [...by.configuration.members, { id: 4, storeUuid: '4'.repeat(32) }];
    by.configuration = { number: 2, members, highestId: 4 };
    await expect(replaceHere(by, 4, directory)).rejects.toThrow(/replica 4 is not started by the cluster/);
    await expect(replaceHere(by, 5, directory)).rejects.toThrow(/replica 5 is no member/);
    expect(readClusterFile(directory)).toEqual(file);
  });
});
