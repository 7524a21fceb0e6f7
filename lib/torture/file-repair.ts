/**
 * What a file store has twice: the pages of its identity and root, the header in each segment. Opening, or a
 * scrub, must make a damaged one good again, because the next fault may hit the other.
 */
import { join } from 'node:path';
import { IDENTITY_NAME } from '../storage/file/identity-file.js';
import { PAGE_BYTES } from '../storage/file/medium.js';
import type { RecordingMedium } from '../storage/file/recording-medium.js';
import { ROOT_NAME } from '../storage/file/root-file.js';
import { segmentName } from '../storage/file/segment.js';
import { openFile } from '../storage/file.js';
import type { Ballot } from '../types.js';
import { DIRECTORY, turn } from './file-judge.js';
import { FileLedger } from './file-ledger.js';

/** Where the copies of a segment's header lie. */
const HEADER_COPIES: readonly [number, number] = [0, 2048];
const HEADER_BYTES = 512;
/** More than a whole pass reads here. */
const SCRUB_BYTES: number = 1 << 20;

/** @returns what was violated, or undefined. Everything on `medium` ought to be durable. */
export async function checkFileRepair(
  medium: RecordingMedium,
  ledger: FileLedger,
): Promise<string | undefined> {
  const lasting = await violation(leastOf(medium), ledger);
  if (lasting !== undefined) return `a power cut when all was said to be durable: ${lasting}`;
  for (const name of [IDENTITY_NAME, ROOT_NAME]) {
    for (const first of [0, PAGE_BYTES]) {
      let image = medium.killed();
      for (const page of [first, PAGE_BYTES - first]) {
        image.spoil(join(DIRECTORY, name), page, new Uint8Array(PAGE_BYTES));
        const why = await violation(image, ledger);
        const before = page === first ? '' : `page ${first} of ${name} zeroed, recovered, then `;
        if (why !== undefined) return `${before}page ${page} of ${name} zeroed: ${why}`;
        image = leastOf(image);
      }
    }
  }
  return undefined;
}

/**
 * The header of a segment rots under an open store.
 * @returns what was violated, or undefined. `medium` holds a new store, all of it durable.
 */
export async function checkFileScrub(medium: RecordingMedium): Promise<string | undefined> {
  const path = join(DIRECTORY, segmentName(1));
  const [one, two] = HEADER_COPIES;
  for (const [first, other] of [HEADER_COPIES, [two, one]] as const) {
    const image = medium.killed();
    const storage = await openFile(DIRECTORY, image);
    const ledger = new FileLedger();
    ledger.restart(storage);
    storage.stagePromise(1 as Ballot);
    ledger.items.push({ promise: 1 });
    storage.commit(0);
    while (storage.durableThrough < 1) await turn();
    ledger.answered = 1;
    image.spoil(path, first, new Uint8Array(HEADER_BYTES));
    await new Promise((resolve) => storage.scrub(SCRUB_BYTES, resolve));
    await storage.abandon();
    const left = leastOf(image);
    left.spoil(path, other, new Uint8Array(HEADER_BYTES));
    const why = await violation(left, ledger);
    if (why !== undefined) return `a segment's header zeroed at ${first}, scrubbed, then at ${other}: ${why}`;
  }
  return undefined;
}

/** What a power cut leaves that takes whatever it may. */
function leastOf(medium: RecordingMedium): RecordingMedium {
  return medium.cut(medium.units().map(() => 0));
}

async function violation(image: RecordingMedium, ledger: FileLedger): Promise<string | undefined> {
  try {
    const storage = await openFile(DIRECTORY, image);
    const why = ledger.violation(storage);
    await storage.abandon();
    return why;
  } catch (error) {
    return (error as Error).message;
  }
}
