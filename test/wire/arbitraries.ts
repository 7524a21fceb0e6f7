/** Arbitrary messages of every kind, for the property tests of the wire. */
import fc from 'fast-check';
import {
  BALLOT_REPLICA_BITS,
  BALLOT_ROUND_HEARD_MAX,
  CHECKPOINT_CHUNK_BYTES_MAX,
  SLOT_HEARD_MAX,
} from '../../lib/limits.js';
import { encodeChange } from '../../lib/paxos/configuration-batch.js';
import type { Message } from '../../lib/paxos/messages.js';
import type { Ballot, BatchKind, Digest, SlotRange, Vote } from '../../lib/types.js';
import { checkBody, ENTRY_HEADER_BYTES } from '../../lib/wire/body.js';
import {
  BackupWhat,
  type ClientMessage,
  MembersOutcome,
  SkipOutcome,
} from '../../lib/wire/client-messages.js';
import { type Hello, type Refusal, RefusalCode, SALT_BYTES } from '../../lib/wire/hello-codec.js';

const time = fc.nat(2 ** 31 - 1).map((high) => high * 2 ** 12);
const safe = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(1000),
  fc.constantFrom(0, 1, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
);
/** What a decoder takes for one. */
const slot = safe.map((value) => value % (SLOT_HEARD_MAX + 1));
const ballot = safe.map(
  (value) => (value % ((BALLOT_ROUND_HEARD_MAX + 1) * 2 ** BALLOT_REPLICA_BITS)) as Ballot,
);
const digest = fc.maxSafeNat().map((value) => (value % 2 ** 52) as Digest);
const bytes = fc.uint8Array({ maxLength: 300 });
const member = { id: 3, storeUuid: '3'.padStart(32, '0'), address: 'three.example:4003' };
const batch: fc.Arbitrary<{ readonly kind: BatchKind; readonly bytes: Uint8Array }> = fc.oneof(
  fc.record({ kind: fc.constantFrom<BatchKind>(0, 1), bytes }),
  fc.record({
    kind: fc.constant<BatchKind>(2),
    bytes: fc.nat(2 ** 32 - 1).map((number) => encodeChange({ number, members: [member], cookie: 'a' })),
  }),
);
const id = fc.nat(0xffff);
export const uuid: fc.Arbitrary<string> = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((view) => Buffer.from(view).toString('hex'));

const vote: fc.Arbitrary<Vote> = fc
  .record({ slot, ballot, digest, batch, available: fc.boolean() })
  .map(({ batch: { kind, bytes }, available, ...at }) => ({
    ...at,
    kind,
    bytes: available ? bytes : undefined,
  }));
const range: fc.Arbitrary<SlotRange> = fc
  .tuple(slot, slot)
  .map(([a, b]) => ({ from: Math.min(a, b), through: Math.max(a, b) }));

/** A part of an answer: what it speaks of is within its slots. */
const promised: fc.Arbitrary<Message> = fc
  .record({
    ballot,
    attempt: fc.nat(2 ** 32 - 1),
    slots: range,
    isLast: fc.boolean(),
    trimThrough: slot,
    learnedThrough: slot,
    configuration: fc.nat(2 ** 32 - 1),
    votes: fc.array(vote, { maxLength: 5 }),
    uncertain: fc.array(range, { maxLength: 5 }),
  })
  .map(({ slots, votes, uncertain, ...fields }) => {
    const { from, through } = slots;
    const within = (slot: number) => Math.min(Math.max(slot, from), through);
    return {
      type: 'promised' as const,
      ...fields,
      fromSlot: from,
      throughSlot: through,
      votes: votes.map((one) => ({ ...one, slot: within(one.slot) })),
      uncertain: uncertain.map((one) => ({ from: within(one.from), through: within(one.through) })),
    };
  });

const checkpointName = { checkpointId: safe, throughSlot: slot, digest };

const type = <T extends string>(name: T): fc.Arbitrary<T> => fc.constant(name);

export const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ type: type('canvass'), ballot, learnedThrough: slot, configuration: fc.nat(2 ** 32 - 1) }),
  fc.record({ type: type('canvassed'), ballot }),
  fc.record({
    type: type('prepare'),
    ballot,
    attempt: fc.nat(2 ** 32 - 1),
    fromSlot: slot,
    configuration: fc.nat(2 ** 32 - 1),
  }),
  promised,
  fc.record({ type: type('rejected'), ballot, promised: ballot }),
  fc
    .record({ type: type('accept'), ballot, slot, batch, digest, learnedThrough: slot })
    .map(({ batch, ...fields }) => ({ ...fields, ...batch })),
  fc.record({ type: type('accepted'), ballot, fromSlot: slot, throughSlot: slot }),
  fc.record({
    type: type('heartbeat'),
    ballot,
    round: safe,
    learnedThrough: slot,
    chainSlot: slot,
    chain: digest,
    lastSlot: slot,
  }),
  fc.record({
    type: type('heartbeaten'),
    ballot,
    round: safe,
    coveredThrough: slot,
    learnedThrough: slot,
    appliedThrough: slot,
    trimThrough: slot,
    isShort: fc.boolean(),
  }),
  fc.record({ type: type('index'), ballot, life: safe, readId: safe }),
  fc.record({ type: type('indexed'), life: safe, readId: safe, slot }),
  fc.record({ type: type('fetch'), fromSlot: slot, throughSlot: slot }),
  fc.record({
    type: type('chosen'),
    fromSlot: slot,
    votes: fc.array(vote, { maxLength: 5 }),
    learnedThrough: slot,
  }),
  fc.record({
    type: type('checkpointOffer'),
    ...checkpointName,
    lengthBytes: safe.map((value) => Math.max(1, value)),
  }),
  fc.record({
    type: type('checkpointFetch'),
    ...checkpointName,
    offset: safe,
    bytesMax: fc.integer({ min: 1, max: CHECKPOINT_CHUNK_BYTES_MAX }),
  }),
  fc
    .record({ type: type('checkpointChunk'), ...checkpointName, offset: fc.nat(), bytes })
    .map((fields) => ({ ...fields, lengthBytes: fields.offset + fields.bytes.length })),
  fc.record({ type: type('handOver'), ballot }),
  fc.record({ type: type('clock'), sentMs: safe, timeMs: time }),
  fc.record({ type: type('clocked'), sentMs: safe, wallMs: time, timeMs: time }),
);

