/**
 * What a connection does with each request: refuses it, answers it by itself, queues it in the transaction,
 * or adds it to the run that goes to the service.
 *
 * 1. Each request gets one reply, in the order of the requests, unless the client wants none.
 * 2. A reply of the port's own is no longer than one of the service's, and is counted where it waits.
 * 3. `endRun` has been called before anybody else looks at the pipeline.
 */
import { COMMAND_BYTES_MAX } from '../../limits.js';
import { denialOf } from '../acl/permission.js';
import { addArgument, beginCommand, endCommand } from '../command-format.js';
import { ERRORS } from '../commands/context.js';
import { subcommandsOf } from '../commands/subcommands.js';
import { type CommandSpec, commandByName } from '../commands/table.js';
import { REPLY_BYTES_MAX, REQUEST_BYTES_MAX, RUN_BYTES_MAX } from '../limits.js';
import { Output } from '../resp/output.js';
import { Reply } from '../resp/reply.js';
import type { RequestParser } from '../resp/request-parser.js';
import { shown } from '../resp/shown.js';
import { Draft } from './draft.js';
import { OWN_COMMANDS } from './own-commands.js';
import type { Awaited, Pipeline } from './pipeline.js';
import { misfit, unknownCommand } from './refusals.js';
import type { Session } from './session.js';
import { Transaction } from './transaction.js';

/** The run being encoded. Shared by all connections: each turn leaves it empty. */
const scratch: Output = new Output(64 << 10, 1 << 20);
/** Where replies go that the client does not want. */
const sink: Output = new Output(128, 4096);

/** What browsers send that were made to speak to this port. */
const HTTP = /^(post|host:)$/i;

export class RequestHandler {
  /** Nothing is taken before the answer to what was sent last: see reading.ts. */
  awaiting = false;
  /** Bytes of replies that the port has made by itself, those that nobody wanted too. */
  madeBytes = 0;
  /** Requests in the run that has not gone to the pipeline. */
  runCount = 0;

  readonly #session: Session;
  readonly #parser: RequestParser;
  readonly #pipeline: Pipeline;
  readonly #transaction: Transaction = new Transaction();
  readonly #reply: Reply = new Reply(sink);
  readonly #limitKibibytes: number;
  #runReadOnly = true;
  #runMuted = false;
  #muted = false;
  #watchedKeys: readonly Buffer[] = [];
  #isTaking = false;
  /** What becomes of the connection if the EXEC under way is executed. */
  #draft: Draft | undefined = undefined;
  /** Where the current request's own reply is written, if it has one, and from where on. */
  #target: Output | undefined = undefined;
  #targetStart = 0;

  constructor(session: Session, parser: RequestParser, pipeline: Pipeline) {
    this.#session = session;
    this.#parser = parser;
    this.#pipeline = pipeline;
    this.#limitKibibytes = Math.ceil(session.host.settings.memoryBytesMax / 1024);
  }

