/**
 * The first talk on every link: waiting, for a bounded time, for the other end to say who it is.
 *
 * 1. Exactly one of `greeted` and `failed` is called, once.
 * 2. Until then no frame longer than a hello is taken in (the link sees to that).
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import type { Runtime, Timer } from '../runtime.js';
import type { FrameDecoder } from '../wire/frame-decoder.js';
import type { Hello, Refusal } from '../wire/hello-codec.js';
import { decodeGreeting, encodeHello, encodeRefusal, RefusalCode } from '../wire/hello-codec.js';
import { Writer } from '../wire/writer.js';
import type { LinkCounters, Talk } from './link.js';
import { Link } from './link.js';
import type { Socket } from './sockets.js';

export interface Greeter {
  greeted(link: Link, greeting: Hello | Refusal): void;
  failed(error: IndelibleError, link: Link): void;
}

/** Makes a link of a socket that is open or opening, and waits for its first words at most `helloMsMax`. */
export function greet(
  socket: Socket,
  remote: string,
  counters: LinkCounters,
  helloMsMax: number,
  runtime: Runtime,
  greeter: Greeter,
): Link {
  const greeting = new Greeting(greeter, remote);
  const link = new Link(socket, remote, counters, greeting, runtime);
  greeting.await(link, helloMsMax, runtime);
  return link;
}

export function sendHello(link: Link, hello: Hello): void {
  const writer = new Writer(128);
  encodeHello(writer, hello);
  link.add(writer.bytes, writer.length);
  link.flush();
}

/** Says why, then closes. */
export function refuse(link: Link, refusal: Refusal): void {
  const writer = new Writer(128);
  encodeRefusal(writer, refusal);
  link.add(writer.bytes, writer.length);
  link.end();
}

class Greeting implements Talk<Hello | Refusal> {
  readonly #greeter: Greeter;
  readonly #remote: string;
  #link: Link | undefined;
  #timer: Timer | undefined;
  #over = false;

  constructor(greeter: Greeter, remote: string) {
    this.#greeter = greeter;
    this.#remote = remote;
  }

  await(link: Link, helloMsMax: number, runtime: Runtime): void {
    this.#link = link;
    this.#timer = runtime.after(helloMsMax, () => {
      const text = `no hello within ${helloMsMax} ms`;
      this.#fail(new IndelibleError(ErrorCode.network, `${this.#remote}: ${text}`, { path: this.#remote }));
      refuse(link, { type: 'refusal', code: RefusalCode.noHello, text });
      // Who does not say hello need not read the refusal either.
      link.destroy();
    });
  }

  decode(frame: FrameDecoder): Hello | Refusal {
    return decodeGreeting(frame.version, frame.kind, frame.bytes, frame.start, frame.end);
  }

  receive(greeting: Hello | Refusal): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#greeter.greeted(this.#link!, greeting);
  }

  settled(): void {}

  drained(): void {}

  closed(error: IndelibleError | undefined): void {
    const lost = new IndelibleError(ErrorCode.network, `${this.#remote}: closed before a hello`, {
      path: this.#remote,
    });
    this.#fail(error ?? lost);
  }

  #fail(error: IndelibleError): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#greeter.failed(error, this.#link!);
  }
}
