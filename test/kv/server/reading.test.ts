/**
 * The way of requests through a connection, driven through random stops: chunks cut anywhere, a service that
 * refuses, answers late, declines and loses, a client that does not read, WATCHes, replies of the port's own
 * that are long. Whenever nothing moves, whoever must wake the connection is there; memory is bounded; and in
 * the end every request has its reply, in order.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLAGS } from '../../../lib/kv/command-format.js';
import { INTERNAL } from '../../../lib/kv/commands/table.js';
import { Output } from '../../../lib/kv/resp/output.js';
import { Reply } from '../../../lib/kv/resp/reply.js';
import { command } from '../../../lib/kv/server/command-command.js';
import { Connection } from '../../../lib/kv/server/connection.js';
import { type KvServerSettings, settingsOf } from '../../../lib/kv/server/options.js';
import { type FlowLimits, stopOf } from '../../../lib/kv/server/reading.js';
import type { Session } from '../../../lib/kv/server/session.js';
import { Outcome } from '../../../lib/replica/service.js';
import { Puppet } from '../puppet-service.js';
import { seeded } from '../random.js';
import { FakeHost } from './fake-host.js';
import { HeldSocket } from './held-socket.js';

const FILE = 'test/kv/server/reading.test.ts';

const LOST = '-TRYAGAIN not executed: the command was not and will not be executed\r\n';
const UNKNOWN = '-UNKNOWN outcome: the command may or may not have been executed\r\n';
/** What is due in an event loop's turn happens in a few of them. */
const TURNS = 4;

/** All that COMMAND says: a long reply that depends on nothing. */
function allCommands(): string {
  const out = new Output();
  command({} as Session, [Buffer.from('COMMAND')], new Reply(out));
  return out.take().toString('latin1');
}

const COMMAND_REPLY = allCommands();

const REQUESTS = [
  'read',
  'write',
  'watch',
  'ping',
  'long',
  'unwanted',
  'transaction',
  'naming',
  'walk',
] as const;
type RequestKind = (typeof REQUESTS)[number];
const OUTCOMES = { done: Outcome.done, declined: Outcome.declined, unknown: Outcome.unknown } as const;
const ACTIONS = ['send', 'refuse', 'admit', 'hold', 'read', 'done', 'declined', 'unknown'] as const;

interface Step {
  readonly action: (typeof ACTIONS)[number];
  readonly count: number;
  readonly requests: readonly RequestKind[];
  /** Where the bytes are cut in two, as a share of them. */
  readonly cut: number;
  /** Whether the event loop turns before the next step. */
  readonly settles: boolean;
}

/** A connection with a service and a client that do as they are told, and what the client should read. */
class Stage {
  readonly puppet: Puppet = new Puppet();
  readonly socket: HeldSocket = new HeldSocket();
  readonly connection: Connection;
  readonly settings: KvServerSettings;
  readonly #expected: (() => string)[] = [];
  /** Keys of requests that the service has lost. */
  readonly #lost: Set<string> = new Set();
  #number = 0;
  #name = '';

  constructor(pipelineMax: number, outputPauseBytes: number) {
    this.settings = settingsOf({ service: this.puppet, port: 0, pipelineMax, outputPauseBytes });
    this.connection = new Connection(1, this.socket.asSocket(), new FakeHost(this.settings));
    this.puppet.reply = (word) => {
      const key = keyOf(word);
      if (key.startsWith('t')) return '*2\r\n+OK\r\n:1\r\n';
      return key.startsWith('w') ? '\0'.repeat(8) : `:${key}\r\n`;
    };
    this.puppet.lost = (word) => this.#lost.add(keyOf(word));
  }

  get received(): string {
    return this.socket.received.replaceAll(UNKNOWN, LOST);
  }

  get expected(): string {
    this.#name = '';
    return this.#expected.map((text) => text()).join('');
  }

