import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ClusterFile,
  clusterFilePath,
  placesOf,
  readClusterFile,
  writeClusterFile,
} from '../../lib/cluster/cluster-file.js';
import { drawPlan } from '../../lib/cluster/plan.js';

let directory: string;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'indelible-cluster-file-'));
});

afterEach(() => {
  fs.rmSync(directory, { recursive: true });
});

const FILE: ClusterFile = {
  ...drawPlan(3),
  state: 'forming',
  backend: 'emulated',
  sync: 'msync',
  regionBytes: 1 << 20,
};

function codeOfReading(): unknown {
  try {
    return readClusterFile(directory);
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

describe('cluster.json', () => {
  it('is read as it was written', () => {
    writeClusterFile(directory, FILE);
    expect(readClusterFile(directory)).toEqual(FILE);
  });

  it('says who takes whose place, and counts the two as one', () => {
    const heir = { id: 5, storeUuid: '5'.repeat(32) };
    const file: ClusterFile = { ...FILE, replacement: { gone: [3, 4], heir, phase: 'joining' } };
    writeClusterFile(directory, file);
    expect(readClusterFile(directory)).toEqual(file);
    expect([...placesOf(file, [1, 3, 4, 5])]).toEqual([1, 3]);
    expect([...placesOf(FILE, [1, 3])]).toEqual([1, 3]);
  });

  it('is replaced whole, and leaves nothing aside', () => {
    writeClusterFile(directory, FILE);
    writeClusterFile(directory, { ...FILE, state: 'formed' });
    expect(readClusterFile(directory)?.state).toBe('formed');
    expect(fs.readdirSync(directory)).toEqual(['cluster.json']);
  });

  it('may be absent', () => {
    expect(readClusterFile(directory)).toBeUndefined();
  });

  it.each([
    ['text', 'hello'],
    ['half of one', JSON.stringify({ cluster: 1, state: 'forming' })],
    ['nothing', 'null'],
  ])('that holds %s is foreign', (_, text) => {
    fs.writeFileSync(clusterFilePath(directory), text);
    expect(codeOfReading()).toBe('ERR_INDELIBLE_STORE_FOREIGN');
  });

  it('of a later format is refused as such', () => {
    fs.writeFileSync(clusterFilePath(directory), JSON.stringify({ ...FILE, cluster: 2 }));
    expect(codeOfReading()).toBe('ERR_INDELIBLE_STORE_VERSION');
  });

  it('that cannot be read says why', () => {
    fs.mkdirSync(clusterFilePath(directory));
    expect(codeOfReading()).toBe('ERR_INDELIBLE_STORE_IO');
  });
});
