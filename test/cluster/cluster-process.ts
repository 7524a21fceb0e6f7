/**
 * A cluster as users run one: `indelible cluster --json` in a process of its own, in a directory of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { PROJECT_ROOT } from '../packaging/sources.js';

export const PROGRAM: string = path.join(PROJECT_ROOT, 'dist', 'cli', 'main.js');

/** One line that the cluster printed. */
export interface ClusterEvent {
  readonly event: string;
  readonly replica?: number;
  readonly leader?: number;
  readonly durability?: string;
  /** Of an event `unusable`. */
  readonly failure?: { readonly code: string };
  /** Of an event `disk`. */
  readonly state?: string;
  readonly replicas?: readonly { readonly id: number; readonly redis: string; readonly pid: number }[];
}

export interface Ports {
  readonly port: number;
  readonly peerPort: number;
}

const SPAN = 10;
/** Runs of ports, and the workers of a test run that share them out among themselves. */
const RUNS = 250;
/** HTTP ports lie 200 above peer ports: of each block of 400 ports the upper half is theirs. */
const RUNS_IN_BLOCK = 10;
const BLOCK = 400;
const HTTP_ABOVE_PEERS = 200;
const WORKERS_MAX = 20;
const worker = Number(process.env['VITEST_POOL_ID'] ?? 0) % WORKERS_MAX;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * Two runs of ten ports, free now, below those that the system hands out by itself; what another worker picks
 * at the same time is not among them.
 */
export async function freePorts(): Promise<Ports> {
  for (;;) {
    const run = Math.floor((Math.random() * RUNS) / WORKERS_MAX) * WORKERS_MAX + worker;
    const port = 20_000 + BLOCK * Math.floor(run / RUNS_IN_BLOCK) + 2 * SPAN * (run % RUNS_IN_BLOCK);
    const ports = Array.from({ length: 2 * SPAN }, (_, index) => port + index);
    const http = ports.slice(SPAN).map((peer) => peer + HTTP_ABOVE_PEERS);
    const all = await Promise.all([...ports, ...http].map(isFree));
    if (all.every((free) => free)) return { port, peerPort: port + SPAN };
  }
}

export function temporaryDirectory(parent: string = os.tmpdir()): string {
  return fs.mkdtempSync(path.join(parent, 'indelible-cluster-'));
}

export class ClusterProcess {
  readonly child: ChildProcess;
  readonly events: ClusterEvent[] = [];
  readonly exited: Promise<number | null>;
  problems = '';
  #hasExited = false;
  #wake: () => void = () => {};

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [PROGRAM, 'cluster', '--json', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.events.push(JSON.parse(line) as ClusterEvent);
      this.#wake();
    });
    this.child.stderr!.on('data', (text) => {
      this.problems += String(text);
    });
    this.exited = new Promise((resolve) => {
      this.child.once('close', (code) => {
        this.#hasExited = true;
        resolve(code);
        this.#wake();
      });
    });
  }

  /**
   * The first event of that name among those from number `since` on, as soon as it is there.
   * @throws when the process ends without it
   */
  async event(name: string, since = 0): Promise<ClusterEvent> {
    for (;;) {
      const found = this.events.slice(since).find(({ event }) => event === name);
      if (found !== undefined) return found;
      if (this.#hasExited) throw new Error(`the cluster ended without "${name}": ${this.problems}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.exited;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export interface CommandResult {
  readonly code: number | null;
  readonly out: string;
  readonly problems: string;
}

/** Runs one command of the program to its end. */
export function indelible(...args: readonly string[]): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let problems = '';
    child.stdout.on('data', (text) => {
      out += String(text);
    });
    child.stderr.on('data', (text) => {
      problems += String(text);
    });
    child.once('close', (code) => resolve({ code, out, problems }));
  });
}