  /** The bytes of a request of that kind; what it is answered is remembered. */
  request(kind: RequestKind): string {
    const key = `${this.#number++}`;
    const answered = (name: string, reply: string): void => {
      this.#expected.push(() => (this.#lost.has(name) ? LOST : reply));
    };
    switch (kind) {
      case 'read':
        answered(key, `:${key}\r\n`);
        return `GET ${key}\r\n`;
      case 'walk':
        answered(key, `:${key}\r\n`);
        return `KEYS ${key}\r\n`;
      case 'write':
        answered(key, `:${key}\r\n`);
        return `SET ${key} value\r\n`;
      case 'watch':
        answered(`w${key}`, '+OK\r\n');
        return `WATCH w${key}\r\n`;
      case 'ping':
        answered('', '+PONG\r\n');
        return 'PING\r\n';
      case 'long':
        answered('', COMMAND_REPLY);
        return 'COMMAND\r\n';
      case 'unwanted':
        return 'CLIENT REPLY SKIP\r\nCOMMAND\r\n';
      case 'transaction':
        answered('', '+OK\r\n+QUEUED\r\n+OK\r\n');
        return 'MULTI\r\nPING\r\nDISCARD\r\n';
      case 'naming':
        // What the connection is called hangs on the answer to EXEC.
        answered('', '+OK\r\n+QUEUED\r\n+QUEUED\r\n');
        answered(`t${key}`, '*2\r\n+OK\r\n:1\r\n');
        this.#expected.push(() => {
          if (!this.#lost.has(`t${key}`)) this.#name = key;
          return this.#name === '' ? '$-1\r\n' : `$${this.#name.length}\r\n${this.#name}\r\n`;
        });
        return `MULTI\r\nCLIENT SETNAME ${key}\r\nGET t${key}\r\nEXEC\r\nCLIENT GETNAME\r\n`;
    }
  }

  async settle(): Promise<void> {
    for (let i = 0; i < TURNS || this.connection.stop === 'share'; i++) {
      expect(i, 'turns without an end').toBeLessThan(100_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Nothing moves: whoever wakes the connection is there, and it holds no more than it may. */
  check(): void {
    const { connection, puppet, socket, settings } = this;
    const { stop } = connection;
    const isAwaited = puppet.asked.length > 0 || puppet.owesDrain;
    if (puppet.holdsQueries) expect(socket.holds, 'queries held for a client that has read all').toBe(true);
    if (connection.unsent > 0) expect(isAwaited, 'an unsent run, and nobody who sends it').toBe(true);
    if (connection.outstanding > 0) expect(isAwaited, 'a request, and nobody who answers it').toBe(true);
    if (connection.outstanding === 0) expect(connection.heldBytes, 'own replies').toBe(0);
    if (connection.backlogBytes > 0) expect(socket.holds, 'replies that nobody reads').toBe(true);
    if (stop === 'input') expect(socket.readableLength, 'bytes that nobody takes').toBe(0);
    else expect(stopOf(connection, limitsOf(settings)), 'a stop without a reason').toBeDefined();
    if (connection.awaiting) expect(connection.outstanding, 'a WATCH, an EXEC or a walk').toBeGreaterThan(0);
    if (connection.choked) expect(socket.holds, 'choked by a client that has read all').toBe(true);
    expect(socket.isPaused(), stop).toBe(stop !== 'input' && stop !== 'over');
    const most = settings.outputPauseBytes + COMMAND_REPLY.length + 1024;
    expect(connection.heldBytes).toBeLessThan(most);
    expect(connection.backlogBytes).toBeLessThan(3 * most);
  }

  async step({ action, count, requests, cut, settles }: Step): Promise<void> {
    const { puppet, socket } = this;
    if (action === 'send') {
      const bytes = Buffer.from(requests.map((kind) => this.request(kind)).join(''), 'latin1');
      const at = Math.floor(cut * bytes.length);
      if (at > 0) socket.push(bytes.subarray(0, at));
      socket.push(bytes.subarray(at));
    } else if (action === 'refuse') puppet.refuse = true;
    else if (action === 'admit') puppet.drain();
    else if (action === 'hold') socket.reading = false;
    else if (action === 'read') socket.release();
    else puppet.answer(count, OUTCOMES[action]);
    if (!settles) return;
    await this.settle();
    this.check();
    expect(this.expected.startsWith(this.received)).toBe(true);
  }

  /** Everybody does his part, until nothing moves any more. */
  async complete(): Promise<void> {
    const { puppet, socket, connection } = this;
    do {
      puppet.drain();
      socket.release();
      puppet.answer(3, Outcome.done);
      await this.settle();
      this.check();
    } while (puppet.asked.length > 0 || connection.outstanding > 0);
  }
}

/** The limits of a connection; what a turn made does not count when it is over. */
function limitsOf({ pipelineMax, outputPauseBytes }: KvServerSettings): FlowLimits {
  return { pipelineMax, heldBytesMax: outputPauseBytes, shareBytesMax: Number.POSITIVE_INFINITY };
}

/** The key of the only or first argument of an encoded command. */
function keyOf(word: string): string {
  const bytes = Buffer.from(word, 'latin1');
  if (bytes[0] === INTERNAL.exec) return /t\d+$/.exec(word)![0];
  const at = (bytes[1]! & FLAGS.limited) === 0 ? 2 : 6;
  return word.slice(at + 4, at + 4 + bytes.readUInt32LE(at));
}

const step: fc.Arbitrary<Step> = fc.record({
  action: fc.oneof({ weight: 3, arbitrary: fc.constant('send' as const) }, fc.constantFrom(...ACTIONS)),
  count: fc.integer({ min: 1, max: 12 }),
  requests: fc.oneof(
    fc.array(fc.constantFrom(...REQUESTS), { minLength: 1, maxLength: 30 }),
    fc.array(fc.constantFrom('long', 'read'), { minLength: 1, maxLength: 30 }),
  ),
  cut: fc.double({ min: 0, max: 1, noNaN: true }),
  settles: fc.boolean(),
});

const pauses = fc.constantFrom(1024, 5000, 20_000, 100_000);
const limits = fc.tuple(fc.integer({ min: 1, max: 40 }), pauses);

describe('the way of requests', () => {
  it('has a waker at each stop, an end, its order and its bounds', async () => {
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step, { maxLength: 40 }), async ([pipelineMax, pause], steps) => {
        const stage = new Stage(pipelineMax, pause);
        for (const one of steps) await stage.step(one);
        await stage.complete();
        expect(stage.received).toBe(stage.expected);
        stage.socket.push(Buffer.from('QUIT\r\nPING\r\n'));
        await stage.settle();
        expect(stage.received).toBe(`${stage.expected}+OK\r\n`);
        expect(stage.socket.writableEnded).toBe(true);
        stage.socket.destroy();
      }),
      seeded(FILE, 150),
    );
  });

  it('takes nothing more while a run waits to be sent', async () => {
    const stage = new Stage(1000, 100_000);
    stage.puppet.refuse = true;
    for (let i = 0; i < 20; i++) {
      stage.socket.push(Buffer.from(stage.request('write')));
      await stage.settle();
    }
    expect([stage.connection.unsent, stage.connection.outstanding]).toEqual([1, 1]);
    await stage.complete();
    expect(stage.received).toBe(stage.expected);
  });

  it('lets others have their turn while it makes long replies', async () => {
    const stage = new Stage(1000, 100_000);
    const count = 200;
    stage.socket.push(Buffer.from(Array.from({ length: count }, () => stage.request('long')).join('')));
    let turns = 0;
    while (stage.received.length < count * COMMAND_REPLY.length) {
      const before = stage.received.length;
      await new Promise((resolve) => setImmediate(resolve));
      expect(stage.received.length - before).toBeLessThan(3 * (100_000 + COMMAND_REPLY.length));
      turns++;
    }
    expect(turns).toBeGreaterThan(count / 30);
    expect(stage.received).toBe(stage.expected);
  });

  it('holds as many own replies behind an unanswered request as it may', async () => {
    const stage = new Stage(1000, 100_000);
    stage.socket.push(Buffer.from(stage.request('write')));
    stage.socket.push(Buffer.from(Array.from({ length: 500 }, () => stage.request('long')).join('')));
    await stage.settle();
    expect(stage.connection.stop).toBe('answers');
    stage.check();
    await stage.complete();
    expect(stage.received).toBe(stage.expected);
  });
});
