/**
 * The first words on every connection: hello from both ends and between them the proof that both have the
 * key, or a refusal. Later versions of the protocol only add to the end of a hello and of a refusal.
 *
 * hello:     u8 role, u16 replica id, u16 id of the replica it wants to reach, 16 B cluster id, 16 B store
 *            uuid, u64 configuration number; since version 3 of its opening u64 incarnation, generation and
 *            nonce; since version 6 its 32 B salt, zeros of who has no key; since version 9 u16 the oldest
 *            version that it speaks, the newest being in the frame's header
 * refusal:   u8 code, then why, as UTF-8 of at most REFUSAL_TEXT_BYTES_MAX bytes
 * challenge: 32 B salt of the listener
 * proof:     32 B (transport/proof.ts)
 */
import type { Opening, ReplicaId } from '../types.js';
import { beginFrame, FRAME_HEADER_BYTES, NO_BYTES, sealFrame } from './frame.js';
import { FrameKind, PROTOCOL_VERSION } from './protocol.js';
import { frameError, Reader } from './reader.js';
import type { Writer } from './writer.js';

/** Sixteen zero bytes: a client that takes any cluster, or has no store. */
export const NO_UUID: string = '0'.repeat(32);

/** A front end is a replica that asks for its own clients. */
export const HelloRole = { replica: 1, client: 2, frontEnd: 3 } as const;
export type HelloRole = (typeof HelloRole)[keyof typeof HelloRole];

export interface Hello {
  readonly type: 'hello';
  /** The newest protocol version that the sender speaks. */
  readonly version: number;
  /** The oldest one: the newest again in hellos of versions before 9. */
  readonly versionMin: number;
  readonly role: HelloRole;
  /** Who speaks; 0 for a client or a front end. */
  readonly replicaId: ReplicaId;
  /** Whom the speaker wants to reach; 0 for anybody, and in an answer. */
  readonly wantedId: ReplicaId;
  readonly clusterId: string;
  readonly storeUuid: string;
  readonly configurationNumber: number;
  /**
   * Of the speaker's store; zeros in hellos of versions before 3. Of a client: who asks (`nonce`), and which
   * of its connections this is, counted from 1 (`generation`).
   */
  readonly opening: Opening;
  /** Drawn for this connection by who has a key; {@link NO_SALT} of who has none. */
  readonly salt: Uint8Array;
  /** What a version later than this program's has added: a proof covers it too. */
  readonly added: Uint8Array;
}

/** What the listener asks a proof for. */
export interface Challenge {
  readonly type: 'challenge';
  /** The one to speak. */
  readonly version: number;
  readonly salt: Uint8Array;
}

export interface Proof {
  readonly type: 'proof';
  readonly bytes: Uint8Array;
}

export type Greeting = Hello | Refusal | Challenge | Proof;

/** Why a connection is refused. */
export const RefusalCode = {
  version: 1,
  cluster: 2,
  /** The speaker calls itself what the listener is called. */
  ownId: 3,
  /** No member of the listener's configuration has that id. */
  unknownId: 4,
  /** That member's votes are in another store. */
  storeUuid: 5,
  /** The listener is not the replica that the speaker wants. */
  wrongReplica: 6,
  /** The listener has as many clients as it takes. */
  busy: 7,
  /** The connection did not begin with a hello in time, or not with a hello. */
  noHello: 8,
  /** An older copy of that member's store, one formatted again, or one that another process has open. */
  staleStore: 9,
  /** One end has no key, or another one. */
  key: 10,
  /** Of the caller: not accepted, or not of the replica that it says it is. */
  certificate: 11,
  /** The speaker was a member once, and is none in the listener's configuration. */
  removed: 12,
} as const;
export type RefusalCode = (typeof RefusalCode)[keyof typeof RefusalCode];

export interface Refusal {
  readonly type: 'refusal';
  readonly code: RefusalCode;
  readonly text: string;
}

/** The first version whose hello tells of the store's opening. */
const OPENING_SINCE = 3;

/** The first version that proves that it has the key. */
const SALT_SINCE = 6;

/** The first version that speaks more than one. */
const RANGE_SINCE = 9;

/** What later versions may add to a hello, in bytes. */
const ADDED_BYTES_MAX = 128;

export const SALT_BYTES = 32;
export const PROOF_BYTES = 32;

/** The salt of who has no key. */
export const NO_SALT: Uint8Array = new Uint8Array(SALT_BYTES);

