/**
 * The numbers that a store keeps are safe integers: what is above comes back as another one, or as damage.
 *
 * 1. A slot, ballot or id that is none is refused where it comes in, and nothing has happened.
 * 2. Numbers of the store's own, which rise for good, are refused long before their end (`STORE_NUMBER_MAX`),
 *    so that it can still be opened, read, trimmed and closed.
 */
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import type { Ballot, Slot } from '../types.js';

/** The highest number of its own with which a store takes votes. */
export const STORE_NUMBER_MAX: number = Number.MAX_SAFE_INTEGER - 2 ** 32;

export function checkVote(slot: Slot, ballot: Ballot): void {
  if (Number.isSafeInteger(slot) && slot >= 1 && Number.isSafeInteger(ballot) && ballot >= 0) return;
  throw argumentError(`a vote at slot ${slot}, ballot ${ballot}: both must be integers below 2^53`);
}

export function checkNumber(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw argumentError(`${name} must be an integer below 2^53, not ${value}`);
}

export function exhausted(directory: string): IndelibleError {
  const sentence = `${directory}: this store has used all its numbers and accepts no more votes: copy the state to a new cluster`;
  return new IndelibleError(ErrorCode.storeExhausted, sentence, { path: directory });
}
