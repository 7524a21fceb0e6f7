/**
 * The first talk on every link: both ends say who they are and prove that they have the cluster's key, within
 * a bounded time.
 *
 *   caller                                    listener
 *   hello, with a salt              ──▶       version and key judged
 *                                   ◀──       challenge: its salt
 *   proof                           ──▶       compared; then the hello is judged
 *                                   ◀──       hello, proof      (or refusal, proof)
 *   proof compared, hello judged
 *
 * Where neither end has a key, both hellos are all; where one has, both must.
 *
 * 1. Exactly one of `greeted` and `failed` is called, once.
 * 2. Until then no frame longer than a hello is taken in (the link sees to that), and none but hello,
 *    challenge, proof and refusal is decoded.
 * 3. A listener with a key tells who has not proven that it has it nothing but its salt, and why it is
 *    refused: its version, or the key.
 * 4. What a proof covers stands in proof.ts.
 * 5. Of who has not proven that it has the key, a refusal is believed only for its version, the time, the key
 *    or the certificate, and only by whom it concerns. Any other one takes a proof of its own.
 * 6. A caller whose certificate is not accepted, or not that of the replica it says it is, is refused before
 *    a proof is asked for. A listener with such a certificate hears nothing at all (tls.ts).
 *
 * | end | state | holds | next |
 * |---|---|---|---|
 * | listener | waiting | nothing | a hello |
 * | listener | challenged | the caller's hello | a proof |
 * | caller | said | its hello | a challenge; without a key a hello |
 * | caller | proved | the listener's salt | a hello, or a refusal |
 * | caller | refused | the listener's refusal | a proof |
 * | caller | answered | the listener's hello | a proof |
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import type { Runtime, Timer } from '../runtime.js';
import { NO_BYTES } from '../wire/frame.js';
import type { FrameDecoder } from '../wire/frame-decoder.js';
import type { Greeting, Hello, Refusal } from '../wire/hello-codec.js';
import {
  decodeGreeting,
  encodeChallenge,
  encodeHello,
  encodeProof,
  encodeRefusal,
  HelloRole,
  NO_SALT,
  RefusalCode,
} from '../wire/hello-codec.js';
import { frameError } from '../wire/reader.js';
import { Writer } from '../wire/writer.js';
import { faultOfNames } from './certificate.js';
import { refusalOfVersion, strangerError, versionToSpeak } from './hello.js';
import type { LinkCounters, Talk } from './link.js';
import { Link } from './link.js';
import type { ClusterKeys, Greeted } from './proof.js';
import { isSameProof, keyFor, newSalt, proofOfCaller, proofOfListener, proofOfRefusal } from './proof.js';
import type { Seal } from './seal.js';
import { isTlsRecord, tlsError } from './socket-error.js';
import type { Socket } from './sockets.js';

const NOT_THE_KEY = 'who answers has not the key of this cluster';

export interface GreetingPlace {
  /** Address of the other end, for people. */
  readonly remote: string;
  readonly counters: LinkCounters;
  readonly helloMsMax: number;
  readonly runtime: Runtime;
}

export interface ListenerParty {
  /** Undefined: no key is asked for. */
  readonly keys: ClusterKeys | undefined;
  /** What the listener says of itself. */
  hello(): Hello;
  /** Why a caller who has the key is refused all the same. */
  refusalOf(caller: Hello): Refusal | undefined;
  greeted(link: Link, caller: Hello): void;
  /** The link ends. `refusal` says why, where the caller was told. */
  failed(link: Link, error: IndelibleError, refusal?: Refusal): void;
}

export interface CallerParty {
  /** Of what this caller is: a replica's or a client's. Undefined: none is offered. */
  readonly key: Uint8Array | undefined;
  readonly hello: Hello;
  /** Why a listener who has the key is refused all the same. */
  refusalOf(listener: Hello): Refusal | undefined;
  greeted(link: Link, listener: Hello): void;
  /** The link ends. `refusal` says why, where either end refuses the other. */
  failed(link: Link, error: IndelibleError, refusal?: Refusal): void;
}

