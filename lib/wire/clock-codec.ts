/** The bytes of clock and clocked. Field by field in docs/wire.md. */
import type { Clock, Clocked } from '../paxos/messages.js';
import type { Reader } from './reader.js';
import type { Writer } from './writer.js';

export function writeClock(writer: Writer, message: Clock): void {
  writer.u64(message.sentMs);
  writer.u64(message.timeMs);
}

export function readClock(reader: Reader): Clock {
  return { type: 'clock', sentMs: reader.u64(), timeMs: reader.u64() };
}

export function writeClocked(writer: Writer, message: Clocked): void {
  writer.u64(message.sentMs);
  writer.u64(message.wallMs);
  writer.u64(message.timeMs);
}

export function readClocked(reader: Reader): Clocked {
  return { type: 'clocked', sentMs: reader.u64(), wallMs: reader.u64(), timeMs: reader.u64() };
}
