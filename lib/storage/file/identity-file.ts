/**
 * The identity file: whose store this is and how it is cut, written once by `format`, never changed.
 *
 * 1. It comes last and by rename: a directory has a store if and only if it has this file. Its temporary file
 *    comes first, empty: with it alone, the directory holds what an unfinished format left, which may go.
 * 2. It holds its page twice; either copy will do. A bad one is mended from the good one, by rename again.
 * 3. An unknown major version is refused before anything else is looked at.
 */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { ErrorCode, IndelibleError } from '../../errors.js';
import { digestOf } from '../crc64.js';
import type { StoreShape } from '../shape.js';
import { type FileMedium, PAGE_BYTES, systemCode } from './medium.js';
import { getU64, putU64, viewOf } from './words.js';

export const IDENTITY_NAME = 'identity';
export const UNFINISHED_NAME = 'identity.new';
const MAGIC_LOW = 0x464c_4449;
const MAGIC_HIGH = 0x454c_4946;
const FORMAT_MAJOR = 1;
const DIGEST_AT: number = PAGE_BYTES - 8;

export interface StoreIdentity {
  readonly shape: StoreShape;
  /** Drawn at format and in every header, so that another store's segment or an older one's is known. */
  readonly incarnation: number;
}

export interface FoundIdentity extends StoreIdentity {
  /** False where one of the two copies is bad: it can be mended by writing the file again. */
  readonly isWhole: boolean;
}

export function drawIncarnation(): number {
  return randomInt(1, 2 ** 47);
}

function encodePage({ shape, incarnation }: StoreIdentity): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES);
  const view = viewOf(page);
  view.setUint32(0, MAGIC_LOW, true);
  view.setUint32(4, MAGIC_HIGH, true);
  view.setUint32(8, FORMAT_MAJOR, true);
  putU64(view, 16, incarnation);
  page.set(Buffer.from(shape.identity.clusterId, 'hex'), 24);
  page.set(Buffer.from(shape.identity.storeUuid, 'hex'), 40);
  view.setUint32(56, shape.identity.replicaId, true);
  putU64(view, 64, shape.logBytes);
  putU64(view, 72, shape.recordBytesMax);
  putU64(view, DIGEST_AT, digestOf(page, 0, DIGEST_AT));
  return page;
}

function hasMagic(page: Uint8Array): boolean {
  const view = viewOf(page);
  return view.getUint32(0, true) === MAGIC_LOW && view.getUint32(4, true) === MAGIC_HIGH;
}

function decodePage(page: Uint8Array, path: string): StoreIdentity | undefined {
  if (!hasMagic(page)) return undefined;
  const view = viewOf(page);
  if (getU64(view, DIGEST_AT) !== digestOf(page, 0, DIGEST_AT)) return undefined;
  const major = view.getUint32(8, true);
  if (major !== FORMAT_MAJOR) {
    throw new IndelibleError(ErrorCode.storeVersion, `${path} has format ${major}, not ${FORMAT_MAJOR}`, {
      path,
    });
  }
  return {
    incarnation: getU64(view, 16),
    shape: {
      identity: {
        clusterId: Buffer.from(page.subarray(24, 40)).toString('hex'),
        storeUuid: Buffer.from(page.subarray(40, 56)).toString('hex'),
        replicaId: view.getUint32(56, true),
      },
      logBytes: getU64(view, 64),
      recordBytesMax: getU64(view, 72),
    },
  };
}

/** Marks the directory as one whose format is under way, durably. */
export async function markUnfinished(medium: FileMedium, directory: string): Promise<void> {
  const file = await medium.open(join(directory, UNFINISHED_NAME), 'create');
  await file.close();
  await medium.syncDirectory(directory, 'identity');
}

export async function writeIdentity(
  medium: FileMedium,
  directory: string,
  identity: StoreIdentity,
): Promise<void> {
  const temporary = join(directory, UNFINISHED_NAME);
  const page = encodePage(identity);
  const file = await medium.open(temporary, 'create');
  try {
    await file.write(page, 0, 'identity');
    await file.write(page, PAGE_BYTES, 'identity');
    await file.sync('identity');
  } finally {
    await file.close();
  }
  await medium.rename(temporary, join(directory, IDENTITY_NAME), 'identity');
  await medium.syncDirectory(directory, 'identity');
}

/**
 * Reads it, and writes nothing.
 * @throws ERR_INDELIBLE_STORE_MISSING, ERR_INDELIBLE_STORE_FOREIGN (not such a file at all),
 *   ERR_INDELIBLE_STORE_VERSION, ERR_INDELIBLE_STORE_CORRUPT (both copies are bad: the identity is lost);
 *   the system's error where one copy cannot be read and the other is no good
 */
export async function readIdentity(medium: FileMedium, directory: string): Promise<FoundIdentity> {
  const path = join(directory, IDENTITY_NAME);
  const file = await medium.open(path, 'read').catch((error: unknown) => {
    const code = systemCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    throw new IndelibleError(ErrorCode.storeMissing, `there is no file store in ${directory}`, {
      path: directory,
    });
  });
  const pages = [new Uint8Array(PAGE_BYTES), new Uint8Array(PAGE_BYTES)];
  let unreadable: unknown;
  try {
    for (const [at, page] of pages.entries()) {
      await file.read(page, at * PAGE_BYTES).catch((error: unknown) => {
        unreadable = error;
        page.fill(0);
      });
    }
  } finally {
    await file.close();
  }
  const copies = pages.map((page) => decodePage(page, path));
  const good = copies[0] ?? copies[1];
  if (!good) {
    if (unreadable !== undefined) throw unreadable;
    if (pages.some(hasMagic)) {
      throw new IndelibleError(ErrorCode.storeCorrupt, `${path}: both copies are damaged`, { path });
    }
    throw new IndelibleError(ErrorCode.storeForeign, `${path} is not the identity of a store`, { path });
  }
  return { ...good, isWhole: !copies.includes(undefined) };
}
