/**
 * Requests being gathered into frames until the next flush: single commands and whole bodies go into one
 * growing `submit` or `query` frame as long as their numbers follow one another.
 *
 * 1. A frame is ended when the other kind of request comes, one that is asked of another lead, has another
 *    deadline or is not the next one of the same session, or when it has FRAME_TARGET_BYTES.
 * 2. What is taken in is copied, and has been checked: a body with exactly its entries, none too large.
 */
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import { COMMAND_BYTES_MAX } from '../limits.js';
import { ENTRY_HEADER_BYTES, entryEnd } from '../wire/body.js';
import { SESSION_NEW, type SessionTerms } from '../wire/client-messages.js';
import { beginFrame, sealFrame } from '../wire/frame.js';
import { FrameKind, PROTOCOL_VERSION } from '../wire/protocol.js';
import { readU32 } from '../wire/reader.js';
import { Writer } from '../wire/writer.js';

/** A frame is ended once it has this many bytes; one more entry may take it over. */
const FRAME_TARGET_BYTES = 128 << 10;

/** First request number, count, lead and deadline, in front of the body; of commands, their terms too. */
const RUN_BYTES = 28;
const TERMS_BYTES = 24;
const COUNT_AT = 8;
const LEAD_AT = 12;
const DEADLINE_AT = 20;
const TERMS_AT = 28;

/** Requests whose deadlines are no further apart than this may share a frame, and the earliest of them. */
const DEADLINES_APART_MS = 50;

/** What a frame says of all requests in it; times are the receiver's. */
export interface Terms {
  readonly lead: number;
  readonly deadlineMs: number;
  /** That of the first request; undefined: they belong to no session. */
  readonly session?: SessionTerms | undefined;
}

export type RequestKind = typeof FrameKind.submit | typeof FrameKind.query;

export class RequestFrames {
  readonly #writer = new Writer(16 << 10);
  readonly #version: number;
  #open: RequestKind | 0 = 0;
  #start = 0;
  #fields = 0;
  #count = 0;
  #lead = 0;
  #deadlineMs = 0;
  /** The session of the open frame, and the number of the next command in it. */
  #session = 0;
  #sequence = 0;

  /** @param version that of the connection */
  constructor(version: number = PROTOCOL_VERSION) {
    this.#version = version;
  }

  get lengthBytes(): number {
    return this.#writer.length;
  }

  /** Takes in one request, whose number follows the last one of its kind. */
  addOne(kind: RequestKind, number: number, bytes: Uint8Array, terms: Terms): void {
    this.#begin(kind, number, terms);
    const writer = this.#writer;
    const at = writer.reserve(ENTRY_HEADER_BYTES);
    writer.setU32(at, bytes.length);
    writer.append(bytes);
    this.#count++;
  }

  /** Takes in `count` requests, the checked body bytes[start, end). */
  addBody(
    kind: RequestKind,
    number: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    terms: Terms,
  ): void {
    if (end - start <= FRAME_TARGET_BYTES) {
      this.#begin(kind, number, terms);
      this.#writer.append(bytes, start, end);
      this.#count += count;
      return;
    }
    let at = start;
    const { session } = terms;
    for (let taken = 0; taken < count; ) {
      const part = session === undefined ? session : { ...session, sequence: session.sequence + taken };
      this.#begin(kind, number + taken, { ...terms, session: part });
      const from = at;
      while (taken < count && at - from < FRAME_TARGET_BYTES) {
        at = entryEnd(bytes, at);
        taken++;
        this.#count++;
      }
      this.#writer.append(bytes, from, at);
    }
  }

  /** Ends the open frame and gives everything gathered to `take`, whole frames one behind the other. */
  give(take: (bytes: Uint8Array, length: number) => void): void {
    this.#end();
    if (this.#writer.length === 0) return;
    take(this.#writer.bytes, this.#writer.length);
    this.#writer.clear();
  }

  #begin(kind: RequestKind, number: number, { lead, deadlineMs, session: terms }: Terms): void {
    const fits =
      this.#open === kind &&
      this.#goesOn(terms) &&
      lead === this.#lead &&
      deadlineMs >= this.#deadlineMs &&
      deadlineMs - this.#deadlineMs <= DEADLINES_APART_MS;
    if (fits && this.#writer.length - this.#start < FRAME_TARGET_BYTES) return;
    this.#end();
    this.#start = beginFrame(this.#writer, kind, this.#version);
    this.#fields = this.#writer.reserve(kind === FrameKind.submit ? RUN_BYTES + TERMS_BYTES : RUN_BYTES);
    this.#session = terms?.session ?? 0;
    this.#sequence = terms?.sequence ?? 0;
    if (kind === FrameKind.submit) {
      this.#writer.setU64(this.#fields + TERMS_AT, this.#session);
      this.#writer.setU64(this.#fields + TERMS_AT + 8, this.#sequence);
      this.#writer.setU64(this.#fields + TERMS_AT + 16, terms?.answeredThrough ?? 0);
    }
    this.#writer.setU64(this.#fields, number);
    this.#writer.setU64(this.#fields + LEAD_AT, lead);
    this.#writer.setU64(this.#fields + DEADLINE_AT, deadlineMs);
    this.#lead = lead;
    this.#deadlineMs = deadlineMs;
    this.#open = kind;
    this.#count = 0;
  }

  /** Whether these are the terms of the next request of the open frame. */
  #goesOn(terms: SessionTerms | undefined): boolean {
    if (terms === undefined) return this.#session === 0;
    if (terms.session !== this.#session || terms.session === SESSION_NEW) return false;
    return terms.sequence === this.#sequence + this.#count;
  }

  #end(): void {
    if (this.#open === 0) return;
    this.#writer.setU32(this.#fields + COUNT_AT, this.#count);
    sealFrame(this.#writer, this.#start);
    this.#open = 0;
  }
}

/**
 * Checks what a caller gives as a body of `count` requests.
 * @throws RangeError when it is not one, ERR_INDELIBLE_COMMAND_TOO_LARGE when an entry is above
 * COMMAND_BYTES_MAX.
 */
export function checkRequests(bytes: Uint8Array, start: number, end: number, count: number): void {
  let at = start;
  for (let i = 0; i < count; i++) {
    if (end - at < ENTRY_HEADER_BYTES)
      throw argumentError(`a body of ${count} requests ends in request ${i}`);
    const length = readU32(bytes, at);
    at += ENTRY_HEADER_BYTES + length;
    if (at > end) throw argumentError(`request ${i} of a body has ${at - end} bytes too few`);
    checkCommandBytes(length);
  }
  if (at !== end) throw argumentError(`${end - at} bytes behind the last request of a body`);
}

/** @throws ERR_INDELIBLE_COMMAND_TOO_LARGE */
export function checkCommandBytes(length: number): void {
  if (length <= COMMAND_BYTES_MAX) return;
  const text = `a command of ${length} bytes is larger than ${COMMAND_BYTES_MAX}`;
  throw new IndelibleError(ErrorCode.commandTooLarge, text);
}