/** Makes a link of a socket that was accepted, and waits for who calls. */
export function receiveCall(socket: Socket, place: GreetingPlace, party: ListenerParty): Link {
  return new ListenerGreeting(socket, place, party).link;
}

/** Makes a link of a socket that is opening, and says hello. */
export function placeCall(socket: Socket, place: GreetingPlace, party: CallerParty): Link {
  const greeting = new CallerGreeting(socket, place, party);
  greeting.begin();
  return greeting.link;
}

abstract class GreetingTalk implements Talk<Greeting> {
  readonly link: Link;
  protected readonly socket: Socket;
  readonly #timer: Timer;
  #over = false;

  constructor(socket: Socket, { remote, counters, helloMsMax, runtime }: GreetingPlace) {
    this.socket = socket;
    this.link = new Link(socket, remote, counters, this, runtime);
    this.#timer = runtime.after(helloMsMax, () => {
      const text = `no hello within ${helloMsMax} ms`;
      this.refuse({ type: 'refusal', code: RefusalCode.noHello, text }, networkError(remote, text));
      // Who does not say hello need not read the refusal either.
      this.link.destroy();
    });
  }

  /** The other end refuses; what it says is believed as far as it goes. */
  protected refused(refusal: Refusal): void {
    if (this.isBelieved(refusal)) this.fail(strangerError(refusal, this.link.remote), refusal);
    else this.outOfTurn(refusal);
  }

  protected abstract isBelieved(refusal: Refusal): boolean;

  /** Takes the next word; nothing comes after `end`. */
  protected abstract heard(greeting: Greeting): void;
  protected abstract failed(error: IndelibleError, refusal: Refusal | undefined): void;

  first(chunk: Buffer): void {
    if (isTlsRecord(chunk))
      this.fail(tlsError(this.link.remote, 'TLS is spoken there, and none here (--tls)'));
  }

  decode(frame: FrameDecoder): Greeting {
    return decodeGreeting(frame.version, frame.kind, frame.bytes, frame.start, frame.end);
  }

  receive(greeting: Greeting): void {
    if (this.#over) return;
    if (greeting.type === 'refusal') this.refused(greeting);
    else this.heard(greeting);
  }

  settled(): void {}

  drained(): void {}

  closed(error: IndelibleError | undefined): void {
    this.fail(error ?? networkError(this.link.remote, `closed before a hello${this.guess}`));
  }

  protected send(...words: readonly ((writer: Writer) => void)[]): void {
    const writer = new Writer(160);
    for (const word of words) word(writer);
    this.link.add(writer.bytes, writer.length);
    this.link.flush();
  }

  /** Why the other end may have hung up without a word. */
  protected abstract get guess(): string;

  /** What the proofs on this connection are bound to. */
  protected get binding(): Uint8Array {
    return this.socket.seal?.().binding ?? NO_BYTES;
  }

  protected outOfTurn({ type }: Greeting): void {
    this.fail(frameError(`a ${type} out of turn`));
  }

  /** From here on the newest version that both ends speak. @returns false if there is none: it is refused */
  protected speak(hello: Hello): boolean {
    const version = versionToSpeak(hello);
    if (version === undefined) this.refuse(refusalOfVersion(hello));
    else this.link.version = version;
    return version !== undefined;
  }

  /** The greeting has come to its end. @returns false if it had before. */
  protected end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#timer.cancel();
    return true;
  }

  protected fail(error: IndelibleError, refusal?: Refusal): void {
    if (!this.end()) return;
    this.link.destroy();
    this.failed(error, refusal);
  }

  /** Says why, then closes. */
  protected refuse(
    refusal: Refusal,
    error: IndelibleError = strangerError(refusal, this.link.remote),
    proof?: Uint8Array,
  ): void {
    if (!this.end()) return;
    const writer = new Writer(128);
    encodeRefusal(writer, refusal);
    if (proof !== undefined) encodeProof(writer, { type: 'proof', bytes: proof }, this.link.version);
    this.link.add(writer.bytes, writer.length);
    this.link.end();
    this.failed(error, refusal);
  }
}

