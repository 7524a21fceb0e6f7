/**
 * Whether two answers to one request are the same, as far as docs/redis.md says that they are. Every way in
 * which they may differ stands here, by command.
 */
import { ErrorReply, type ReplyValue, StatusReply } from './resp-reader.js';
import type { Answer } from './side.js';

/** How far apart two clocks read for one request may be, in milliseconds. */
const CLOCK_MS = 120_000;

function typeOf(value: ReplyValue): string {
  if (value instanceof ErrorReply) return `error ${value.error.split(' ')[0]}`;
  if (value instanceof StatusReply) return 'status';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value === 'bigint' ? 'number' : typeof value;
}

function isInteger(value: ReplyValue): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function near(ours: ReplyValue, theirs: ReplyValue, distance: number): boolean {
  if (same(ours, theirs)) return true;
  if (!isInteger(ours) || !isInteger(theirs) || ours < 0 || theirs < 0) return false;
  return Math.abs(Number(BigInt(ours) - BigInt(theirs))) <= distance;
}

/** Ours repeat at most so much of what they are about, Redis's all of it. */
const ERROR_CHARS_SHOWN = 128;

function same(ours: ReplyValue, theirs: ReplyValue): boolean {
  if (ours instanceof ErrorReply && theirs instanceof ErrorReply && ours.error.length > ERROR_CHARS_SHOWN) {
    // Behind what is cut off there may be a quote, and a word of advice.
    return theirs.error.startsWith(ours.error.replace(/'[^']{0,40}$/, ''));
  }
  return show(ours) === show(theirs);
}

function sorted(value: ReplyValue): ReplyValue {
  return Array.isArray(value) ? [...value].sort() : value;
}

function sameScan(ours: ReplyValue, theirs: ReplyValue, fromStart: boolean): boolean {
  if (!Array.isArray(ours) || !Array.isArray(theirs)) return same(ours, theirs);
  // A cursor is a place in an order of keys, and the two orders have nothing in common.
  if (!fromStart || ours[0] !== '0' || theirs[0] !== '0') return true;
  return same(ours[0]!, theirs[0]!) && same(sorted(ours[1]!), sorted(theirs[1]!));
}

type Rule = (ours: ReplyValue, theirs: ReplyValue, argv: readonly string[]) => boolean;

const sameType: Rule = (ours, theirs) =>
  typeOf(ours) === typeOf(theirs) && (!(ours instanceof ErrorReply) || same(ours, theirs));

const RULES: Readonly<Record<string, Rule>> = {
  ttl: (ours, theirs) => near(ours, theirs, CLOCK_MS / 1000),
  pttl: (ours, theirs) => near(ours, theirs, CLOCK_MS),
  expiretime: (ours, theirs) => near(ours, theirs, CLOCK_MS / 1000),
  pexpiretime: (ours, theirs) => near(ours, theirs, CLOCK_MS),
  keys: (ours, theirs) => same(sorted(ours), sorted(theirs)),
  scan: (ours, theirs, argv) => sameScan(ours, theirs, argv[1] === '0'),
  randomkey: sameType,
  // Redis counts keys past their expiry until it comes across them.
  dbsize: (ours, theirs) =>
    same(ours, theirs) || (typeof ours === 'number' && typeof theirs === 'number' && ours <= theirs),
  time: sameType,
  wait: sameType,
  info: sameType,
  hello: sameType,
  // Redis measures keys past their expiry, too, until it comes across them.
  memory: (ours, theirs, argv) => ours === null || sameType(ours, theirs, argv),
  // Nothing keeps when a key was last used: Redis's number is an error here.
  object: (ours, theirs, argv) =>
    argv[1]?.toLowerCase() === 'idletime' && theirs !== null ? true : sameType(ours, theirs, argv),
  command: sameType,
  config: (ours, theirs, argv) =>
    argv[1]?.toLowerCase() === 'help' ? sameType(ours, theirs, argv) : same(sorted(ours), sorted(theirs)),
  client: (ours, theirs, argv) =>
    ['id', 'info', 'list', 'kill'].includes((argv[1] ?? '').toLowerCase())
      ? sameType(ours, theirs, argv)
      : same(ours, theirs),
};

export function isSame(ours: Answer, theirs: Answer, argv: readonly string[]): boolean {
  if (ours === 'closed' || theirs === 'closed') return ours === theirs;
  const rule = RULES[argv[0]!.toLowerCase()];
  return rule === undefined ? same(ours.value, theirs.value) : rule(ours.value, theirs.value, argv);
}

/** EXEC's answer: each element by the rule of the command queued. */
export function isSameExec(ours: Answer, theirs: Answer, queued: readonly (readonly string[])[]): boolean {
  if (ours === 'closed' || theirs === 'closed') return ours === theirs;
  if (!Array.isArray(ours.value) || !Array.isArray(theirs.value)) return same(ours.value, theirs.value);
  const [left, right] = [ours.value, theirs.value];
  if (left.length !== right.length || left.length !== queued.length) return false;
  return queued.every((argv, i) => isSame({ value: left[i] }, { value: right[i] }, argv));
}

export function show(value: ReplyValue | Answer): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part));
}
