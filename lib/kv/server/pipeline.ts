/**
 * What one connection has asked for and not been answered yet, in the order asked: runs of requests sent, or
 * to be sent, to the service, and replies of the port's own that wait behind them.
 *
 *   run      it waits for …                                              and goes on by
 *   ------   ---------------------------------------------------------   ------------------------------------
 *   unsent   room in the service, which has refused; or, commands only,  `drain`; or an outcome of those
 *            for the queries before it; or an unsent run before it       before it
 *   sent     its outcomes                                                `outcome`; if declined, unsent
 *   ready    the runs before it: it holds its replies                    their outcomes; at the head, leaves
 *
 * 1. Replies leave in the order of the requests, whatever they are.
 * 2. Commands and queries of the connection are never under way together: a run of commands waits until all
 *    queries before it are answered; a run of reads behind commands becomes commands.
 * 3. When the service declines a query, it and everything behind it are sent again as commands, under new
 *    numbers; what still comes for the old ones is dropped.
 * 4. Nothing is sent past a run that could not be sent.
 */
import { ErrorCode, IndelibleError } from '../../errors.js';
import { Outcome, type Requester, type Service } from '../../replica/service.js';
import { readUint32 } from '../command-format.js';
import { Output } from '../resp/output.js';
import { copyBytes } from '../resp/reply.js';

const NOT_EXECUTED: Buffer = Buffer.from(
  '-TRYAGAIN not executed: the command was not and will not be executed\r\n',
);
const SKIPPED: Buffer = Buffer.from('-ERR not executed: an operator had this command skipped\r\n');
const DISK_FULL: Buffer = Buffer.from(
  '-MISCONF not executed: the disks of too many replicas are short of room for more data. Reads go on\r\n',
);
const UNKNOWN: Buffer = Buffer.from('-UNKNOWN outcome: the command may or may not have been executed\r\n');
const NOTHING: Buffer = Buffer.alloc(0);
const ASTERISK = 0x2a;
const MINUS = 0x2d;

/** What a run's only answer is for: a WATCH's are versions; another's says that the connection may go on. */
export type Awaited = 'watch' | 'answer';

/** Where the answers go. */
export interface PipelineOwner {
  readonly out: Output;
  /** The client has more unread replies than it should: `goOn` is called when it has read them. */
  readonly choked: boolean;
  /** A WATCH was answered: the versions, 8 bytes each, or empty if it failed (the error is written). */
  watched(versions: Uint8Array): void;
  /** What was waited for was answered; false: as an EXEC, it was not executed, or that is not known. */
  answered(isExecuted: boolean): void;
  /** A reply begins at bytes[start]. */
  replied(bytes: Uint8Array, start: number): void;
  /** A command was executed. */
  executed(): void;
  /** Something was written, or there may be room again. Called any number of times in a turn. */
  progress(): void;
}

/** What a waiting reply of the port's own counts for beside its bytes: the objects that hold it. */
const HELD_REPLY_BYTES = 512;

/** Consecutive requests that go to the service together; or, with count 0, replies of the port's own. */
class Run {
  state: 'unsent' | 'sent' | 'ready';
  first = 0;
  count: number;
  query: boolean;
  /** Repeating it is always safe, whatever became of it. */
  readonly readOnly: boolean;
  readonly awaited: Awaited | undefined;
  readonly muted: boolean;
  /** The bytes, kept until sent, or for a query until answered; the first `answered` of them are. */
  body: Buffer = NOTHING;
  answered = 0;
  /** Of a ready run: the port's own replies, or what each request is told as the service refused for good. */
  own: Output | undefined = undefined;
  refusal: Buffer | undefined = undefined;

  constructor(
    count: number,
    query: boolean,
    readOnly: boolean,
    awaited: Awaited | undefined,
    muted: boolean,
  ) {
    this.state = count === 0 ? 'ready' : 'unsent';
    this.count = count;
    this.query = query;
    this.readOnly = readOnly;
    this.awaited = awaited;
    this.muted = muted;
  }
}

