/** A replica as systemd starts it: what it says on the socket that systemd would read, and when. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freePorts, indelible, PROGRAM, temporaryDirectory } from './cluster-process.js';

/** Prints each datagram as a line. What comes with one is closed at once, as systemd does: so it is read. */
const RECEIVER = `
import socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print('bound', flush=True)
while True:
    print(receiver.recv(4096).decode(), flush=True)
`;

let directory: string;
let processes: ChildProcess[];
let serveArguments: string[];
let httpPort: number;

beforeEach(async () => {
  directory = temporaryDirectory();
  processes = [];
  const { port, peerPort } = await freePorts();
  httpPort = port;
  const at = (name: string): string => path.join(directory, name);
  const plan = ['--plan', at('plan.json')];
  const store = ['--dir', at('store'), '--backend', 'file'];
  const commands = [
    [...plan, '--new-plan', '1'],
    [...plan, ...store, '--replica', '1', '--region-size', '2MiB'],
  ];
  for (const command of commands) expect((await indelible('format', ...command)).problems).toBe('');
  const peer = `127.0.0.1:${peerPort}`;
  const ports = ['--listen', peer, '--peers', `1=${peer}`, '--http', `127.0.0.1:${httpPort}`];
  serveArguments = [PROGRAM, 'serve', ...store, ...ports];
});

afterEach(async () => {
  for (const child of processes) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await closed;
  }
  fs.rmSync(directory, { recursive: true, force: true });
});

/** A process and the lines that it prints. */
class Lines {
  readonly child: ChildProcess;
  readonly seen: string[] = [];
  readonly ended: Promise<number | null>;
  #wake: () => void = () => {};

  constructor(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
    processes.push(this.child);
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.seen.push(line);
      this.#wake();
    });
  }

  async until(isEnough: (seen: readonly string[]) => boolean): Promise<void> {
    while (!isEnough(this.seen)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function serve(environment: Record<string, string>): Lines {
  return new Lines(process.execPath, serveArguments, { ...process.env, ...environment });
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

it('says that it is ready when its ports listen, feeds the watchdog, and says that it stops', async () => {
  const socket = path.join(directory, 'notify');
  const receiver = new Lines('python3', ['-c', RECEIVER, socket]);
  await receiver.until((seen) => seen.includes('bound'));
  const replica = serve({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: '100000' });
  await receiver.until((seen) => seen.includes('READY=1'));
  expect(await canConnect(httpPort)).toBe(true);
  await receiver.until((seen) => seen.filter((line) => line === 'WATCHDOG=1').length === 3);
  replica.child.kill('SIGTERM');
  expect(await replica.ended).toBe(0);
  await receiver.until((seen) => seen.includes('STOPPING=1'));
  // `systemd-notify` asks with each message that it be read.
  const states = receiver.seen.filter((line) => line !== 'bound' && line !== 'BARRIER=1');
  expect(states[0]).toBe('READY=1');
  expect(new Set(states.slice(1, -1))).toEqual(new Set(['WATCHDOG=1']));
  expect(states.at(-1)).toBe('STOPPING=1');
});

it('goes on, and says so, where systemd cannot be told', async () => {
  const replica = serve({ NOTIFY_SOCKET: path.join(directory, 'nobody') });
  await replica.until((seen) => seen.some((line) => line.includes('systemd cannot be told of this replica')));
  expect(await canConnect(httpPort)).toBe(true);
  replica.child.kill('SIGTERM');
  expect(await replica.ended).toBe(0);
});
