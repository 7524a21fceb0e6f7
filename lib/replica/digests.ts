/**
 * Whether batches that peers send are what their digests say. A store refuses others, and stops its replica:
 * the one that sent such a batch is to blame, so that it is looked at before anything is done with it.
 */
import type { Message } from '../paxos/messages.js';
import { digestOf } from '../storage/crc64.js';
import type { Digest } from '../types.js';

export function hasItsDigests(message: Message): boolean {
  switch (message.type) {
    case 'accept':
      return isOf(message.bytes, message.digest);
    case 'chosen':
    case 'promised':
      return message.votes.every(({ bytes, digest }) => bytes === undefined || isOf(bytes, digest));
    default:
      return true;
  }
}

function isOf(bytes: Uint8Array, digest: Digest): boolean {
  return digestOf(bytes, 0, bytes.length) === digest;
}