export const NO_OPENING: Opening = { incarnation: 0, generation: 0, nonce: 0 };

const REFUSAL_TEXT_BYTES_MAX = 256;

/** What steers terminals, breaks lines or turns the direction of writing. */
const UNSHOWN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Longest frame that may come before a connection knows who is at its other end, in bytes. */
export const HELLO_FRAME_BYTES_MAX: number = FRAME_HEADER_BYTES + 1 + REFUSAL_TEXT_BYTES_MAX;

export function encodeHello(writer: Writer, hello: Hello): void {
  const start = beginFrame(writer, FrameKind.hello, hello.version);
  writer.u8(hello.role);
  writer.u16(hello.replicaId);
  writer.u16(hello.wantedId);
  writer.uuid(hello.clusterId);
  writer.uuid(hello.storeUuid);
  writer.u64(hello.configurationNumber);
  if (hello.version >= OPENING_SINCE) {
    writer.u64(hello.opening.incarnation);
    writer.u64(hello.opening.generation);
    writer.u64(hello.opening.nonce);
  }
  if (hello.version >= SALT_SINCE) writer.append(hello.salt);
  if (hello.version >= RANGE_SINCE) writer.u16(hello.versionMin);
  writer.append(hello.added);
  sealFrame(writer, start);
}

export function encodeChallenge(writer: Writer, { version, salt }: Challenge): void {
  const start = beginFrame(writer, FrameKind.challenge, version);
  writer.append(salt);
  sealFrame(writer, start);
}

/** `version` is the one that both ends speak. */
export function encodeProof(writer: Writer, { bytes }: Proof, version: number = PROTOCOL_VERSION): void {
  const start = beginFrame(writer, FrameKind.proof, version);
  writer.append(bytes);
  sealFrame(writer, start);
}

export function encodeRefusal(writer: Writer, refusal: Refusal): void {
  const start = beginFrame(writer, FrameKind.refusal);
  writer.u8(refusal.code);
  writer.append(Buffer.from(refusal.text).subarray(0, REFUSAL_TEXT_BYTES_MAX));
  sealFrame(writer, start);
}

/**
 * One of the first words of a connection.
 * @throws ERR_INDELIBLE_FRAME when it is none of them.
 */
export function decodeGreeting(
  version: number,
  kind: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): Greeting {
  const reader = new Reader(bytes, start, end);
  const greeting = readGreeting(version, kind, reader);
  reader.finish();
  return greeting;
}

function readGreeting(version: number, kind: number, reader: Reader): Greeting {
  switch (kind) {
    case FrameKind.hello:
      return readHello(version, reader);
    case FrameKind.refusal:
      return readRefusal(reader);
    case FrameKind.challenge:
      return { type: 'challenge', version, salt: reader.view(SALT_BYTES) };
    case FrameKind.proof:
      return { type: 'proof', bytes: reader.view(PROOF_BYTES) };
    default:
      throw frameError(`a connection begins with a frame of kind ${kind}`);
  }
}

function readHello(version: number, reader: Reader): Hello {
  const role = reader.u8();
  if (role !== HelloRole.replica && role !== HelloRole.client && role !== HelloRole.frontEnd) {
    throw frameError(`a hello of role ${role}`);
  }
  return {
    type: 'hello',
    version,
    role,
    replicaId: reader.u16(),
    wantedId: reader.u16(),
    clusterId: reader.uuid(),
    storeUuid: reader.uuid(),
    configurationNumber: reader.u64(),
    opening: version < OPENING_SINCE ? NO_OPENING : readOpening(reader),
    salt: version < SALT_SINCE ? NO_SALT : reader.view(SALT_BYTES),
    versionMin: version < RANGE_SINCE ? version : reader.within(reader.u16(), version, 'the oldest version'),
    added: version <= PROTOCOL_VERSION ? NO_BYTES : reader.rest(ADDED_BYTES_MAX, 'what a hello adds'),
  };
}

function readOpening(reader: Reader): Opening {
  return { incarnation: reader.u64(), generation: reader.u64(), nonce: reader.u64() };
}

function readRefusal(reader: Reader): Refusal {
  const code = reader.within(reader.u8(), RefusalCode.removed, 'a refusal code') as RefusalCode;
  const text = reader.rest(REFUSAL_TEXT_BYTES_MAX, 'the length of a refusal');
  // It goes to terminals and logs.
  return { type: 'refusal', code, text: new TextDecoder().decode(text).replace(UNSHOWN, '\ufffd') };
}
