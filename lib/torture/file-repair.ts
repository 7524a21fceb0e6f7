/**
 * The mirrored pages of a file store's identity and root: opening must make a damaged one good again, because
 * the next fault may hit the other.
 */
import { join } from 'node:path';
import { IDENTITY_NAME } from '../storage/file/identity-file.js';
import { PAGE_BYTES } from '../storage/file/medium.js';
import type { RecordingMedium } from '../storage/file/recording-medium.js';
import { ROOT_NAME } from '../storage/file/root-file.js';
import { openFile } from '../storage/file.js';
import { DIRECTORY } from './file-judge.js';
import type { FileLedger } from './file-ledger.js';

/** @returns what was violated, or undefined. Everything on `medium` is durable. */
export async function checkFileRepair(
  medium: RecordingMedium,
  ledger: FileLedger,
): Promise<string | undefined> {
  for (const name of [IDENTITY_NAME, ROOT_NAME]) {
    for (const damaged of [0, PAGE_BYTES]) {
      let image = medium.killed();
      for (const page of [damaged, PAGE_BYTES - damaged]) {
        image.spoil(join(DIRECTORY, name), page, new Uint8Array(PAGE_BYTES));
        const why = await violation(image, ledger);
        if (why !== undefined) return `page ${page} of ${name} zeroed, page ${damaged} first: ${why}`;
        image = image.cut(image.units().map(() => 0));
      }
    }
  }
  return undefined;
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
