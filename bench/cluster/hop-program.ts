/**
 * The bare two-hop round trip, which no consensus over TCP can beat: client, relay, responder, and back.
 * Plain sockets of Node.js, one message of fixed length under way, nothing read in it and nothing kept.
 *
 * | role      | stands for | does |
 * |-----------|------------|------|
 * | responder | follower   | answers each message with one as long |
 * | relay     | leader     | sends each message of the client to all responders, and back the first answer |
 * | client    | client     | measures |
 */
import { connect, createServer, type Socket } from 'node:net';
import type { RecordableHistogram } from 'node:perf_hooks';
import { built } from '../built.js';
import { latenciesOf, latencyHistogram } from '../latencies.js';

const { Watch } = (await built('replica/watch.js')) as typeof import('../../lib/replica/watch.js');
const { nodeRuntime } = (await built('runtime.js')) as typeof import('../../lib/runtime.js');

export interface HopArgument {
  readonly role: 'responder' | 'relay' | 'client';
  /** Where to listen; 0 for a client. */
  readonly port: number;
  /** Whom to connect to. */
  readonly to: readonly number[];
  /** How long a relay stays awake behind each message, in milliseconds; 0: it sleeps. */
  readonly awakeMs: number;
}

export interface HopOrder {
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** A 64-byte command with the fields and framing that go with it. */
const MESSAGE_BYTES = 112;
const MESSAGE = Buffer.alloc(MESSAGE_BYTES, 'h');

/** Calls `onMessage` once for each whole message. */
function eachMessage(socket: Socket, onMessage: () => void): void {
  let pending = 0;
  socket.setNoDelay(true);
  socket.on('data', (chunk) => {
    pending += chunk.length;
    for (; pending >= MESSAGE_BYTES; pending -= MESSAGE_BYTES) onMessage();
  });
}

function respond(port: number): void {
  createServer((socket) => eachMessage(socket, () => socket.write(MESSAGE))).listen(port, '127.0.0.1', ready);
}

function relay(port: number, to: readonly number[], awakeMs: number): void {
  const watch = new Watch(awakeMs, nodeRuntime);
  let client: Socket | undefined;
  let answered = 0;
  const responders = to.map((responderPort) => {
    const socket = connect(responderPort, '127.0.0.1');
    let answers = 0;
    eachMessage(socket, () => {
      answers++;
      if (answers <= answered) return;
      answered = answers;
      watch.turnBegins();
      client?.write(MESSAGE);
      watch.turnEnded();
    });
    return socket;
  });
  const server = createServer((socket) => {
    client = socket;
    eachMessage(socket, () => {
      watch.turnBegins();
      for (const responder of responders) responder.write(MESSAGE);
      watch.turnEnded();
    });
  });
  server.listen(port, '127.0.0.1', ready);
}

function measure(port: number): void {
  const socket = connect(port, '127.0.0.1', ready);
  let histogram: RecordableHistogram | undefined;
  let endAt = 0;
  let sentAt = 0;
  const send = (): void => {
    sentAt = performance.now();
    socket.write(MESSAGE);
  };
  eachMessage(socket, () => {
    const now = performance.now();
    histogram?.record(Math.max(1, Math.round((now - sentAt) * 1e6)));
    if (now < endAt) return send();
    process.send!(latenciesOf(histogram!));
  });
  process.on('message', ({ warmUpMs, measureMs }: HopOrder) => {
    endAt = performance.now() + warmUpMs + measureMs;
    histogram = latencyHistogram();
    const measured = histogram;
    setTimeout(() => measured.reset(), warmUpMs);
    send();
  });
}

function ready(): void {
  process.send!('ready');
}

process.on('disconnect', () => process.exit());
const { role, port, to, awakeMs } = JSON.parse(process.argv[2]!) as HopArgument;
if (role === 'responder') respond(port);
else if (role === 'relay') relay(port, to, awakeMs);
else measure(to[0]!);
