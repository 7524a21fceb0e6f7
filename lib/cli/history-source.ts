/**
 * A history as a command line names it: a back-up, or directories of stores; and the machine to run it on.
 */
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { BackupFile } from '../backup/backup-file.js';
import type { History } from '../backup/history.js';
import { Replay, type Through } from '../backup/replay.js';
import { StoppedStores } from '../backup/stopped-stores.js';
import { StoreHistory } from '../backup/store-history.js';
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import { KvStateMachine } from '../kv/state-machine.js';
import type { StateMachine } from '../replica/state-machine.js';
import { storeDirectories } from './store-directories.js';

/**
 * A back-up, or what one store, or those of a cluster, know to be chosen.
 * @throws ERR_INDELIBLE_STORE_MISSING, _BACKUP_INVALID and what opening a store throws
 */
export async function openHistory(named: string): Promise<History> {
  const stat = fs.statSync(named, { throwIfNoEntry: false });
  if (stat === undefined)
    throw new IndelibleError(ErrorCode.storeMissing, `there is nothing at ${named}`, { path: named });
  if (!stat.isDirectory()) return BackupFile.open(named);
  const stores = await StoppedStores.open(storeDirectories([named]));
  try {
    return new StoreHistory(stores, stores.hasQuorum ? 'quorum' : 'learned');
  } catch (error) {
    await stores.close();
    throw error;
  }
}

/**
 * A new machine for each call: the bundled one, or what the module's default export makes.
 * @throws RangeError where the file is no such module
 */
export async function machineMaker(file: string | undefined): Promise<() => StateMachine> {
  if (file === undefined) return () => new KvStateMachine();
  let make: unknown;
  try {
    ({ default: make } = (await import(pathToFileURL(path.resolve(file)).href)) as { default?: unknown });
  } catch (cause) {
    throw argumentError(`${file} cannot be loaded: ${(cause as Error).message}`);
  }
  if (typeof make !== 'function')
    throw argumentError(`${file} must have a default export: a function that makes a state machine`);
  return make as () => StateMachine;
}

/** Opens a history, uses it on a machine, and closes it. */
export async function withReplay<T>(
  history: History,
  machineFile: string | undefined,
  use: (replay: Replay) => Promise<T>,
): Promise<T> {
  try {
    const make = await machineMaker(machineFile);
    return await use(new Replay(history, make()));
  } finally {
    await history.close();
  }
}

/** A slot; or a time as ISO 8601 has it, with its zone. */
export function throughOption(text: string): Through {
  if (/^\d{1,15}$/.test(text)) return { slot: Number(text) };
  const timeMs = Date.parse(text);
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  if (isTime && Number.isFinite(timeMs)) return { timeMs };
  throw argumentError(`expected a slot, or a time such as 2026-11-28T12:00:00Z, not ${JSON.stringify(text)}`);
}
