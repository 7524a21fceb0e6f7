/**
 * One client: bytes in, requests to the service in runs, replies out in the order of the requests.
 *
 * 1. One socket write a turn, whatever was answered in it, unless that is very much; one `flush` of the
 *    service for each turn's requests.
 * 2. Reading stops while a run waits for the service, a WATCH is under way, too many requests are unanswered
 *    or too many reply bytes unread; requests already received wait in the parser. It goes on by itself.
 * 3. After QUIT, a protocol error or the client's end of input nothing more is read; the connection closes
 *    when what came before is answered.
 */
import type { Socket } from 'node:net';
import { COMMAND_BYTES_MAX } from '../../limits.js';
import { addArgument, beginCommand, endCommand } from '../command-format.js';
import { ERRORS } from '../commands/context.js';
import { type CommandSpec, commandByName } from '../commands/table.js';
import { RUN_BYTES_MAX } from '../limits.js';
import { Output } from '../resp/output.js';
import { ProtocolError } from '../resp/protocol-error.js';
import { Reply } from '../resp/reply.js';
import { RequestParser } from '../resp/request-parser.js';
import { OWN_COMMANDS } from './own-commands.js';
import { Pipeline } from './pipeline.js';
import { misfit, unknownCommand } from './refusals.js';
import type { ReplyMode, Session, SessionHost } from './session.js';
import { Transaction } from './transaction.js';

/** The run being encoded. Shared by all connections: each turn leaves it empty. */
const scratch: Output = new Output(64 << 10, 1 << 20);
/** Where replies go that the client does not want. */
const sink: Output = new Output(128, 4096);

export class Connection implements Session {
  readonly id: number;
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly connectedMs: number;
  activeMs: number;
  name = '';
  libraryName = '';
  libraryVersion = '';
  resp3 = false;
  authenticated: boolean;
  replyMode: ReplyMode = 'on';
  noEvict = false;
  lastCommand = 'NULL';
  readonly host: SessionHost;
  readonly out: Output = new Output(1024, 64 << 10);

  readonly #socket: Socket;
  readonly #parser: RequestParser = new RequestParser();
  readonly #pipeline: Pipeline;
  readonly #transaction: Transaction = new Transaction();
  readonly #reply: Reply = new Reply(sink);
  readonly #limitKibibytes: number;
  #runCount = 0;
  #runReadOnly = true;
  #runMuted = false;
  #muted = false;
  #watching: Buffer[] | undefined = undefined;
  #working = false;
  #scheduled = false;
  /** The client will send no more. */
  #ended = false;
  #closing = false;
  #closed = false;

