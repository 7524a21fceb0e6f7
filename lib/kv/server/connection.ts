/**
 * One client: bytes in, requests to the service in runs, replies out in the order of the requests.
 *
 * 1. One socket write a turn, whatever was answered in it, unless that is very much; one `flush` of the
 *    service for each turn's requests.
 * 2. Requests are taken one after the other until there is a stop (reading.ts); requests already received
 *    wait in the parser meanwhile, and nothing more is read. Each of the wakers named there calls `progress`.
 * 3. Memory is bounded: an incomplete request, one chunk behind it, the runs of `pipelineMax` requests as
 *    far as the service takes them, `outputPauseBytes` of own replies behind them and as much unread, one
 *    reply each beyond that; what the service answers at once beyond `outputBytesMax` ends the connection.
 * 4. After QUIT, a protocol error or the client's end of input no request is taken; when what came before is
 *    answered the connection is ended, and what the client still sends is read and dropped for a moment:
 *    closing over unread bytes would take the last replies from it.
 */
import type { Socket } from 'node:net';
import type { User } from '../acl/user.js';
import { Output } from '../resp/output.js';
import { ProtocolError } from '../resp/protocol-error.js';
import { RequestParser } from '../resp/request-parser.js';
import { hostOf } from './auth-delays.js';
import { Pipeline, type PipelineOwner } from './pipeline.js';
import { type Flow, type FlowLimits, type Stop, stopOf } from './reading.js';
import { RequestHandler } from './request-handler.js';
import type { ReplyMode, Session, SessionHost, SessionMemory } from './session.js';

/** Bytes of replies that the port makes for one client before it turns to the others. */
const SHARE_BYTES: number = 256 << 10;
/** A client that was sent everything may go on sending for so long, and so much, before it is closed. */
const LINGER_MS = 1000;
const LINGER_BYTES_MAX: number = 64 << 20;

export class Connection implements Session, Flow, PipelineOwner {
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
  user: User;
  replyMode: ReplyMode = 'on';
  noEvict = false;
  lastCommand = 'NULL';
  readonly host: SessionHost;
  readonly out: Output = new Output(1024, 64 << 10);
  over = false;
  choked = false;
  delayed = false;
  /** Why reading stands still, as of the last turn. */
  stop: Stop = 'input';

  readonly #socket: Socket;
  readonly #parser: RequestParser = new RequestParser();
  readonly #pipeline: Pipeline;
  readonly #handler: RequestHandler;
  readonly #limits: FlowLimits;
  /** A turn is due. */
  #scheduled = false;
  /** The client will send no more. */
  #ended = false;
  #closed = false;
  /** Everything has been answered, and nothing more is sent. */
  #finished = false;
  #lingering: NodeJS.Timeout | undefined = undefined;
  #delay: NodeJS.Timeout | undefined = undefined;
  #droppedBytes = 0;
  /** Most that was written at once. */
  #peakBytes = 0;

