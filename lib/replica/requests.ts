/**
 * What a caller gives to a service, checked before anything of it is taken: a mistake is an error to whoever
 * made it, and to nobody else.
 */
import { argumentError, argumentTypeError, ErrorCode, IndelibleError } from '../errors.js';
import { COMMAND_HEADER_BYTES } from './batch.js';
import type { Requester } from './service.js';

/**
 * Checks everything about a call but what its body holds.
 * @throws TypeError, RangeError with ERR_INDELIBLE_ARGUMENT
 */
export function checkCall(
  requester: Requester,
  first: number,
  count: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  if (typeof requester?.outcome !== 'function' || typeof requester.drain !== 'function') {
    throw argumentTypeError('a requester must have the methods outcome and drain');
  }
  if (!(bytes instanceof Uint8Array)) throw argumentTypeError('a body must be a Uint8Array');
  if (!Number.isSafeInteger(count) || count < 1) throw argumentError(`a body of ${String(count)} requests`);
  if (!Number.isSafeInteger(first) || first < 0 || !Number.isSafeInteger(first + count)) {
    throw argumentError(`requests numbered from ${String(first)}`);
  }
  if (!isIndex(start, end) || !isIndex(end, bytes.length)) {
    throw argumentError(`bytes ${String(start)} to ${String(end)} of ${bytes.length}`);
  }
}

/**
 * Checks that bytes[start, end) is a body of exactly `count` requests.
 * @throws RangeError with ERR_INDELIBLE_ARGUMENT; ERR_INDELIBLE_COMMAND_TOO_LARGE
 */
export function checkRequests(
  bytes: Uint8Array,
  start: number,
  end: number,
  count: number,
  commandBytesMax: number,
): void {
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + COMMAND_HEADER_BYTES > end) throw malformed();
    const length = readLength(bytes, at);
    at += COMMAND_HEADER_BYTES + length;
    if (at > end) throw malformed();
    checkLength(length, commandBytesMax);
  }
  if (at !== end) throw malformed();
}

/** @throws ERR_INDELIBLE_COMMAND_TOO_LARGE */
export function checkLength(lengthBytes: number, commandBytesMax: number): void {
  if (lengthBytes <= commandBytesMax) return;
  const sentence = `a command or query of ${lengthBytes} bytes; the limit is ${commandBytesMax}`;
  throw new IndelibleError(ErrorCode.commandTooLarge, sentence);
}

/** One command or query in the convenient form. @throws TypeError with ERR_INDELIBLE_ARGUMENT */
export function checkBytes(bytes: Uint8Array): void {
  if (!(bytes instanceof Uint8Array)) throw argumentTypeError('a command or query must be a Uint8Array');
}

export function readLength(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

function isIndex(value: number, through: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= through;
}

function malformed(): RangeError {
  return argumentError('the body must contain exactly the stated number of requests, and nothing more');
}