  /** Bytes of the arguments of the request that is being taken. */
  get argumentBytes(): number {
    const { argc, starts, ends } = this.#parser;
    let bytes = 0;
    for (let i = 0; i < argc && this.#isTaking; i++) bytes += ends[i]! - starts[i]!;
    return bytes;
  }

  /** Bytes queued in its transaction. */
  get queuedBytes(): number {
    return this.#transaction.bytes;
  }

  /** Commands queued in its transaction, or −1. */
  get queued(): number {
    return this.#transaction.open ? this.#transaction.count : -1;
  }

  /** Takes the parser's current request. */
  handle(): void {
    this.#target = undefined;
    this.#isTaking = true;
    this.#request();
    this.#isTaking = false;
    if (this.#target !== undefined) this.#ownWritten(this.#target);
  }

  /** The client does not speak the protocol: it is told so behind all other replies. */
  refuseProtocol(message: string): void {
    this.#target = undefined;
    this.#muted = false;
    this.#ownReply().error(`ERR ${message}`);
    if (this.#target !== undefined) this.#ownWritten(this.#target);
  }

  /** Hands the run over to the pipeline. */
  endRun(awaited: Awaited | undefined = undefined): void {
    const count = this.runCount;
    if (count === 0) return;
    const readOnly = this.#runReadOnly;
    const length = scratch.length;
    this.runCount = 0;
    this.#runReadOnly = true;
    this.#pipeline.add(count, scratch.buffer, length, readOnly, awaited, this.#runMuted);
    scratch.clear();
  }

  /** A WATCH was answered: the versions, 8 bytes each, or empty if it failed (the error is written). */
  watched(versions: Uint8Array, out: Output): void {
    const keys = this.#watchedKeys;
    this.awaiting = false;
    this.#watchedKeys = [];
    if (versions.length === 0) return;
    const bytes = Buffer.from(versions);
    const complete = keys.every((key, i) => this.#transaction.watch(key, bytes.readDoubleLE(8 * i)));
    this.#reply.to(this.#muted ? sink : out, this.#session.resp3);
    if (complete) this.#reply.ok();
    else this.#reply.error('ERR too many watched keys');
  }

  /** What was waited for was answered. */
  answered(isExecuted: boolean): void {
    const draft = this.#draft;
    this.awaiting = false;
    this.#draft = undefined;
    if (isExecuted) draft?.commit();
  }

  #request(): void {
    const parser = this.#parser;
    const session = this.#session;
    session.host.counters.commands++;
    this.#muted = session.replyMode !== 'on';
    if (session.replyMode === 'skip') session.replyMode = 'on';
    if (parser.excess !== undefined) {
      const isArgument = parser.excess === 'argument';
      this.#refuse(isArgument ? ERRORS.tooLong : `ERR request longer than ${REQUEST_BYTES_MAX} bytes`);
      return;
    }
    const spec = commandByName(parser.bytes, parser.starts[0]!, parser.ends[0]!);
    if (spec === undefined) {
      const name = parser.bytes.toString(
        'latin1',
        parser.starts[0]!,
        Math.min(parser.ends[0]!, parser.starts[0]! + 8),
      );
      if (HTTP.test(name)) session.hangUp();
      else this.#refuse(unknownCommand(parser));
      return;
    }
    const wrong = misfit(spec, parser);
    session.lastCommand = wrong === undefined ? this.#nameOf(spec) : spec.name;
    const refusal = wrong ?? this.#denial(spec);
    if (refusal !== undefined) this.#reject(spec, refusal);
    else {
      session.host.counters.called(spec);
      if (spec.kind === 'local') this.#own(spec);
      else this.#encode(spec);
    }
  }

  /** The error for what the client may not do, as it has not said who it is, or as that user. */
  #denial(spec: CommandSpec): string | undefined {
    const { authenticated, user, lastCommand } = this.#session;
    if (!authenticated && !isOpenToStrangers(spec)) return 'NOAUTH Authentication required.';
    return user.isUnlimited ? undefined : denialOf(user, spec, lastCommand, this.#parser);
  }

  /** `client|list` where there are subcommands; the request has one of those that there are. */
  #nameOf(spec: CommandSpec): string {
    const { bytes, argc, starts, ends } = this.#parser;
    if (argc < 2 || subcommandsOf(spec.name) === undefined) return spec.name;
    return `${spec.name}|${shown(bytes, starts[1], ends[1]).toLowerCase()}`;
  }

  /** Adds the request to the run, or to the transaction. */
  #encode(spec: CommandSpec): void {
    const parser = this.#parser;
    const tooLong = this.#tooLong(spec);
    if (tooLong !== undefined) {
      this.#refuse(tooLong);
      return;
    }
    const queueing = this.#transaction.open;
    const walks = spec.walks === true;
    if (!queueing && this.runCount > 0 && (walks || this.#runMuted !== this.#muted)) this.endRun();
    const before = scratch.length;
    const { host, resp3 } = this.#session;
    const limit = queueing || !spec.grows ? 0 : this.#limitKibibytes;
    const hashKey = host.isKeyWanted || spec.empties ? host.hashKey : undefined;
    const at = beginCommand(scratch, spec.opcode, resp3, limit, hashKey);
    for (let i = 1; i < parser.argc; i++) {
      addArgument(scratch, parser.bytes, parser.starts[i]!, parser.ends[i]!);
    }
    const length = endCommand(scratch, at);
    if (length > COMMAND_BYTES_MAX) {
      scratch.length = before;
      this.#refuse(`ERR command longer than ${COMMAND_BYTES_MAX} bytes`);
      return;
    }
    if (!queueing) {
      this.#counted(spec.kind === 'read');
      if (walks) {
        this.awaiting = true;
        this.endRun('answer');
      }
      return;
    }
    scratch.length = before;
    if (this.#transaction.queue(scratch.buffer, at + 4, at + 4 + length)) this.#ownReply().status('QUEUED');
    else this.#refuse('ERR transaction too large');
  }

  /** A command has been added to the run. */
  #counted(readOnly: boolean): void {
    this.#runMuted = this.#muted;
    this.runCount++;
    if (!readOnly) this.#runReadOnly = false;
    if (scratch.length >= RUN_BYTES_MAX) this.endRun();
  }

  #tooLong(spec: CommandSpec): string | undefined {
    const { argc, starts, ends } = this.#parser;
    const { keyBytesMax, valueBytesMax } = this.#session.host.settings;
    const { first, last, step } = spec.keys;
    for (let i = 1; i < argc; i++) {
      const length = ends[i]! - starts[i]!;
      if (length <= keyBytesMax && length <= valueBytesMax) continue;
      const isKey = first > 0 && i >= first && (last < 0 || i <= last) && (i - first) % step === 0;
      if (isKey && length > keyBytesMax) return `ERR key longer than ${keyBytesMax} bytes`;
      if (!isKey && length > valueBytesMax) return ERRORS.tooLong;
    }
    return undefined;
  }

  /** A command that the port answers, or that concerns the transaction. */
  #own(spec: CommandSpec): void {
    const transaction = this.#transaction;
    switch (spec.name) {
      case 'multi':
        if (transaction.open) this.#ownReply().error('ERR MULTI calls can not be nested');
        else {
          transaction.begin();
          this.#ownReply().ok();
        }
        return;
      case 'exec':
        this.#exec();
        return;
      case 'discard':
        if (!transaction.open) this.#refuse('ERR DISCARD without MULTI');
        else {
          transaction.end();
          this.#ownReply().ok();
        }
        return;
      case 'watch':
        this.#watch(spec);
        return;
      case 'quit':
        this.#ownReply().ok();
        this.#session.quit();
        return;
      case 'reset':
        this.#reset();
        return;
    }
    const argv = this.#argv();
    if (!transaction.open) this.#runOwn(spec, argv);
    else if (choosesReplies(argv)) this.#refuse('ERR CLIENT REPLY inside MULTI is not allowed');
    else if (transaction.queueOwn(spec, argv)) this.#ownReply().status('QUEUED');
    else this.#refuse('ERR transaction too large');
  }

  #runOwn(spec: CommandSpec, argv: readonly Buffer[]): void {
    if (spec.name === 'unwatch') {
      this.#transaction.unwatch();
      this.#ownReply().ok();
      return;
    }
    if (asksForReplies(argv)) this.#muted = false;
    OWN_COMMANDS[spec.name]?.(this.#session, argv, this.#ownReply());
  }

  #watch(spec: CommandSpec): void {
    if (this.#transaction.open) {
      this.#ownReply().error('ERR WATCH inside MULTI is not allowed');
      return;
    }
    const tooLong = this.#tooLong(spec);
    if (tooLong !== undefined) {
      this.#refuse(tooLong);
      return;
    }
    this.endRun();
    const keys = this.#argv().slice(1);
    const { host, resp3 } = this.#session;
    const at = beginCommand(scratch, spec.opcode, resp3, 0, host.isKeyWanted ? host.hashKey : undefined);
    for (const key of keys) addArgument(scratch, key, 0, key.length);
    endCommand(scratch, at);
    this.awaiting = true;
    this.#watchedKeys = keys;
    this.#runMuted = this.#muted;
    this.runCount = 1;
    this.endRun('watch');
  }