  constructor(id: number, socket: Socket, host: SessionHost) {
    const { settings } = host;
    this.id = id;
    this.#socket = socket;
    this.host = host;
    this.remoteAddress = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`;
    this.localAddress = `${socket.localAddress ?? ''}:${socket.localPort ?? 0}`;
    this.connectedMs = host.monotonicMs();
    this.activeMs = this.connectedMs;
    this.#pipeline = new Pipeline(settings.service, this);
    this.#handler = new RequestHandler(this, this.#parser, this.#pipeline);
    this.#limits = {
      pipelineMax: settings.pipelineMax,
      heldBytesMax: settings.outputPauseBytes,
      shareBytesMax: Math.min(SHARE_BYTES, settings.outputPauseBytes),
    };
    this.user = host.users.default;
    this.authenticated = this.user.isFree;
    this.#parser.limits.authenticated = this.authenticated;
    this.#delayFor(host.authDelays.remaining(this.#address, this.connectedMs));
    socket.setNoDelay(true);
    if (settings.keepaliveSeconds > 0) socket.setKeepAlive(true, settings.keepaliveSeconds * 1000);
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('end', () => {
      this.#ended = true;
      this.progress();
    });
    socket.on('drain', () => this.#drained());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#gone());
  }

  get queued(): number {
    return this.#handler.queued;
  }

  get backlogBytes(): number {
    return this.out.length + this.#socket.writableLength;
  }

  get descriptor(): number {
    const { _handle } = this.#socket as unknown as { readonly _handle?: { readonly fd?: number } | null };
    return _handle?.fd ?? -1;
  }

  get events(): string {
    return (this.#socket.isPaused() ? '' : 'r') + (this.#socket.writableLength > 0 ? 'w' : '');
  }

  get memory(): SessionMemory {
    const unreadBytes = this.#socket.writableLength;
    const parts = {
      queryBytes: this.#parser.pendingBytes,
      queryFreeBytes: this.#parser.freeBytes,
      argumentBytes: this.#handler.argumentBytes,
      queuedBytes: this.#handler.queuedBytes,
      replyBufferBytes: this.out.buffer.length,
      unreadBytes,
    };
    const totalBytes = Object.values(parts).reduce((sum, bytes) => sum + bytes, this.heldBytes);
    const unreadChunks = unreadBytes > 0 ? 1 : 0;
    const { length } = this.out;
    return { ...parts, totalBytes, unreadChunks, replyBytes: length, replyPeakBytes: this.#peakBytes };
  }

  get awaiting(): boolean {
    return this.#handler.awaiting;
  }

  get unsent(): number {
    return this.#pipeline.unsent;
  }

  get outstanding(): number {
    return this.#pipeline.outstanding + this.#handler.runCount;
  }

  get heldBytes(): number {
    return this.#pipeline.heldBytes;
  }

  get madeBytes(): number {
    return this.#handler.madeBytes;
  }

  effect(action: () => void): void {
    action();
  }

  admit(user: User): void {
    this.host.authDelays.succeeded(this.#address);
    this.authenticated = true;
    this.#parser.limits.authenticated = true;
    this.user = user;
    // In a transaction the password was given a while ago.
    this.checkUser();
  }

  /** Takes its user's place among the users that there are now; closes if that one may do something else. */
  checkUser(): void {
    const { users } = this.host;
    if (this.authenticated && !users.keeps(this.user)) this.quit();
    else this.user = users.get(this.user.name) ?? users.default;
  }

  punish(): void {
    this.#delayFor(this.host.authDelays.failed(this.#address, this.host.monotonicMs()));
  }

  estrange(): void {
    this.user = this.host.users.default;
    this.authenticated = this.user.isFree;
    this.#parser.limits.authenticated = this.authenticated;
  }

  quit(): void {
    this.over = true;
    this.progress();
  }

  hangUp(): void {
    this.over = true;
    this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Closes a client from which nothing has come since then, and that waits for nothing. */
  closeIdle(sinceMs: number): void {
    if (this.activeMs < sinceMs && this.outstanding === 0) this.#socket.destroy();
  }

  progress(): void {
    if (this.#closed) return;
    if (this.out.length >= this.host.settings.outputPauseBytes) this.#write();
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => this.#turn());
  }

  executed(): void {
    this.host.executed();
  }

  watched(versions: Uint8Array): void {
    this.#handler.watched(versions, this.out);
  }

  answered(isExecuted: boolean): void {
    this.#handler.answered(isExecuted);
  }

  replied(bytes: Uint8Array, start: number): void {
    this.host.counters.replied(bytes, start);
  }

  get #address(): string {
    return hostOf(this.remoteAddress);
  }

  #delayFor(ms: number): void {
    if (ms === 0) return;
    this.delayed = true;
    clearTimeout(this.#delay);
    this.#delay = setTimeout(() => {
      this.delayed = false;
      this.progress();
    }, ms).unref();
  }

  #received(chunk: Buffer): void {
    if (this.over) {
      this.#droppedBytes += chunk.length;
      if (this.#droppedBytes > LINGER_BYTES_MAX) this.#socket.destroy();
      return;
    }
    this.#parser.feed(chunk);
    this.activeMs = this.host.monotonicMs();
    this.host.counters.reads++;
    this.host.counters.inputBytes += chunk.length;
    this.#take();
    this.progress();
  }

  #drained(): void {
    this.choked = false;
    this.activeMs = this.host.monotonicMs();
    this.#pipeline.goOn();
    this.progress();
  }

  #turn(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    this.#handler.madeBytes = 0;
    this.#take();
    this.#write();
    if (this.over) this.#finish();
    else if (this.stop === 'share' && !this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#turn());
    }
  }

  /** Takes requests until there is a stop. */
  #take(): void {
    this.stop = this.#takeAll();
    this.#handler.endRun();
    this.#pipeline.flush();
    const reads = this.stop === 'input' || this.stop === 'over';
    if (reads !== this.#socket.isPaused()) return;
    if (reads) this.#socket.resume();
    else this.#socket.pause();
  }

  #takeAll(): Stop {
    try {
      for (;;) {
        const stop = stopOf(this, this.#limits);
        if (stop !== undefined) return stop;
        if (!this.#parser.next()) {
          if (!this.#ended) return 'input';
          this.over = true;
        } else this.#handler.handle();
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#handler.refuseProtocol(error.message);
      this.over = true;
      return 'over';
    }
  }

  #write(): void {
    const length = this.out.length;
    if (length === 0) return;
    const socket = this.#socket;
    const { outputPauseBytes, outputBytesMax } = this.host.settings;
    this.host.counters.writes++;
    this.host.counters.outputBytes += length;
    if (length > this.#peakBytes) this.#peakBytes = length;
    socket.write(this.out.buffer.subarray(0, length));
    if (socket.writableLength === 0) this.out.clear();
    else this.out.take();
    this.choked = socket.writableNeedDrain && socket.writableLength >= outputPauseBytes;
    if (socket.writableLength > outputBytesMax) socket.destroy();
  }

  /** Ends the connection once all is answered; closes it when the client has read that, or soon after. */
  #finish(): void {
    if (!this.#pipeline.idle || this.#finished) return;
    this.#finished = true;
    this.#socket.end(() => {
      if (!this.#closed) this.#lingering = setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
    });
  }

  #gone(): void {
    this.#closed = true;
    this.over = true;
    clearTimeout(this.#lingering);
    clearTimeout(this.#delay);
    this.#pipeline.abandon();
  }
}
