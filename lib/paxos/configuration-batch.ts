/**
 * The bytes of a configuration batch; docs/format.md has the table. What it says is a whole configuration, so
 * that who reads it needs nothing else.
 *
 *   u8 version (1), u32 number, u16 highest id, u8 members; per member u16 id, u8 role (0 voter, 1 learner),
 *   16 bytes store uuid, u8 length and bytes of the address; u8 length and bytes of the cookie
 *
 * 1. What this program cannot read it takes from nobody (wire/votes-codec.ts): of a later version others may
 *    read something there.
 */
import { argumentError } from '../errors.js';
import { MEMBER_TEXT_BYTES_MAX, MEMBERS_MAX } from '../limits.js';
import type { Configuration, Member } from '../types.js';

/** A configuration as it is proposed, with the word by which who asked for it knows it again. */
export interface Change extends Configuration {
  readonly cookie: string;
}

const VERSION = 1;
const HEAD_BYTES = 8;
const MEMBER_BYTES = 20;
const UUID_BYTES = 16;

/** The longest that there is. */
export const CHANGE_BYTES_MAX: number =
  HEAD_BYTES + MEMBERS_MAX * (MEMBER_BYTES + MEMBER_TEXT_BYTES_MAX) + 1 + MEMBER_TEXT_BYTES_MAX;

/** The highest id that was ever a member's. */
export function highestIdOf({ highestId, members }: Configuration): number {
  return members.reduce((highest, { id }) => Math.max(highest, id), highestId ?? 0);
}

/** True if `configuration` has that very member: the same id, store and role. */
export function sameMember({ members }: Configuration, { id, storeUuid, role }: Member): boolean {
  return members.some((each) => each.id === id && each.storeUuid === storeUuid && each.role === role);
}

/** @throws RangeError for a text that is too long, or for more members than a configuration has */
export function encodeChange(change: Change): Uint8Array {
  const { members, number, cookie } = change;
  if (members.length > MEMBERS_MAX) throw argumentError(`a configuration has at most ${MEMBERS_MAX} members`);
  const texts = members.map(({ address = '' }) => textBytes(address));
  const word = textBytes(cookie);
  const lengths = texts.reduce((sum, text) => sum + MEMBER_BYTES + text.length, HEAD_BYTES + 1 + word.length);
  const bytes = new Uint8Array(lengths);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, VERSION);
  view.setUint32(1, number, true);
  view.setUint16(5, highestIdOf(change), true);
  view.setUint8(7, members.length);
  let at = HEAD_BYTES;
  members.forEach(({ id, role, storeUuid }, index) => {
    view.setUint16(at, id, true);
    view.setUint8(at + 2, role === 'learner' ? 1 : 0);
    for (let i = 0; i < UUID_BYTES; i++) {
      bytes[at + 3 + i] = Number.parseInt(storeUuid.slice(2 * i, 2 * i + 2), 16);
    }
    const text = texts[index]!;
    view.setUint8(at + 19, text.length);
    bytes.set(text, at + MEMBER_BYTES);
    at += MEMBER_BYTES + text.length;
  });
  view.setUint8(at, word.length);
  bytes.set(word, at + 1);
  return bytes;
}

/** What a configuration batch says; undefined if this program cannot read it. */
export function decodeChange(bytes: Uint8Array): Change | undefined {
  if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const members: Member[] = [];
  let at = HEAD_BYTES;
  for (let left = view.getUint8(7); left > 0; left--) {
    const textAt = at + MEMBER_BYTES;
    if (textAt > bytes.length || textAt + view.getUint8(at + 19) > bytes.length) return undefined;
    members.push(readMember(bytes, view, at));
    at = textAt + view.getUint8(at + 19);
  }
  const isWhole = at < bytes.length && at + 1 + bytes[at]! === bytes.length;
  const ids = new Set(members.map(({ id }) => id));
  const isConfiguration = members.some(({ role }) => role !== 'learner') && members.length <= MEMBERS_MAX;
  if (!isWhole || !isConfiguration || ids.size < members.length || ids.has(0)) return undefined;
  const cookie = textOf(bytes.subarray(at + 1));
  return { number: view.getUint32(1, true), members, highestId: view.getUint16(5, true), cookie };
}

function readMember(bytes: Uint8Array, view: DataView, at: number): Member {
  let storeUuid = '';
  for (let i = 0; i < UUID_BYTES; i++) storeUuid += bytes[at + 3 + i]!.toString(16).padStart(2, '0');
  const textAt = at + MEMBER_BYTES;
  const address = textOf(bytes.subarray(textAt, textAt + view.getUint8(at + 19)));
  const isLearner = view.getUint8(at + 2) !== 0;
  return {
    id: view.getUint16(at, true),
    storeUuid,
    ...(isLearner ? { role: 'learner' } : {}),
    ...(address === '' ? {} : { address }),
  };
}

function textBytes(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= MEMBER_TEXT_BYTES_MAX) return bytes;
  throw argumentError(`an address or cookie has at most ${MEMBER_TEXT_BYTES_MAX} bytes: ${text}`);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
