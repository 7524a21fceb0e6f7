/** Makes the stores of the three replicas, once. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { formatStore, newClusterKey } from 'indelible';
import { storage } from './cluster.mjs';

const hex = () => randomBytes(16).toString('hex');
const clusterId = hex();
const key = newClusterKey();
const members = [1, 2, 3].map((id) => ({ id, storeUuid: hex() }));

for (const { id, storeUuid } of members) {
  const directory = `stores/${id}`;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const identity = { clusterId, replicaId: id, storeUuid };
  const shape = { identity, logBytes: 16 << 20, recordBytesMax: 1 << 20 };
  await formatStore(directory, storage, shape, { number: 1, members }, key);
}