  #exec(): void {
    const transaction = this.#transaction;
    if (!transaction.open) {
      this.#refuse('ERR EXEC without MULTI');
      return;
    }
    if (transaction.spoilt) {
      transaction.end();
      this.#ownReply().error('EXECABORT Transaction discarded because of previous errors.');
      return;
    }
    if (transaction.count === 0 && !transaction.watching) {
      transaction.end();
      this.#ownReply().array(0);
      return;
    }
    if (transaction.hasOwn || (this.runCount > 0 && this.#runMuted !== this.#muted)) this.endRun();
    const draft = new Draft(this.#session);
    const before = scratch.length;
    const { resp3, host } = this.#session;
    const reply = new Reply(sink);
    const hashKey = host.isKeyWanted ? host.hashKey : undefined;
    const length = transaction.encode(scratch, resp3, this.#limitKibibytes, hashKey, (spec, argv, to) => {
      reply.to(to, draft.resp3);
      if (spec.name === 'unwatch') reply.ok();
      else OWN_COMMANDS[spec.name]?.(draft, argv, reply);
      return draft.resp3;
    });
    transaction.end();
    this.madeBytes += length;
    if (length > COMMAND_BYTES_MAX) {
      scratch.length = before;
      this.#ownReply().error('EXECABORT Transaction discarded because of: ERR transaction too large');
      return;
    }
    if (!draft.isChanged) {
      this.#counted(false);
      return;
    }
    this.awaiting = true;
    this.#draft = draft;
    this.runCount = 1;
    this.#runMuted = this.#muted;
    this.#runReadOnly = false;
    this.endRun('answer');
  }

  #reset(): void {
    const session = this.#session;
    this.#transaction.end();
    session.name = '';
    session.resp3 = false;
    session.noEvict = false;
    session.replyMode = 'on';
    this.#muted = false;
    session.estrange();
    this.#ownReply().status('RESET');
  }

