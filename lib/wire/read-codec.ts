/** The bytes of index and indexed. Field by field in docs/wire.md. */
import type { Index, Indexed } from '../paxos/messages.js';
import type { Reader } from './reader.js';
import { readBallot, readSlot } from './votes-codec.js';
import type { Writer } from './writer.js';

export function writeIndex(writer: Writer, message: Index): void {
  writer.u64(message.ballot);
  writer.u64(message.life);
  writer.u64(message.readId);
}

export function readIndex(reader: Reader): Index {
  return { type: 'index', ballot: readBallot(reader), life: reader.u64(), readId: reader.u64() };
}

export function writeIndexed(writer: Writer, message: Indexed): void {
  writer.u64(message.life);
  writer.u64(message.readId);
  writer.u64(message.slot);
}

export function readIndexed(reader: Reader): Indexed {
  return { type: 'indexed', life: reader.u64(), readId: reader.u64(), slot: readSlot(reader) };
}
