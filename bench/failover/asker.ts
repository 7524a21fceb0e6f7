/**
 * One client at a replica's Redis port: a small write every millisecond over one connection, whether earlier
 * ones were answered or not.
 *
 * 1. What is told are the moments at which a write was acknowledged; a pause of this process is a pause of
 *    its answers, and counts.
 * 2. An answer that is an error is counted by its first word, and acknowledges nothing.
 */
import { connect, type Socket } from 'node:net';

const BEAT_MS = 1;
/** What was missed while this process stood still is not asked for all at once. */
const BURST_MAX = 20;
const LINE_END = 10;
const OK_FIRST = '+';

export class Asker {
  readonly refused: Record<string, number> = {};
  /** Writes acknowledged. */
  acknowledged = 0;
  /** When the last one was; and the longest time between two since `begin`. */
  #lastMs = 0;
  #longestMs = 0;
  readonly #socket: Socket;
  #text = '';
  #number = 0;
  #sentMs: number;
  readonly #timer: NodeJS.Timeout;

  constructor(host: string, port: number) {
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on('error', () => {});
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#sentMs = performance.now();
    this.#timer = setInterval(() => this.#send(), BEAT_MS);
  }

  /** The longest pause is looked for from now on. */
  begin(): void {
    this.#longestMs = 0;
  }

  /** The longest time between two acknowledged writes, up to the last one. */
  get longestMs(): number {
    return this.#longestMs;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.destroy();
  }

  #send(): void {
    const nowMs = performance.now();
    const due = Math.min(BURST_MAX, Math.floor((nowMs - this.#sentMs) / BEAT_MS));
    if (due < 1 || this.#socket.connecting) return;
    this.#sentMs = nowMs;
    let text = '';
    for (let n = 0; n < due; n++) text += `SET ask:${this.#number % 1000} ${this.#number++}\r\n`;
    this.#socket.write(text);
  }

  #take(chunk: Buffer): void {
    const nowMs = performance.now();
    this.#text += chunk.toString('latin1');
    const end = this.#text.lastIndexOf(String.fromCharCode(LINE_END)) + 1;
    const lines = this.#text.slice(0, end).split('\r\n');
    this.#text = this.#text.slice(end);
    for (const line of lines) if (line !== '') this.#answer(line, nowMs);
  }

  #answer(line: string, nowMs: number): void {
    if (!line.startsWith(OK_FIRST)) {
      const [word = ''] = line.slice(1).split(' ');
      this.refused[word] = (this.refused[word] ?? 0) + 1;
      return;
    }
    if (this.acknowledged++ > 0) this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }
}
