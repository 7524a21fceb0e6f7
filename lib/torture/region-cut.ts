/**
 * A region's file cut off while a log is open on it: real SIGBUS, from real memory. The only fault of the
 * media campaign that touches a disk, in a temporary directory.
 *
 * 1. The process lives. What meets the missing bytes fails with ERR_INDELIBLE_STORE_IO, once, and everything
 *    after it with ERR_INDELIBLE_STORE_POISONED; nothing is answered after the first failure.
 * 2. Until then whatever is read is as it was written.
 * 3. The file is refused as long as it is short.
 */
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ErrorCode } from '../errors.js';
import { Random } from '../simulation/random.js';
import { formatPmem, openPmem } from '../storage/pmem.js';
import type { Storage } from '../storage/storage.js';
import type { DamageTally } from './damage-tally.js';
import { bytesOf, stageGroup } from './log-contents.js';

const SHAPE = {
  identity: { clusterId: '0'.repeat(32), replicaId: 1, storeUuid: '1'.repeat(32) },
  logBytes: 64 << 10,
  recordBytesMax: 4 << 10,
};
const PAGE_BYTES = 4096;
/** Of headers, roots and log. */
const PAGES = 4 + SHAPE.logBytes / PAGE_BYTES;
const VOTES = 20;
const SCRUB_BYTES: number = 1 << 20;

/** @returns what was violated, or undefined */
export function cutOffRegion(seed: number, tally: DamageTally): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'indelible-torture-'));
  try {
    const random = new Random(seed);
    const path = join(directory, 'region');
    formatPmem({ path, ...SHAPE });
    const pipeline = random.pick(['two-fence', 'fused'] as const);
    const storage = openPmem({ path, mode: 'emulated', pipeline });
    const cutAt = random.below(PAGES) * PAGE_BYTES;
    const why = new CutLog(storage).strike(() => truncateSync(path, cutAt), random);
    // A failed store writes nothing more: what closing would wait for has ended.
    void storage.close();
    tally.cuts++;
    const violation = why ?? notRefused(path);
    return violation === undefined ? undefined : `cut off at ${cutAt} under an open log: ${violation}`;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

class CutLog {
  readonly #storage: Storage;
  #failures = 0;
  #durable = 0;

  constructor(storage: Storage) {
    this.#storage = storage;
    storage.onFailure = () => {
      this.#failures++;
    };
    storage.onDurable = (item) => {
      this.#durable = item;
    };
  }

  strike(cut: () => void, random: Random): string | undefined {
    for (let slot = 1; slot <= VOTES; slot++) this.#vote(slot);
    this.#storage.drain();
    if (this.#durable !== VOTES) return `${this.#durable} of ${VOTES} votes durable before`;
    cut();
    const first = random.pick([this.#read, this.#append, this.#scrub]);
    const found = attempt(first);
    if (typeof found === 'object' && found.code !== ErrorCode.storeIo) return `it fails with ${found.code}`;
    if (typeof found === 'string') return found;
    const isPoisoned = found !== undefined;
    if (this.#failures !== (isPoisoned ? 1 : 0)) return `${this.#failures} failures told`;
    const durable = this.#durable;
    // A scrub reads the whole file: at the latest now it is noticed.
    if (!isPoisoned) {
      const late = attempt(this.#scrub);
      if (typeof late !== 'object' || late.code !== ErrorCode.storeIo) return 'a whole scrub notices nothing';
    }
    for (const next of [this.#read, this.#append, this.#scrub]) {
      const again = attempt(next);
      if (typeof again !== 'object' || again.code !== ErrorCode.storePoisoned) return 'it goes on';
    }
    return this.#durable === durable && this.#failures === 1 ? undefined : 'it answers after it failed';
  }

  #vote(slot: number): void {
    stageGroup(this.#storage, { promise: 0, votes: [{ slot, ballot: slot, lengthBytes: 900 }] });
    this.#storage.commit(0);
  }

  readonly #read = (): string | undefined => {
    for (let slot = 1; slot <= VOTES; slot++) {
      const bytes = this.#storage.readVote(slot);
      const right = bytesOf({ slot, ballot: slot, lengthBytes: 900 });
      if (bytes !== undefined && Buffer.compare(bytes, right) !== 0) return `slot ${slot} has other bytes`;
    }
    return undefined;
  };

  readonly #append = (): undefined => {
    this.#vote(VOTES + 1);
    this.#storage.drain();
  };

  readonly #scrub = (): undefined => {
    for (let calls = 0; calls < 2; calls++) this.#storage.scrub(SCRUB_BYTES, () => {});
  };
}

/** What an operation returns, or the error it throws. */
function attempt(operation: () => string | undefined): string | undefined | { readonly code: string } {
  try {
    return operation();
  } catch (error) {
    return error as { readonly code: string };
  }
}

function notRefused(path: string): string | undefined {
  try {
    openPmem({ path, mode: 'emulated' });
  } catch (error) {
    const { code } = error as { code?: string };
    const isRefusal = code === ErrorCode.storeCorrupt || code === ErrorCode.storeForeign;
    return isRefusal ? undefined : `opened again: ${String(code)}`;
  }
  return 'it opens again, short as it is';
}
