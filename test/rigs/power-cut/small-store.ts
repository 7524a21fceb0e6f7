/** The stores whose power is cut: small enough to go around often. */
import fs from 'node:fs';
import path from 'node:path';
import { formatFile, openFile } from '../../../lib/storage/file.js';
import { formatPmem, openPmem } from '../../../lib/storage/pmem.js';
import type { Storage } from '../../../lib/storage/storage.js';

/** The file backend, or the region of `--backend emulated --sync msync`. */
export type StoreKind = 'file' | 'msync';

const IDENTITY = { clusterId: '5a'.repeat(16), replicaId: 1, storeUuid: 'a5'.repeat(16) };
const RECORD_BYTES_MAX = 128 << 10;
const FILE_LOG_BYTES = 1 << 20;
const REGION_LOG_BYTES = 2 << 20;
/** Where a fence is an msync, what is flushed must not share a page with what is not. */
const MSYNC_ALIGNMENT = 4096;

function regionOf(directory: string): string {
  return path.join(directory, 'region');
}

export async function formatStore(kind: StoreKind, directory: string): Promise<void> {
  const shape = { identity: IDENTITY, recordBytesMax: RECORD_BYTES_MAX };
  if (kind === 'file') return formatFile(directory, { ...shape, logBytes: FILE_LOG_BYTES });
  fs.mkdirSync(directory, { recursive: true });
  const alignment = MSYNC_ALIGNMENT;
  formatPmem({ ...shape, path: regionOf(directory), logBytes: REGION_LOG_BYTES, alignment });
}

export async function openStore(kind: StoreKind, directory: string): Promise<Storage> {
  if (kind === 'file') return openFile(directory);
  return openPmem({ path: regionOf(directory), mode: 'emulated', sync: 'msync' });
}
