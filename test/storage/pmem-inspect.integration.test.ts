/** `inspect` says of a region what recovery then finds, wherever a byte of it is wrong. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatPmem, inspectPmem, openPmem } from '../../lib/storage/pmem.js';
import { ballotOf, SHAPE, stage } from '../contract/storage.js';

interface Inspected {
  readonly outcome?: string;
  readonly reason?: string;
  readonly records: readonly { readonly offset: number; readonly lengthBytes: number }[];
}

const directory = mkdtempSync(join(tmpdir(), 'indelible-inspect-'));
const whole = join(directory, 'whole');
const spoilt = join(directory, 'spoilt');
let last: Inspected['records'][number];

beforeAll(async () => {
  formatPmem({ ...SHAPE, path: whole });
  const storage = openPmem({ path: whole, mode: 'emulated' });
  for (let slot = 1; slot <= 4; slot++) {
    stage(storage, slot, ballotOf(3), 300);
    storage.commit(0);
  }
  // As kill -9 leaves it: not marked as closed in order.
  copyFileSync(whole, spoilt);
  await storage.close();
  copyFileSync(spoilt, whole);
  last = (inspectPmem(whole) as Inspected).records.at(-1)!;
});

afterAll(() => rmSync(directory, { recursive: true }));

/** What both say of the region with the byte at `offset` changed. */
async function verdicts(offset: number): Promise<{ inspected: string; recovered: string }> {
  const bytes = readFileSync(whole);
  bytes[offset]! ^= 0x10;
  writeFileSync(spoilt, bytes);
  const { outcome, reason } = inspectPmem(spoilt) as Inspected;
  expect(readFileSync(spoilt).equals(bytes)).toBe(true);
  const storage = openPmem({ path: spoilt, mode: 'emulated' });
  const { recovered } = storage;
  await storage.close();
  return { inspected: `${outcome}: ${reason}`, recovered: `${recovered.outcome}: ${recovered.reason}` };
}

describe('a region that is inspected', () => {
  it('is intact where recovery finds it so', () => {
    expect(inspectPmem(whole)).toMatchObject({ outcome: 'intact', reason: '' });
  });

  it('is what recovery finds, with a byte wrong anywhere in its last record', async () => {
    const seen = new Set<string>();
    for (let offset = last.offset; offset < last.offset + last.lengthBytes; offset += 8) {
      const { inspected, recovered } = await verdicts(offset);
      expect(inspected, `byte ${offset}`).toBe(recovered);
      seen.add(inspected.slice(0, inspected.indexOf(':')));
    }
    // The commit word is mended; the votes have lost their bytes; with the header the record is gone.
    expect([...seen].sort()).toEqual(['damaged', 'intact', 'lost']);
  });

  it('is what recovery finds, with a byte wrong in its headers and roots', async () => {
    for (let offset = 0; offset < 16_384; offset += 512) {
      const { inspected, recovered } = await verdicts(offset);
      expect(inspected, `byte ${offset}`).toBe(recovered);
    }
  });
});