/** A body of these entries. */
export function bodyOf(entries: readonly Uint8Array[]): Uint8Array {
  const parts = entries.flatMap((entry) => {
    const header = Buffer.alloc(ENTRY_HEADER_BYTES);
    header.writeUInt32LE(entry.length);
    return [header, entry];
  });
  const body = new Uint8Array(Buffer.concat(parts));
  checkBody(body, 0, body.length, entries.length, 2 ** 31);
  return body;
}

const change = fc
  .uniqueArray(fc.integer({ min: 1, max: 0xffff }), { minLength: 1, maxLength: 5 })
  .chain((ids) =>
    fc.record({
      number: fc.nat(),
      members: fc.tuple(...ids.map((each) => fc.record({ id: fc.constant(each), storeUuid: uuid }))),
      highestId: fc.constant(Math.max(...ids)),
      cookie: fc.string({ maxLength: 40 }),
    }),
  );

const entries = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 20 });
const first = fc.maxSafeNat().map((value) => value % 2 ** 52);

export const clientMessage: fc.Arbitrary<ClientMessage> = fc.oneof(
  fc
    .tuple(fc.constantFrom('submit', 'query'), first, safe, safe, entries)
    .map(([name, number, lead, deadlineMs, list]) => {
      return { type: name, first: number, count: list.length, lead, deadlineMs, body: bodyOf(list) };
    }),
  fc.tuple(first, entries).map(([number, list]) => ({
    type: 'outcomes' as const,
    first: number,
    count: list.length,
    outcome: 0 as const,
    body: bodyOf(list),
  })),
  fc.record({
    type: type('outcomes'),
    first,
    count: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    outcome: fc.constantFrom<1 | 2 | 3>(1, 2, 3),
    body: fc.constant(new Uint8Array(0)),
  }),
  fc.record({ type: type('leaderIs'), leader: id, lead: safe, clockMs: safe }),
  fc.record({ type: type('statusRequest') }),
  fc.record({ type: type('relay') }),
  fc.record({ type: type('statusReply'), body: bytes }),
  fc.record({
    type: type('skipRequest'),
    slot: fc.nat(),
    ordinal: fc.nat(),
    reason: fc.string({ unit: 'grapheme', maxLength: 40 }),
  }),
  fc.record({
    type: type('skipReply'),
    outcome: fc.constantFrom(...Object.values(SkipOutcome)),
    sentence: fc.string({ maxLength: 100 }),
  }),
  fc.record({
    type: type('backupRequest'),
    what: fc.constantFrom(...Object.values(BackupWhat)),
    at: safe,
  }),
  fc.record({ type: type('backupReply'), isGiven: fc.boolean(), body: bytes }),
  fc.record({ type: type('membersRequest'), change }),
  fc.record({ type: type('leadRequest'), replica: id }),
  fc.record({
    type: type('membersReply'),
    outcome: fc.constantFrom(...Object.values(MembersOutcome)),
    sentence: fc.string({ maxLength: 100 }),
  }),
);

export const hello: fc.Arbitrary<Hello> = fc
  .record({
    type: type('hello'),
    version: fc.nat(0xffff),
    versionMin: fc.nat(0xffff),
    role: fc.constantFrom<1 | 2 | 3>(1, 2, 3),
    replicaId: id,
    wantedId: id,
    clusterId: uuid,
    storeUuid: uuid,
    configurationNumber: safe,
    opening: fc.record({ incarnation: safe, generation: safe, nonce: safe }),
    salt: fc.uint8Array({ minLength: SALT_BYTES, maxLength: SALT_BYTES }),
    added: fc.uint8Array({ maxLength: 40 }),
  })
  .map((hello) => ({ ...hello, versionMin: Math.min(hello.version, hello.versionMin) }));

export const refusal: fc.Arbitrary<Refusal> = fc.record({
  type: type('refusal'),
  code: fc.constantFrom(...Object.values(RefusalCode)),
  text: fc.string({ maxLength: 60 }),
});
