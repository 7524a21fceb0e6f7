import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ErrorCode } from '../../lib/errors.js';
import {
  checkAlone,
  clusterKeyPath,
  readClientKey,
  readClusterKey,
  writeKeyFile,
} from '../../lib/replica/key-file.js';
import { keysOf } from '../../lib/replica/keys.js';
import { clientKeyOf, clusterKeys, newClusterKey } from '../../lib/transport/proof.js';

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'indelible-keys-'));
  file = clusterKeyPath(directory);
});
afterEach(() => rmSync(directory, { recursive: true }));

const argument = expect.objectContaining({ code: ErrorCode.argument });

describe('a key file', () => {
  it('is its owner’s alone, is written once, and read as it was written', () => {
    const key = newClusterKey();
    writeKeyFile(file, 'cluster', key);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readClusterKey(file)).toEqual(key);
    expect(() => writeKeyFile(file, 'cluster', newClusterKey())).toThrow(
      expect.objectContaining({ code: ErrorCode.storeExists }),
    );
    expect(readClusterKey(file)).toEqual(key);
    expect(readClusterKey(join(directory, 'absent'))).toBeUndefined();
  });

  it('of a client is no cluster’s, and that of a cluster gives the clients’', () => {
    const key = newClusterKey();
    writeKeyFile(file, 'cluster', key);
    const clients = join(directory, 'clients');
    writeKeyFile(clients, 'client', clientKeyOf(key));
    expect(readClientKey(clients)).toEqual(clientKeyOf(key));
    expect(readClientKey(file)).toEqual(clientKeyOf(key));
    expect(() => readClusterKey(clients)).toThrow(argument);
  });

  it('of another user is not taken, whatever its modes', () => {
    expect(() => checkAlone(file, { mode: 0o100_600, uid: 7 }, 8)).toThrow(argument);
    expect(() => checkAlone(file, { mode: 0o100_600, uid: 7 }, 7)).not.toThrow();
    expect(() => checkAlone(file, { mode: 0o100_640, uid: 7 }, 7)).toThrow(argument);
  });

  it('is there whole or not at all, with nothing beside it', () => {
    writeKeyFile(file, 'cluster', newClusterKey());
    expect(() => writeKeyFile(file, 'cluster', newClusterKey())).toThrow();
    expect(readdirSync(directory)).toEqual(['cluster-key']);
  });

  it('that others may read or write is not taken, nor one that holds something else', () => {
    writeKeyFile(file, 'cluster', newClusterKey());
    for (const mode of [0o604, 0o602, 0o666, 0o640, 0o620, 0o610]) {
      chmodSync(file, mode);
      expect(() => readClusterKey(file)).toThrow(/chmod 600/);
    }
    for (const text of [
      '',
      'secret',
      'indelible-cluster-key:00',
      `indelible-cluster-key:${'g'.repeat(64)}`,
    ]) {
      writeFileSync(file, text);
      chmodSync(file, 0o600);
      expect(() => readClusterKey(file)).toThrow(argument);
    }
  });
});

describe('a replica', () => {
  it('takes the key given, or that of its directory, and starts without only where that is said', () => {
    expect(() => keysOf({ directory })).toThrow(argument);
    expect(keysOf({ directory, insecure: true })).toBeUndefined();
    const key = newClusterKey();
    writeKeyFile(file, 'cluster', key);
    expect(keysOf({ directory })).toEqual(clusterKeys(key));
    const other = newClusterKey();
    expect(keysOf({ directory, key: other })).toEqual(clusterKeys(other));
    expect(() => keysOf({ directory, key, insecure: true })).toThrow(argument);
    expect(() => keysOf({ directory, key: new Uint8Array(31) })).toThrow(argument);
  });

  it('has other keys with its peers than with its clients', () => {
    const key = newClusterKey();
    const { replicas, clients } = clusterKeys(key);
    expect(new Set([key, replicas, clients].map((each) => Buffer.from(each).toString('hex'))).size).toBe(3);
  });
});
