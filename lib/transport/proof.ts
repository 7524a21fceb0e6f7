/**
 * The proof that both ends of a connection have the cluster's key, made from what they have said:
 *
 *   HMAC-SHA256(key, direction · caller's hello · listener's salt [· listener's hello] [· binding])
 *
 * 1. Each end's proof covers the other's fresh salt: what was said on another connection proves nothing here.
 * 2. It covers everything in both hellos: version, role, ids, cluster, store and opening. None can be changed
 *    on the way.
 * 3. The two directions have different labels: a proof sent back to who made it is none.
 * 4. Where the connection is sealed by TLS, it covers what only that connection's two ends have: who passes a
 *    greeting on between two connections of its own has passed on nothing that counts.
 * 5. Clients and replicas have different keys, of which the clients' follows from the cluster's and not the
 *    other way: a client can never pass for a replica to a replica.
 *
 * It is made once a connection; frames after the greeting cost nothing more.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { argumentError } from '../errors.js';
import type { Hello, Refusal } from '../wire/hello-codec.js';
import { encodeHello, encodeRefusal, HelloRole, SALT_BYTES } from '../wire/hello-codec.js';
import { Writer } from '../wire/writer.js';

export const KEY_BYTES = 32;

/** What a replica makes and checks proofs with. */
export interface ClusterKeys {
  /** Between replicas, be it as peers or as front ends. */
  readonly replicas: Uint8Array;
  /** Between a client and a replica. */
  readonly clients: Uint8Array;
}

/** What one end knows of a greeting when it makes or checks a proof. */
export interface Greeted {
  readonly caller: Hello;
  readonly listenerSalt: Uint8Array;
  /** Of TLS (seal.ts); empty where there is none. */
  readonly binding: Uint8Array;
}

const REPLICAS_LABEL = 'indelible key of replicas';
const CLIENTS_LABEL = 'indelible key of clients';
const CALLER_LABEL = 'indelible proof of the caller';
const REFUSAL_LABEL = 'indelible proof of a refusal';
const LISTENER_LABEL = 'indelible proof of the listener';
const TLS_LABEL = 'indelible key of TLS';

/** A new cluster's key. */
export function newClusterKey(): Uint8Array {
  return randomBytes(KEY_BYTES);
}

/** @throws RangeError for a key of another length */
export function clusterKeys(clusterKey: Uint8Array): ClusterKeys {
  checkKey(clusterKey);
  return { replicas: derived(clusterKey, REPLICAS_LABEL), clients: clientKeyOf(clusterKey) };
}

/** The key that clients of a cluster have: it lets nobody pass for a replica. @throws RangeError as above */
export function clientKeyOf(clusterKey: Uint8Array): Uint8Array {
  checkKey(clusterKey);
  return derived(clusterKey, CLIENTS_LABEL);
}

/** @throws RangeError for a key of another length */
export function checkKey(key: Uint8Array): void {
  if (key.length !== KEY_BYTES) throw argumentError(`a key has ${KEY_BYTES} bytes, not ${key.length}`);
}

/** The key that a caller of that role must have. */
export function keyFor(keys: ClusterKeys, role: HelloRole): Uint8Array {
  return role === HelloRole.client ? keys.clients : keys.replicas;
}

/** What TLS is sealed with by who has that key and no certificate. */
export function tlsKeyOf(key: Uint8Array): Uint8Array {
  return derived(key, TLS_LABEL);
}

export function newSalt(): Uint8Array {
  return randomBytes(SALT_BYTES);
}

export function proofOfCaller(key: Uint8Array, { caller, listenerSalt, binding }: Greeted): Uint8Array {
  return mac(key, CALLER_LABEL, helloBytes(caller), listenerSalt, binding);
}

export function proofOfListener(key: Uint8Array, greeted: Greeted, listener: Hello): Uint8Array {
  const { caller, listenerSalt, binding } = greeted;
  return mac(key, LISTENER_LABEL, helloBytes(caller), listenerSalt, helloBytes(listener), binding);
}

/** Of who was asked and does not want to: the caller believes it nothing else before it has proven itself. */
export function proofOfRefusal(key: Uint8Array, greeted: Greeted, refusal: Refusal): Uint8Array {
  const { caller, listenerSalt, binding } = greeted;
  const writer = new Writer(320);
  encodeRefusal(writer, refusal);
  const said = writer.bytes.subarray(0, writer.length);
  return mac(key, REFUSAL_LABEL, helloBytes(caller), listenerSalt, said, binding);
}

/** Takes the same time wherever the two differ. */
export function isSameProof(given: Uint8Array, expected: Uint8Array): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function derived(key: Uint8Array, label: string): Uint8Array {
  return createHmac('sha256', key).update(label).digest();
}

/** Each part begins with its own length, or has one that never varies; that of the last is 32 or 0. */
function mac(key: Uint8Array, label: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const made = createHmac('sha256', key).update(label);
  for (const part of parts) made.update(part);
  return made.digest();
}

function helloBytes(hello: Hello): Uint8Array {
  const writer = new Writer(160);
  encodeHello(writer, hello);
  return writer.bytes.subarray(0, writer.length);
}
