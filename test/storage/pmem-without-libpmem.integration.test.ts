/** What works, and what is said, where libpmem is not installed. The addon looks for it once a process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkPersistentMemory, formatPmem, openPmem } from '../../lib/storage/pmem.js';

process.env['INDELIBLE_LIBPMEM'] = '/nonexistent/libpmem.so.1';

const directory = mkdtempSync(join(tmpdir(), 'indelible-plain-'));
afterAll(() => rmSync(directory, { recursive: true }));

const REMEDY = /needs libpmem.*apt-get install libpmem1.*dnf install libpmem/;
const REFUSAL = { code: 'ERR_INDELIBLE_NATIVE_MISSING', message: expect.stringMatching(REMEDY) as string };
const IDENTITY = { clusterId: '0'.repeat(32), replicaId: 1, storeUuid: '1'.repeat(32) };

function formatted(name: string): string {
  const path = join(directory, name);
  formatPmem({ path, identity: IDENTITY, logBytes: 1 << 20, recordBytesMax: 64 << 10, alignment: 4096 });
  return path;
}

describe('without libpmem', () => {
  it('an emulated region is flushed by an instruction of the processor, and says which', async () => {
    const path = formatted('emulated');
    const storage = openPmem({ path, mode: 'emulated' });
    expect(storage.flushedBy).toMatch(process.arch === 'x64' ? /^cl(wb|flushopt|flush)$/ : /^dc cvac$/);
    expect(storage.durability).toBe('process');
    await storage.close();
  });

  it('an emulated region with msync is synced as ever', async () => {
    const storage = openPmem({ path: formatted('msync'), mode: 'emulated', sync: 'msync' });
    expect(storage.flushedBy).toBe('msync');
    await storage.close();
  });

  it('persistent memory is refused, with what brings it', () => {
    const path = formatted('pmem');
    expect(() => openPmem({ path, mode: 'pmem' })).toThrow(expect.objectContaining(REFUSAL) as Error);
    expect(() => checkPersistentMemory(directory)).toThrow(expect.objectContaining(REFUSAL) as Error);
  });
});
