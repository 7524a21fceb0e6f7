/**
 * The table of sessions as bytes: its section of a checkpoint.
 *
 * ```
 * +0   u32  version (1)          +4   u32  number of sessions
 * +8   f64  sessions opened ever
 * +16  per session, those used longest ago first:
 *      f64 session, f64 last command, f64 time of its last run (ms since 1970), f64 first answer that is kept
 *      (by the number of its command), u32 length of the answers, u32 zero, then the answers
 * ```
 * All little-endian. An answer is u32 length and that many bytes; FFFFFFFF, and no bytes: it was skipped.
 */
import { malformed, readWord } from '../batch.js';
import { KeptAnswers, NO_ANSWER } from './kept-answers.js';
import type { SessionEntry, SessionTable } from './session-table.js';

const IMAGE_VERSION = 1;
const HEAD_BYTES = 16;
const ENTRY_BYTES = 40;

/** The table as it is now; undefined while no session was ever opened. */
export function writeSessions(table: SessionTable): Buffer | undefined {
  if (table.openedEver === 0) return undefined;
  const bytes = Buffer.alloc(HEAD_BYTES + table.count * ENTRY_BYTES + table.answerBytes);
  bytes.writeUInt32LE(IMAGE_VERSION, 0);
  bytes.writeUInt32LE(table.count, 4);
  let at = bytes.writeDoubleLE(table.openedEver, 8);
  for (const { session, last, usedMs, answers } of table.all()) {
    at = bytes.writeDoubleLE(session, at);
    at = bytes.writeDoubleLE(last, at);
    at = bytes.writeDoubleLE(usedMs, at);
    at = bytes.writeDoubleLE(answers.firstSequence, at);
    at = bytes.writeUInt32LE(answers.lengthBytes, at) + 4;
    at += answers.bytes.copy(bytes, at, answers.start, answers.start + answers.lengthBytes);
  }
  return bytes;
}

/**
 * Replaces the table by what `bytes` holds; none: no session was ever opened.
 * @throws ERR_INDELIBLE_STORE_CORRUPT for bytes that are no table
 */
export function readSessions(table: SessionTable, bytes: Buffer | undefined): void {
  if (bytes === undefined) return table.replace(0, []);
  if (bytes.length < HEAD_BYTES || bytes.readUInt32LE(0) !== IMAGE_VERSION) {
    throw malformed('a checkpoint holds a table of sessions that this program does not know');
  }
  const count = bytes.readUInt32LE(4);
  const opened = bytes.readDoubleLE(8);
  if (!isNumber(opened) || count > (bytes.length - HEAD_BYTES) / ENTRY_BYTES) throw contradicts();
  const entries: SessionEntry[] = [];
  const seen = new Set<number>();
  let at = HEAD_BYTES;
  for (let i = 0; i < count; i++) {
    const entry = readEntry(bytes, at);
    if (entry.session > opened || seen.has(entry.session)) throw contradicts();
    seen.add(entry.session);
    entries.push(entry);
    at += ENTRY_BYTES + entry.answers.lengthBytes;
  }
  if (at !== bytes.length) throw contradicts();
  table.replace(opened, entries);
}

function readEntry(bytes: Buffer, at: number): SessionEntry {
  if (at + ENTRY_BYTES > bytes.length) throw contradicts();
  const [session, last, usedMs, first] = [0, 8, 16, 24].map((offset) => bytes.readDoubleLE(at + offset));
  const lengthBytes = bytes.readUInt32LE(at + 32);
  const start = at + ENTRY_BYTES;
  const end = start + lengthBytes;
  const isSound =
    isNumber(session!) && session! > 0 && isNumber(last!) && isNumber(first!) && Number.isFinite(usedMs);
  if (!isSound || first! < 1 || end > bytes.length) throw contradicts();
  const answers = new KeptAnswers(first!);
  let kept = 0;
  for (let each = start; each < end; kept++) {
    if (each + 4 > end) throw contradicts();
    const length = readWord(bytes, each);
    each += 4 + (length === NO_ANSWER ? 0 : length);
    if (each > end) throw contradicts();
  }
  if (first! + kept !== last! + 1) throw contradicts();
  answers.append(bytes, start, end, kept);
  return { session: session!, last: last!, usedMs: usedMs!, answers };
}

function isNumber(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function contradicts(): Error {
  return malformed('the table of sessions in a checkpoint contradicts itself');
}
