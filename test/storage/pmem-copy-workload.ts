/**
 * Formats a region at a path and fills it the same way every time: what differs between two runs is only how
 * libpmem copies and flushes. Prints the digest of the region's bytes.
 *
 *   node --import tsx test/storage/pmem-copy-workload.ts <path>
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { openPmem } from '../../lib/storage/pmem.js';
import { formatImage } from '../../lib/storage/pmem-recording.js';
import { stageGroup } from '../../lib/torture/log-contents.js';

const path = process.argv[2]!;
const IDENTITY = { clusterId: '0'.repeat(32), replicaId: 1, storeUuid: '1'.repeat(32) };

writeFileSync(
  path,
  formatImage({ identity: IDENTITY, logBytes: 64 << 10, recordBytesMax: 8 << 10, incarnation: 7 }),
);
const storage = openPmem({ path, mode: 'emulated' });
for (let slot = 1; slot <= 60; slot++) {
  const promise = slot % 7 === 0 ? slot : 0;
  const lengths = slot % 3 === 0 ? [slot, 300] : [(slot * 97) % 5000];
  const votes = lengths.map((lengthBytes, index) => ({ slot: slot * 2 + index, ballot: slot, lengthBytes }));
  if (!stageGroup(storage, { promise, votes })) throw new Error(`no room at slot ${slot}`);
  storage.commit(slot);
  if (slot % 5 === 0) storage.trim(slot * 2, slot * 2);
}
await storage.close();
console.log(createHash('sha256').update(readFileSync(path)).digest('hex'));
