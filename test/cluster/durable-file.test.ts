/** What a cluster's directory holds is durable on return, and so are the names of directories. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { makeDirectory, replaceFile } from '../../lib/cluster/durable-file.js';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'indelible-durable-'));

/** Names of what is synced from now on, as far as it lies in the directory. */
function syncs(): string[] {
  const names: string[] = [];
  vi.spyOn(fs, 'fsyncSync').mockImplementation((fd) => {
    names.push(path.relative(directory, fs.readlinkSync(`/proc/self/fd/${fd}`)));
  });
  return names;
}

describe('files and directories of a cluster', () => {
  afterEach(() => vi.restoreAllMocks());

  it('have durable names when they are made', () => {
    const made = syncs();
    makeDirectory(path.join(directory, 'replica-1'));
    expect(made).toEqual(['']);
    replaceFile(path.join(directory, 'cluster.json'), '{}');
    expect(made).toEqual(['', 'cluster.json.new', '']);
  });

  it('have them as well if somebody made them before and was killed', () => {
    fs.mkdirSync(path.join(directory, 'replica-2'));
    const made = syncs();
    makeDirectory(path.join(directory, 'replica-2'));
    expect(made).toEqual(['']);
  });
});