  /** A request that is not looked at any further; an EXEC takes its transaction with it. */
  #reject(spec: CommandSpec, text: string): void {
    this.#session.host.counters.refused(spec);
    if (spec.name !== 'exec') return this.#refuse(text);
    this.#transaction.end();
    this.#ownReply().error(`EXECABORT Transaction discarded because of: ${text.replace(/^ERR /, '')}`);
  }

  /** An error; it spoils an open transaction. */
  #refuse(text: string): void {
    if (this.#transaction.open) this.#transaction.spoilt = true;
    this.#ownReply().error(text);
  }

  #ownReply(): Reply {
    let target = sink;
    if (this.#muted) sink.clear();
    else {
      this.endRun();
      target = this.#pipeline.ownReply();
    }
    this.#target = target;
    this.#targetStart = target.length;
    this.#reply.to(target, this.#session.resp3);
    return this.#reply;
  }

  /** The reply to the current request is complete. */
  #ownWritten(target: Output): void {
    if (target.length > this.#targetStart) {
      this.#session.host.counters.replied(target.buffer, this.#targetStart);
    }
    this.madeBytes += target.length - this.#targetStart;
    if (target.length - this.#targetStart > REPLY_BYTES_MAX) {
      target.length = this.#targetStart;
      this.#reply.error(`ERR reply longer than ${REPLY_BYTES_MAX} bytes`);
    }
    if (target !== sink) this.#pipeline.ownWritten(target.length - this.#targetStart);
  }

  /** The arguments, copied. */
  #argv(): Buffer[] {
    const { bytes, argc, starts, ends } = this.#parser;
    const argv: Buffer[] = [];
    for (let i = 0; i < argc; i++) argv.push(Buffer.from(bytes.subarray(starts[i]!, ends[i]!)));
    return argv;
  }
}

function isOpenToStrangers(spec: CommandSpec): boolean {
  return spec.name === 'auth' || spec.name === 'hello' || spec.name === 'quit' || spec.name === 'reset';
}

function choosesReplies(argv: readonly Buffer[]): boolean {
  return argv.length === 3 && /^client reply (on|off|skip)$/i.test(argv.join(' '));
}

/** CLIENT REPLY ON is answered though the client wanted no replies before. */
function asksForReplies(argv: readonly Buffer[]): boolean {
  return choosesReplies(argv) && argv[2]!.length === 2;
}
