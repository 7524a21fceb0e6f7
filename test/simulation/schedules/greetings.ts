/** Attacks on the greeting of two ends that have a key: whoever has none is greeted nowhere. */
import { nodeRuntime } from '../../../lib/runtime.js';
import { placeCall, receiveCall } from '../../../lib/transport/greeting.js';
import { newLinkCounters } from '../../../lib/transport/link.js';
import { type ClusterKeys, clusterKeys } from '../../../lib/transport/proof.js';
import { FRAME_HEADER_BYTES, NO_BYTES } from '../../../lib/wire/frame.js';
import type { Hello } from '../../../lib/wire/hello-codec.js';
import {
  decodeGreeting,
  encodeChallenge,
  encodeHello,
  encodeProof,
  encodeRefusal,
  HelloRole,
  NO_OPENING,
  NO_SALT,
  RefusalCode,
} from '../../../lib/wire/hello-codec.js';
import { FrameKind, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from '../../../lib/wire/protocol.js';
import { Writer } from '../../../lib/wire/writer.js';
import { End } from './end.js';
import { mustBe, type Schedule } from './schedule.js';

const KEYS = clusterKeys(Buffer.alloc(32, 'ours'));
const OTHERS = clusterKeys(Buffer.alloc(32, 'others'));
const CALLER: Hello = {
  type: 'hello',
  version: PROTOCOL_VERSION,
  versionMin: PROTOCOL_VERSION_MIN,
  role: HelloRole.replica,
  replicaId: 1,
  wantedId: 2,
  clusterId: '01'.repeat(16),
  storeUuid: '02'.repeat(16),
  configurationNumber: 1,
  opening: NO_OPENING,
  salt: NO_SALT,
  added: NO_BYTES,
};
const LISTENER: Hello = { ...CALLER, replicaId: 2, wantedId: 0, storeUuid: '03'.repeat(16) };

/** What became of a greeting. */
interface Fate {
  greeted: boolean;
  reason: string;
}

const PLACE = {
  remote: 'there',
  counters: newLinkCounters(),
  helloMsMax: 1e9,
  runtime: { ...nodeRuntime, after: () => ({ cancel() {}, unref: () => PLACE.runtime.after() }) },
};

function listen(end: End, keys: ClusterKeys = KEYS): Fate {
  const fate: Fate = { greeted: false, reason: '' };
  receiveCall(end.socket, PLACE as never, {
    keys,
    hello: () => LISTENER,
    refusalOf: () => undefined,
    greeted: () => {
      fate.greeted = true;
    },
    failed: (_, error) => {
      fate.reason = error.message;
    },
  });
  return fate;
}

function call(end: End, hello: Hello = CALLER, key: Uint8Array = KEYS.replicas): Fate {
  const fate: Fate = { greeted: false, reason: '' };
  placeCall(end.socket, PLACE as never, {
    key,
    hello,
    refusalOf: () => undefined,
    greeted: () => {
      fate.greeted = true;
    },
    failed: (_, error) => {
      fate.reason = error.message;
    },
  });
  return fate;
}

/** Passes on what both say until neither says anything more. */
function connect(caller: End, listener: End, change: (bytes: Buffer) => Buffer = (bytes) => bytes): void {
  for (let i = 0; i < 10; i++) {
    for (const bytes of caller.take()) listener.give(change(bytes));
    for (const bytes of listener.take()) caller.give(bytes);
  }
}

function words(...each: readonly ((writer: Writer) => void)[]): Buffer {
  const writer = new Writer();
  for (const word of each) word(writer);
  return Buffer.from(writer.bytes.subarray(0, writer.length));
}

/** A replica with `key` says hello to one with the cluster's: both are greeted, or neither. */
function meeting(key: Uint8Array, greeted: boolean, what: string): void {
  const [caller, listener] = [new End(), new End()];
  const fates = [listen(listener), call(caller, CALLER, key)];
  connect(caller, listener);
  mustBe(
    fates.map((fate) => fate.greeted),
    [greeted, greeted],
    what,
  );
}

function repeated(): void {
  const [caller, listener] = [new End(), new End()];
  listen(listener);
  call(caller);
  const said: Buffer[] = [];
  connect(caller, listener, (bytes) => {
    said.push(bytes);
    return bytes;
  });
  const again = new End();
  const fate = listen(again);
  for (const bytes of said) again.give(bytes);
  mustBe(fate.greeted, false, 'what was said on another connection lets nobody in');
}

function changed(): void {
  const [caller, listener] = [new End(), new End()];
  const fate = listen(listener);
  call(caller);
  let first = true;
  connect(caller, listener, (bytes) => {
    if (!first) return bytes;
    first = false;
    // The salt is that of the hello; everything else is somebody else's.
    const { hello } = FrameKind;
    const said = decodeGreeting(PROTOCOL_VERSION, hello, bytes, FRAME_HEADER_BYTES, bytes.length);
    const { salt } = said as Hello;
    const other = { ...CALLER, replicaId: 3, storeUuid: '04'.repeat(16), salt };
    return words((writer) => encodeHello(writer, other));
  });
  mustBe(fate.greeted, false, 'a hello that was changed on the way is not proven');
}

function reflected(): void {
  const caller = new End();
  const fate = call(caller);
  const salt = Buffer.alloc(32, 7);
  caller.take();
  caller.give(
    words((writer) => encodeChallenge(writer, { type: 'challenge', version: PROTOCOL_VERSION, salt })),
  );
  const proof = Buffer.concat(caller.take()).subarray(-32);
  caller.give(
    words(
      (writer) => encodeHello(writer, { ...LISTENER, salt }),
      (writer) => encodeProof(writer, { type: 'proof', bytes: proof }),
    ),
  );
  mustBe(fate.greeted, false, 'who sends back what the caller proved is not greeted');
}

function between(): void {
  const [caller, listener] = [new End(Buffer.alloc(32, 1)), new End(Buffer.alloc(32, 2))];
  const fates = [listen(listener), call(caller)];
  connect(caller, listener);
  mustBe(
    fates.map(({ greeted }) => greeted),
    [false, false],
    'a greeting passed on from one sealed connection to another',
  );
}

function refused(): void {
  const caller = new End();
  const fate = call(caller);
  caller.take();
  const refusal = { type: 'refusal', code: RefusalCode.staleStore, text: 'format it again' } as const;
  caller.give(
    words((writer) =>
      encodeChallenge(writer, { type: 'challenge', version: PROTOCOL_VERSION, salt: NO_SALT }),
    ),
  );
  caller.give(
    words(
      (writer) => encodeRefusal(writer, refusal),
      (writer) => encodeProof(writer, { type: 'proof', bytes: NO_SALT }),
    ),
  );
  mustBe(fate.reason.includes('format it again'), false, 'a refusal of who has not the key is not believed');
}

export const greetings: readonly Schedule[] = [
  {
    name: 'two ends with the key of the cluster meet',
    run: () => meeting(KEYS.replicas, true, 'two ends with one key meet'),
  },
  {
    name: 'who has another key says hello',
    run: () => meeting(OTHERS.replicas, false, 'who has another key is greeted by nobody'),
  },
  {
    name: 'a client says that it is a replica',
    run: () => meeting(KEYS.clients, false, 'the key of clients makes no replica'),
  },
  { name: 'a greeting is said again on another connection', run: repeated },
  { name: 'a hello is changed on the way', run: changed },
  { name: 'a proof is sent back to who made it', run: reflected },
  { name: 'a greeting is passed on between two sealed connections', run: between },
  { name: 'who has not the key refuses', run: refused },
];