export class Pipeline implements Requester {
  readonly #service: Service;
  readonly #owner: PipelineOwner;
  #runs: Run[] = [];
  /** Runs before this place are answered. */
  #head = 0;
  #next = 1;
  #outstanding = 0;
  #unsent = 0;
  #commands = 0;
  #queries = 0;
  #heldBytes = 0;
  /** The service has refused, and says `drain` when it has room. */
  #refused = false;
  #sentSomething = false;

  constructor(service: Service, owner: PipelineOwner) {
    this.#service = service;
    this.#owner = owner;
  }

  /** Requests not answered yet. */
  get outstanding(): number {
    return this.#outstanding;
  }

  get idle(): boolean {
    return this.#head === this.#runs.length;
  }

  /** Runs that wait to be sent: while there are any, no more should be added. */
  get unsent(): number {
    return this.#unsent;
  }

  /** Bytes of the port's own replies that wait, and what holds them. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Adds requests whose body is body[0, length); the bytes may be changed afterwards. */
  add(
    count: number,
    body: Buffer,
    length: number,
    readOnly: boolean,
    awaited: Awaited | undefined,
    muted: boolean,
  ): void {
    const run = new Run(count, readOnly && this.#commands === 0, readOnly, awaited, muted);
    this.#runs.push(run);
    this.#outstanding += count;
    this.#unsent++;
    if (run.query) this.#queries += count;
    else this.#commands += count;
    run.body = body.subarray(0, length);
    if (this.#unsent === 1) this.#send(run);
    if (run.state === 'ready') this.#settle();
    else if (run.body.length > 0) run.body = Buffer.from(run.body);
  }

  /** Where a reply of the port's own is to be written; `ownWritten` must follow. */
  ownReply(): Output {
    if (this.idle) return this.#owner.out;
    const last = this.#runs[this.#runs.length - 1]!;
    if (last.own !== undefined) return last.own;
    const run = new Run(0, false, true, undefined, false);
    run.own = new Output(128);
    this.#heldBytes += HELD_REPLY_BYTES;
    this.#runs.push(run);
    return run.own;
  }

  /** So many bytes were written to what `ownReply` gave last. */
  ownWritten(lengthBytes: number): void {
    if (!this.idle) this.#heldBytes += lengthBytes;
  }

  /** At the end of a turn in which runs were added. */
  flush(): void {
    if (!this.#sentSomething) return;
    this.#sentSomething = false;
    this.#service.flush();
  }

  /** The client is gone. */
  abandon(): void {
    this.#service.abandon(this);
    this.#runs = [];
    this.#head = 0;
    this.#outstanding = 0;
    this.#unsent = 0;
    this.#commands = 0;
    this.#queries = 0;
    this.#heldBytes = 0;
  }

  get isFull(): boolean {
    return this.#owner.choked;
  }

  /** The client reads again. */
  goOn(): void {
    if (this.#queries > 0) this.#service.flush();
  }

  drain(): void {
    this.#refused = false;
    this.#settle();
    this.flush();
  }

  outcome(
    first: number,
    count: number,
    outcome: Outcome,
    results: Uint8Array,
    start: number,
    end: number,
  ): void {
    let number = first;
    let rest = count;
    let at = start;
    while (rest > 0) {
      this.#letOut();
      const run = this.#runs[this.#head];
      if (run?.state !== 'sent' || number !== run.first) {
        number++;
        rest--;
        if (outcome === Outcome.done) at += 4 + readUint32(results, at);
        continue;
      }
      if (outcome === Outcome.declined && run.query) {
        this.#sendAgain();
        break;
      }
      const part = Math.min(rest, run.count);
      if (outcome === Outcome.done) {
        if (!run.query) this.#owner.executed();
        at = this.#answer(run, part, results, at, end);
      } else this.#fail(run, part, failureText(outcome, run));
      number += part;
      rest -= part;
      this.#answered(run, part);
    }
    this.#settle();
  }

  #answer(run: Run, count: number, results: Uint8Array, start: number, end: number): number {
    if (run.awaited === 'watch') {
      const length = readUint32(results, start);
      this.#owner.watched(results.subarray(start + 4, start + 4 + length));
      return start + 4 + length;
    }
    const out = this.#owner.out;
    let at = start;
    for (let i = 0; i < count && at + 4 <= end; i++) {
      const length = readUint32(results, at);
      at += 4;
      if (results[at] === MINUS) this.#owner.replied(results, at);
      if (run.awaited === 'answer') {
        this.#owner.answered(results[at] === ASTERISK && results[at + 1] !== MINUS);
      }
      if (!run.muted) {
        const to = out.reserve(length);
        copyBytes(results, at, at + length, out.buffer, to);
      }
      at += length;
    }
    return at;
  }

  #fail(run: Run, count: number, text: Buffer): void {
    for (let i = 0; i < count; i++) {
      this.#owner.replied(text, 0);
      if (!run.muted) this.#owner.out.write(text);
    }
    if (run.awaited === 'watch') this.#owner.watched(NOTHING);
    else if (run.awaited === 'answer') this.#owner.answered(false);
  }

  #answered(run: Run, count: number): void {
    run.first += count;
    run.count -= count;
    this.#outstanding -= count;
    if (run.query) {
      this.#queries -= count;
      run.answered += count;
    } else this.#commands -= count;
    if (run.count === 0) this.#leave();
  }

  #leave(): void {
    this.#head++;
    if (this.#head === this.#runs.length || this.#head > 256) {
      this.#runs.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** Lets out what is now first, and sends what waited for it. */
  #settle(): void {
    do this.#letOut();
    while (this.#sendUnsent());
    this.#owner.progress();
  }

  /** The ready runs at the head leave: the first one, if any, then is the service's. */
  #letOut(): void {
    for (;;) {
      const run = this.#runs[this.#head];
      if (run === undefined) break;
      if (run.own !== undefined) {
        this.#owner.out.write(run.own.buffer, 0, run.own.length);
        this.#heldBytes -= HELD_REPLY_BYTES + run.own.length;
        this.#leave();
      } else if (run.refusal !== undefined) {
        this.#fail(run, run.count, run.refusal);
        this.#answered(run, run.count);
      } else break;
    }
  }

  /** The head and all behind it become commands: a later read must not be answered by an older state. */
  #sendAgain(): void {
    for (let i = this.#head; i < this.#runs.length; i++) {
      const run = this.#runs[i]!;
      if (!run.query) continue;
      run.query = false;
      this.#queries -= run.count;
      this.#commands += run.count;
      if (run.state !== 'sent') continue;
      run.state = 'unsent';
      this.#unsent++;
      let at = 0;
      for (; run.answered > 0; run.answered--) at += 4 + readUint32(run.body, at);
      run.body = run.body.subarray(at);
    }
  }