  constructor(id: number, socket: Socket, host: SessionHost) {
    this.id = id;
    this.#socket = socket;
    this.host = host;
    this.remoteAddress = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`;
    this.localAddress = `${socket.localAddress ?? ''}:${socket.localPort ?? 0}`;
    this.connectedMs = host.nowMs();
    this.activeMs = this.connectedMs;
    this.#limitKibibytes = Math.ceil(host.settings.memoryBytesMax / 1024);
    this.#pipeline = new Pipeline(host.settings.service, this);
    this.authenticated = host.settings.password === undefined;
    this.#parser.limits.authenticated = this.authenticated;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('end', () => {
      this.#ended = true;
      this.progress();
    });
    socket.on('drain', () => {
      this.#pipeline.goOn();
      this.progress();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#gone());
  }

  get queued(): number {
    return this.#transaction.open ? this.#transaction.count : -1;
  }

  get backlogBytes(): number {
    return this.out.length + this.#socket.writableLength;
  }

  get choked(): boolean {
    return this.#socket.writableNeedDrain && this.backlogBytes >= this.host.settings.outputPauseBytes;
  }

  admit(): void {
    this.authenticated = true;
    this.#parser.limits.authenticated = true;
  }

  quit(): void {
    this.#closing = true;
    this.progress();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  progress(): void {
    if (this.#closed) return;
    if (this.out.length >= this.host.settings.outputPauseBytes) this.#write();
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => this.#turn());
  }

  watched(versions: Uint8Array): void {
    const keys = this.#watching ?? [];
    this.#watching = undefined;
    if (versions.length === 0) return;
    const bytes = Buffer.from(versions);
    const complete = keys.every((key, i) => this.#transaction.watch(key, bytes.readDoubleLE(8 * i)));
    this.#reply.to(this.#muted ? sink : this.out, this.resp3);
    if (complete) this.#reply.ok();
    else this.#reply.error('ERR too many watched keys');
  }

  #received(chunk: Buffer): void {
    if (this.#closing) return;
    this.#parser.feed(chunk);
    this.activeMs = this.host.nowMs();
    this.#work();
    this.progress();
  }

  #turn(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    this.#work();
    this.#write();
    if (this.#closing && this.#pipeline.idle && this.out.length === 0) this.#socket.destroySoon();
  }

  #write(): void {
    const length = this.out.length;
    if (length === 0) return;
    this.#socket.write(this.out.buffer.subarray(0, length));
    if (this.#socket.writableLength === 0) this.out.clear();
    else this.out.take();
    if (this.#socket.writableLength > this.host.settings.outputBytesMax) this.#socket.destroy();
  }

  /** Whether another request may be looked at. */
  #ready(): boolean {
    const { pipelineMax, outputPauseBytes } = this.host.settings;
    return (
      !this.#closing &&
      this.#watching === undefined &&
      !this.#pipeline.held &&
      this.#pipeline.outstanding + this.#runCount < pipelineMax &&
      this.backlogBytes < outputPauseBytes
    );
  }

  /** Takes requests from the parser as far as it may. */
  #work(): void {
    if (this.#working) return;
    this.#working = true;
    let hungry = false;
    try {
      while (this.#ready()) {
        if (!this.#parser.next()) {
          hungry = true;
          if (this.#ended) this.#closing = true;
          break;
        }
        this.#request();
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#ownReply().error(`ERR ${error.message}`);
      this.#closing = true;
    } finally {
      this.#endRun();
      this.#working = false;
    }
    this.#pipeline.flush();
    if (hungry && this.#socket.isPaused()) this.#socket.resume();
    else if (!hungry && !this.#closing) this.#socket.pause();
  }

  #request(): void {
    const parser = this.#parser;
    this.host.counters.commands++;
    this.#muted = this.replyMode !== 'on';
    if (this.replyMode === 'skip') this.replyMode = 'on';
    const spec = commandByName(parser.bytes, parser.starts[0]!, parser.ends[0]!);
    if (spec === undefined) {
      this.#refuse(unknownCommand(parser));
      return;
    }
    this.lastCommand = spec.name;
    const wrong = misfit(spec, parser);
    if (wrong !== undefined) this.#reject(spec, wrong);
    else if (!this.authenticated && !isOpenToStrangers(spec)) {
      this.#reject(spec, 'NOAUTH Authentication required.');
    } else if (spec.kind === 'local') this.#own(spec);
    else this.#encode(spec);
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
    if (!queueing && this.#runCount > 0 && this.#runMuted !== this.#muted) this.#endRun();
    const before = scratch.length;
    const at = beginCommand(
      scratch,
      spec.opcode,
      this.resp3,
      queueing || !spec.grows ? 0 : this.#limitKibibytes,
    );
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
      return;
    }
    scratch.length = before;
    if (this.#transaction.queue(scratch.buffer, at + 4, at + 4 + length)) this.#ownReply().status('QUEUED');
    else this.#refuse('ERR transaction too large');
  }

  /** A command has been added to the run. */
  #counted(readOnly: boolean): void {
    this.#runMuted = this.#muted;
    this.#runCount++;
    if (!readOnly) this.#runReadOnly = false;
    if (scratch.length >= RUN_BYTES_MAX) this.#endRun();
  }

  #endRun(watch = false): void {
    const count = this.#runCount;
    if (count === 0) return;
    const readOnly = this.#runReadOnly;
    const length = scratch.length;
    this.#runCount = 0;
    this.#runReadOnly = true;
    this.#pipeline.add(count, scratch.buffer, length, readOnly, watch, this.#runMuted);
    scratch.clear();
  }

  #tooLong(spec: CommandSpec): string | undefined {
    const { argc, starts, ends } = this.#parser;
    const { keyBytesMax, valueBytesMax } = this.host.settings;
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
        this.#closing = true;
        return;
      case 'reset':
        this.#reset();
        return;
    }
    if (!transaction.open) this.#runOwn(spec, this.#argv());
    else if (transaction.queueOwn(spec, this.#argv())) this.#ownReply().status('QUEUED');
    else this.#refuse('ERR transaction too large');
  }

  #runOwn(spec: CommandSpec, argv: readonly Buffer[]): void {
    if (spec.name === 'unwatch') {
      this.#transaction.unwatch();
      this.#ownReply().ok();
      return;
    }
    if (asksForReplies(argv)) this.#muted = false;
    OWN_COMMANDS[spec.name]?.(this, argv, this.#ownReply());
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
    this.#endRun();
    const keys = this.#argv().slice(1);
    const at = beginCommand(scratch, spec.opcode, this.resp3, 0);
    for (const key of keys) addArgument(scratch, key, 0, key.length);
    endCommand(scratch, at);
    this.#watching = keys;
    this.#runMuted = this.#muted;
    this.#runCount = 1;
    this.#endRun(true);
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
    if (this.#runCount > 0 && this.#runMuted !== this.#muted) this.#endRun();
    const before = scratch.length;
    const reply = new Reply(sink);
    const length = transaction.encode(scratch, this.resp3, this.#limitKibibytes, (spec, argv, to) => {
      reply.to(to, this.resp3);
      if (spec.name === 'unwatch') reply.ok();
      else OWN_COMMANDS[spec.name]?.(this, argv, reply);
    });
    transaction.end();
    if (length <= COMMAND_BYTES_MAX) this.#counted(false);
    else {
      scratch.length = before;
      this.#ownReply().error('EXECABORT Transaction discarded because of: ERR transaction too large');
    }
  }

  #reset(): void {
    this.#transaction.end();
    this.name = '';
    this.resp3 = false;
    this.noEvict = false;
    this.replyMode = 'on';
    this.#muted = false;
    this.authenticated = this.host.settings.password === undefined;
    this.#parser.limits.authenticated = this.authenticated;
    this.#ownReply().status('RESET');
  }

  /** A request that is not looked at any further; an EXEC takes its transaction with it. */
  #reject(spec: CommandSpec, text: string): void {
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
    if (this.#muted) {
      sink.clear();
      this.#reply.to(sink, this.resp3);
      return this.#reply;
    }
    this.#endRun();
    this.#reply.to(this.#pipeline.ownReply(), this.resp3);
    return this.#reply;
  }

  /** The arguments, copied. */
  #argv(): Buffer[] {
    const { bytes, argc, starts, ends } = this.#parser;
    const argv: Buffer[] = [];
    for (let i = 0; i < argc; i++) argv.push(Buffer.from(bytes.subarray(starts[i]!, ends[i]!)));
    return argv;
  }

  #gone(): void {
    this.#closed = true;
    this.#closing = true;
    this.#pipeline.abandon();
  }
}

function isOpenToStrangers(spec: CommandSpec): boolean {
  return spec.name === 'auth' || spec.name === 'hello' || spec.name === 'quit' || spec.name === 'reset';
}

/** CLIENT REPLY ON is answered though the client wanted no replies before. */
function asksForReplies(argv: readonly Buffer[]): boolean {
  return argv.length === 3 && /^client reply on$/i.test(argv.join(' '));
}
