/**
 * What a replica tells the systemd that started it, as sd_notify(3) has it, through the program
 * `systemd-notify`: Node.js has no datagram sockets of Unix.
 *
 * 1. Without NOTIFY_SOCKET nothing is done at all.
 * 2. The watchdog is fed from a timer of the event loop, twice in the time that systemd allows: a loop that
 *    stands still feeds nothing. It says that the process turns, not that the replica is well.
 * 3. One message at a time, in order, each at most the 5 s of `systemd-notify`. They neither pile up nor
 *    overtake each other.
 * 4. That systemd cannot be told is reported once, and stops nothing.
 */
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** The longest that a timer of Node.js can wait; with more it would not wait at all. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Resolves when the message has been read, with what kept it from that otherwise. */
export type Send = (state: string) => Promise<Error | undefined>;

export class ServiceManager {
  readonly #feedMs: number | undefined;
  readonly #onProblem: (error: Error) => void;
  readonly #send: Send;
  #timer: NodeJS.Timeout | undefined;
  #sent: Promise<void> = Promise.resolve();
  #unsent = 0;
  #hasFailed = false;

  constructor(feedMs: number | undefined, onProblem: (error: Error) => void, send: Send) {
    this.#feedMs = feedMs;
    this.#onProblem = onProblem;
    this.#send = send;
  }

  /** The store is open, and every port listens. */
  ready(): void {
    this.#tell('READY=1');
    if (this.#feedMs === undefined) return;
    // The process ends when it has closed, not when this timer has.
    this.#timer = setInterval(() => {
      if (this.#unsent === 0) this.#tell('WATCHDOG=1');
    }, this.#feedMs).unref();
  }

  /** It closes. Nothing is fed any more: systemd has a time of its own for that. */
  stopping(): void {
    clearInterval(this.#timer);
    this.#tell('STOPPING=1');
  }

  #tell(state: string): void {
    this.#unsent++;
    this.#sent = this.#sent.then(async () => {
      const error = await this.#send(state);
      this.#unsent--;
      if (error === undefined || this.#hasFailed) return;
      this.#hasFailed = true;
      this.#onProblem(error);
    });
  }
}

/** The one that started this process and wants to hear of it; undefined where there is none. */
export function serviceManagerOf(
  environment: Environment,
  pid: number,
  onProblem: (error: Error) => void,
): ServiceManager | undefined {
  if ((environment['NOTIFY_SOCKET'] ?? '') === '') return undefined;
  return new ServiceManager(feedMsOf(environment, pid), onProblem, courier());
}

/**
 * Milliseconds between two feedings: half of what systemd allows; undefined if it watches nobody, or another
 * process.
 */
export function feedMsOf(environment: Environment, pid: number): number | undefined {
  const { WATCHDOG_USEC: allowed = '', WATCHDOG_PID: watched = '' } = environment;
  if (!/^[1-9]\d{0,18}$/.test(allowed)) return undefined;
  if (watched !== '' && watched !== String(pid)) return undefined;
  return Math.min(Math.max(1, Math.floor(Number(allowed) / 2000)), TIMER_MS_MAX);
}

/**
 * A shell that is started once, while this process is small, and runs it for each line: a fork takes
 * a process with gigabytes of memory long, and it answers nobody meanwhile. It ends when this process does.
 * Without `--no-block` the program stays until systemd has read it: a sender that is gone has no unit.
 */
const COURIER = `trap '' TERM INT HUP; while read -r state; do systemd-notify "$state"; echo $?; done`;

function courier(): Send {
  const child = spawn('sh', ['-c', COURIER], { stdio: ['pipe', 'pipe', 'ignore'] });
  let gone: Error | undefined;
  let settle: (error?: Error) => void = () => {};
  const end = (error: Error): void => {
    gone ??= error;
    settle(gone);
  };
  child.on('error', end).on('close', () => end(new Error('the shell that runs systemd-notify has ended')));
  child.stdin.on('error', end);
  createInterface({ input: child.stdout }).on('line', (status) =>
    settle(status === '0' ? undefined : new Error(`systemd-notify ends with exit code ${status}`)),
  );
  // None of them keeps this process alive.
  for (const handle of [child, child.stdin as Socket, child.stdout as Socket]) handle.unref();
  return (state) =>
    new Promise((resolve) => {
      if (gone !== undefined) return resolve(gone);
      settle = resolve;
      child.stdin.write(`${state}\n`);
    });
}