class ListenerGreeting extends GreetingTalk {
  readonly #party: ListenerParty;
  #greeted: Greeted | undefined;

  constructor(socket: Socket, place: GreetingPlace, party: ListenerParty) {
    super(socket, place);
    this.#party = party;
  }

  protected heard(greeting: Greeting): void {
    const greeted = this.#greeted;
    if (greeted === undefined && greeting.type === 'hello') this.#called(greeting);
    else if (greeted !== undefined && greeting.type === 'proof') this.#proved(greeted, greeting.bytes);
    else this.outOfTurn(greeting);
  }

  protected failed(error: IndelibleError, refusal: Refusal | undefined): void {
    this.#party.failed(this.link, error, refusal);
  }

  /** Who has proven itself is greeted, and refuses nothing here any more. */
  protected isBelieved(refusal: Refusal): boolean {
    return this.#party.keys === undefined || isOfStrangers(refusal);
  }

  protected get guess(): string {
    return this.socket.seal === undefined ? '' : ': it may not accept the certificate here';
  }

  #called(caller: Hello): void {
    const { keys } = this.#party;
    const seal = this.socket.seal?.();
    if (!this.speak(caller)) return;
    const refusal = refusalOfSeal(caller, seal) ?? refusalOfKey(caller, keys !== undefined);
    if (refusal !== undefined) return this.refuse(refusal);
    if (keys === undefined) return this.#judge(caller, undefined);
    const salt = newSalt();
    this.#greeted = { caller, listenerSalt: salt, binding: this.binding };
    this.send((writer) => encodeChallenge(writer, { type: 'challenge', version: this.link.version, salt }));
  }

  #proved(greeted: Greeted, proof: Uint8Array): void {
    const key = keyFor(this.#party.keys!, greeted.caller.role);
    if (isSameProof(proof, proofOfCaller(key, greeted))) this.#judge(greeted.caller, greeted);
    else this.refuse(keyRefusal('the key is not that of this cluster, or of another kind'));
  }

  #judge(caller: Hello, greeted: Greeted | undefined): void {
    const refusal = this.#party.refusalOf(caller);
    if (refusal !== undefined) {
      const proof = greeted && proofOfRefusal(keyFor(this.#party.keys!, caller.role), greeted, refusal);
      return this.refuse(refusal, undefined, proof);
    }
    this.end();
    if (greeted === undefined) {
      this.send((writer) => encodeHello(writer, this.#party.hello()));
    } else {
      const hello = { ...this.#party.hello(), salt: greeted.listenerSalt };
      const key = keyFor(this.#party.keys!, caller.role);
      const bytes = proofOfListener(key, greeted, hello);
      this.send(
        (writer) => encodeHello(writer, hello),
        (writer) => encodeProof(writer, { type: 'proof', bytes }, this.link.version),
      );
    }
    this.#party.greeted(this.link, caller);
  }
}

class CallerGreeting extends GreetingTalk {
  readonly #party: CallerParty;
  readonly #hello: Hello;
  #greeted: Greeted | undefined;
  #listener: Hello | undefined;
  /** Not proven yet. */
  #refusal: Refusal | undefined;

  constructor(socket: Socket, place: GreetingPlace, party: CallerParty) {
    super(socket, place);
    this.#party = party;
    this.#hello = party.key === undefined ? party.hello : { ...party.hello, salt: newSalt() };
  }

  begin(): void {
    this.send((writer) => encodeHello(writer, this.#hello));
  }

  protected heard(greeting: Greeting): void {
    const { key } = this.#party;
    const greeted = this.#greeted;
    const listener = this.#listener;
    const refusal = this.#refusal;
    if (refusal !== undefined) this.#refusalProved(refusal, greeting);
    else if (listener !== undefined && greeting.type === 'proof') this.#proved(listener, greeting.bytes);
    else if (listener === undefined && greeting.type === 'hello') this.#answered(greeting);
    else if (key !== undefined && greeted === undefined && greeting.type === 'challenge') {
      this.link.version = greeting.version;
      this.#greeted = { caller: this.#hello, listenerSalt: greeting.salt, binding: this.binding };
      const bytes = proofOfCaller(key, this.#greeted);
      this.send((writer) => encodeProof(writer, { type: 'proof', bytes }, this.link.version));
    } else this.outOfTurn(greeting);
  }

  protected failed(error: IndelibleError, refusal: Refusal | undefined): void {
    this.#party.failed(this.link, error, refusal);
  }

  protected get guess(): string {
    return this.socket.seal === undefined ? ': it may speak TLS only (--tls)' : '';
  }

  protected isBelieved(refusal: Refusal): boolean {
    return this.#party.key === undefined || isOfStrangers(refusal);
  }

  protected override refused(refusal: Refusal): void {
    if (this.isBelieved(refusal) || this.#greeted === undefined) super.refused(refusal);
    else this.#refusal = refusal;
  }

  #refusalProved(refusal: Refusal, greeting: Greeting): void {
    const { key } = this.#party;
    if (greeting.type !== 'proof') return this.outOfTurn(greeting);
    const expected = proofOfRefusal(key!, this.#greeted!, refusal);
    if (isSameProof(greeting.bytes, expected)) this.fail(strangerError(refusal, this.link.remote), refusal);
    else this.fail(strangerError(keyRefusal(NOT_THE_KEY), this.link.remote));
  }

  #answered(listener: Hello): void {
    if (!this.speak(listener)) return;
    if (this.#party.key === undefined) return this.#judge(listener);
    // Who has a key takes nobody who asks for no proof.
    if (this.#greeted === undefined) return this.refuse(keyRefusal('who answers has asked for no key'));
    this.#listener = listener;
  }

  #proved(listener: Hello, proof: Uint8Array): void {
    const expected = proofOfListener(this.#party.key!, this.#greeted!, listener);
    if (isSameProof(proof, expected)) this.#judge(listener);
    else this.refuse(keyRefusal(NOT_THE_KEY));
  }

  #judge(listener: Hello): void {
    const refusal = this.#party.refusalOf(listener);
    if (refusal !== undefined) return this.refuse(refusal);
    this.end();
    this.#party.greeted(this.link, listener);
  }
}

function refusalOfSeal({ role, replicaId }: Hello, seal: Seal | undefined): Refusal | undefined {
  const names = role === HelloRole.client ? undefined : seal?.replicas;
  const fault = seal?.fault ?? (names === undefined ? undefined : faultOfNames(names, replicaId));
  return fault === undefined ? undefined : { type: 'refusal', code: RefusalCode.certificate, text: fault };
}

function refusalOfKey({ salt }: Hello, isAsked: boolean): Refusal | undefined {
  const isOffered = Buffer.compare(salt, NO_SALT) !== 0;
  if (isOffered === isAsked) return undefined;
  return keyRefusal(
    isAsked ? 'the key of the cluster is asked for, and none was offered' : 'this replica runs without a key',
  );
}

/** What may be said by who has proven nothing: it gives nobody away, and there is nobody to believe. */
function isOfStrangers({ code }: Refusal): boolean {
  const { version, noHello, key, certificate } = RefusalCode;
  return code === version || code === noHello || code === key || code === certificate;
}

function keyRefusal(text: string): Refusal {
  return { type: 'refusal', code: RefusalCode.key, text };
}

function networkError(remote: string, text: string): IndelibleError {
  return new IndelibleError(ErrorCode.network, `${remote}: ${text}`, { path: remote });
}
