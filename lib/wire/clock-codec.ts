/**
 * The bytes of clock and clocked. Field by field in docs/wire.md. A time is at most TIME_MS_MAX: one that has
 * gone on from there is sent as that, and a later one is refused.
 */
import { TIME_MS_MAX } from '../limits.js';
import type { Clock, Clocked } from '../paxos/messages.js';
import type { Reader } from './reader.js';
import type { Writer } from './writer.js';

export function writeClock(writer: Writer, message: Clock): void {
  writer.u64(message.sentMs);
  writer.u64(Math.min(message.timeMs, TIME_MS_MAX));
}

export function readClock(reader: Reader): Clock {
  return { type: 'clock', sentMs: reader.u64(), timeMs: readTime(reader) };
}

export function writeClocked(writer: Writer, message: Clocked): void {
  writer.u64(message.sentMs);
  writer.u64(Math.min(message.wallMs, TIME_MS_MAX));
  writer.u64(Math.min(message.timeMs, TIME_MS_MAX));
}

export function readClocked(reader: Reader): Clocked {
  return { type: 'clocked', sentMs: reader.u64(), wallMs: readTime(reader), timeMs: readTime(reader) };
}

function readTime(reader: Reader): number {
  return reader.within(reader.u64(), TIME_MS_MAX, 'a time');
}
