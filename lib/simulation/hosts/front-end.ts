/**
 * Those who ask: requesters in a replica's own process, as the bundled service is one, and clients on
 * machines of their own, over connections. They ask at random, respect back-pressure, sometimes go away, ask
 * from within a callback, or throw out of it, as users' code does.
 */
import { ErrorCode, IndelibleError } from '../../errors.js';
import type { Service } from '../../replica/service.js';
import { RequestOutcome as Outcome } from '../../wire/client-messages.js';
import type { Operation } from '../observer.js';
import type { Random } from '../random.js';
import { COMMAND_BYTES_MIN, QUERY_BYTES } from './counting-machine.js';
import type { EventLoop } from './event-loop.js';
import type { HostCounters } from './host-counters.js';
import type { RequestWorkload } from './host-scale.js';
import { type LineOwner, RequestLine } from './request-line.js';

/** What requesters find around them. */
export interface RequestSurroundings {
  readonly random: Random;
  readonly counters: HostCounters;
  readonly workload: RequestWorkload;
  /** The shortest time after which a request that waits is given up. */
  readonly deadlineMs: number;
  /** A command that is younger is not told *unknown*: the replica asks again. 0, or left out: it may be. */
  readonly unknownAfterMs?: () => number;
  readonly owner: Omit<LineOwner, 'answered' | 'drained' | 'nowMs' | 'clockMs' | 'unknownAfterMs'>;
  newOperation(type: Operation['type']): Operation;
  /** Its commands have no deadline. */
  readonly holdsSession?: boolean;
  /** A request was answered as done. */
  done(): void;
}

/** Where requests go: a replica's service, or a connection to one. */
export type Asked = Pick<Service, 'submit' | 'query' | 'abandon' | 'flush'>;

export class Requester {
  writes: RequestLine;
  reads: RequestLine;
  private readonly asked: Asked;
  private readonly loop: EventLoop;
  private readonly around: RequestSurroundings;
  private readonly owner: LineOwner;
  private isOver = false;

  constructor(asked: Asked, loop: EventLoop, around: RequestSurroundings) {
    this.asked = asked;
    this.loop = loop;
    this.around = around;
    this.owner = {
      ...around.owner,
      nowMs: () => loop.awakeMs,
      clockMs: () => loop.monotonicMs(),
      unknownAfterMs: around.unknownAfterMs ?? (() => 0),
      answered: (_line, outcome, waitedMs) => this.answered(outcome, waitedMs),
      drained: () => {
        around.counters.drains++;
        this.misbehave();
      },
    };
    this.writes = new RequestLine('write', this.owner);
    this.reads = new RequestLine('read', this.owner);
  }

  /** Lines that are answered within a bounded time, whatever happens. */
  get bounded(): readonly RequestLine[] {
    return this.around.holdsSession === true ? [this.reads] : [this.writes, this.reads];
  }

  start(): void {
    this.loop.after(1 + this.around.random.below(this.around.workload.pauseMsMax), () => {
      if (this.isOver) return;
      this.act();
      this.start();
    });
  }

  /** Asks for nothing more, and takes what it is still owed. */
  stop(): void {
    this.isOver = true;
    this.takeReads(true);
  }

  /** Asks for one small write now. @returns it, or undefined if there was no room. */
  writeOne(): Operation | undefined {
    const [write] = this.ask('write', 1, 0);
    return write;
  }

  /** Its process is gone, or its connection: nothing is owed to it. */
  end(): void {
    this.stop();
    this.around.counters.unknown += this.writes.end() + this.reads.end();
  }

  /** Answers to its queries are taken, or wait. */
  private takeReads(isTaken: boolean): void {
    if (this.reads.isFull !== isTaken) return;
    this.reads.isFull = !isTaken;
    if (isTaken) this.asked.flush();
  }

  private act(): void {
    const { random, workload, counters } = this.around;
    if (random.chance(workload.abandons)) {
      for (const line of [this.writes, this.reads]) {
        this.asked.abandon(line);
        counters.abandoned += line.end();
      }
      this.writes = new RequestLine('write', this.owner);
      this.reads = new RequestLine('read', this.owner);
    }
    if (random.chance(workload.fulls)) this.takeReads(this.reads.isFull);
    this.askSomething();
  }

  private askSomething(): void {
    const { random, workload } = this.around;
    const type = random.chance(workload.reads) ? 'read' : 'write';
    const count = random.between(1, workload.commandsMax);
    const padding = random.chance(0.3) ? random.below(workload.paddingBytesMax + 1) : random.below(8);
    this.ask(type, count, type === 'write' ? padding : 0);
  }

  private ask(type: Operation['type'], count: number, padding: number): readonly Operation[] {
    const { around, asked } = this;
    const line = type === 'write' ? this.writes : this.reads;
    if (line.stalledMs !== undefined) return [];
    const operations = Array.from({ length: count }, () => around.newOperation(type));
    const body = bodyOf(operations, padding);
    const first = line.nextNumber;
    try {
      const isTaken = line.ask(operations, () =>
        type === 'write'
          ? asked.submit(line, first, count, body, 0, body.length)
          : asked.query(line, first, count, body, 0, body.length),
      );
      if (!isTaken) around.counters.refusals++;
      asked.flush();
      return isTaken ? operations : [];
    } catch (error) {
      if (!(error instanceof IndelibleError)) throw error;
      if (error.code === ErrorCode.halted) return [];
      if (error.code !== ErrorCode.stopped) throw error;
      this.stop();
      return [];
    }
  }

  private answered(outcome: Outcome, waitedMs: number): void {
    const { counters } = this.around;
    if (outcome !== Outcome.done && waitedMs >= this.around.deadlineMs) counters.deadlinesFired++;
    if (outcome === Outcome.done) this.around.done();
    else if (outcome === Outcome.notExecuted) counters.notExecuted++;
    else if (outcome === Outcome.diskFull) counters.diskRefusals++;
    else if (outcome === Outcome.unknown) counters.unknown++;
    this.misbehave();
  }

  private misbehave(): void {
    const { random, workload, counters } = this.around;
    if (this.isOver) return;
    if (random.chance(workload.reentrant)) {
      counters.reentrantCalls++;
      this.askSomething();
    }
    if (random.chance(workload.throws)) {
      counters.callbacksThrown++;
      throw new Error('a callback of a simulated user throws');
    }
  }
}

function bodyOf(operations: readonly Operation[], padding: number): Buffer {
  const isWrite = operations[0]?.type === 'write';
  const length = isWrite ? COMMAND_BYTES_MIN + padding : QUERY_BYTES;
  const body = Buffer.alloc(operations.length * (4 + length));
  operations.forEach(({ id, key }, index) => {
    const at = body.writeUInt32LE(length, index * (4 + length));
    if (isWrite) body.writeUInt16LE(key, body.writeUInt32LE(id, at));
    else body.writeUInt16LE(key, at);
  });
  return body;
}