  /** Sends what can be sent, in order. True: the service refused one for good, which makes it ready. */
  #sendUnsent(): boolean {
    let isOneReady = false;
    for (let i = this.#head; i < this.#runs.length && this.#unsent > 0; i++) {
      const run = this.#runs[i]!;
      if (run.state !== 'unsent') continue;
      if (!this.#send(run)) break;
      if (run.refusal !== undefined) isOneReady = true;
    }
    return isOneReady;
  }

  /** False: it has to wait. */
  #send(run: Run): boolean {
    if (this.#refused || (!run.query && this.#queries > 0)) return false;
    const service = this.#service;
    const { count, body } = run;
    run.first = this.#next;
    run.state = 'sent';
    this.#next += count;
    this.#unsent--;
    let taken: boolean;
    try {
      taken = run.query
        ? service.query(this, run.first, count, body, 0, body.length)
        : service.submit(this, run.first, count, body, 0, body.length);
    } catch (error) {
      if (!(error instanceof IndelibleError)) throw error;
      const tooLarge = error.code === ErrorCode.commandTooLarge;
      run.state = 'ready';
      run.refusal = tooLarge ? Buffer.from(`-ERR not executed: ${error.message}\r\n`) : NOT_EXECUTED;
      return true;
    }
    if (!taken) {
      run.state = 'unsent';
      this.#unsent++;
      this.#refused = true;
      return false;
    }
    this.#sentSomething = true;
    if (!run.query) run.body = NOTHING;
    return true;
  }
}

function failureText(outcome: Outcome, { readOnly }: Run): Buffer {
  if (outcome === Outcome.skipped) return SKIPPED;
  if (outcome === Outcome.diskFull) return DISK_FULL;
  return outcome === Outcome.unknown && !readOnly ? UNKNOWN : NOT_EXECUTED;
}
