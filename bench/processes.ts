/** The benchmark's child processes: programs of Node.js with an IPC channel, which end with their parent. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

/** Where everything listens that is measured. */
export const HOST = '127.0.0.1';

export class Child {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #exited: Promise<never>;

  private constructor(child: ChildProcess, name: string) {
    this.pid = child.pid!;
    this.#child = child;
    this.#exited = new Promise((_, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => reject(new Error(`${name} ended (${signal ?? code})`)));
    });
    this.#exited.catch(() => {});
  }

  /** Starts a program of bench/, and resolves with it once it has said something: that it is ready. */
  static ofBench(program: string, argument: object): Promise<Child> {
    const path = fileURLToPath(new URL(program, import.meta.url));
    return Child.#start(program, ['--import', 'tsx', path, JSON.stringify(argument)]);
  }

  /** The same for `indelible` itself; what it logs is dropped, what it complains of is not. */
  static ofLibrary(
    args: readonly string[],
    nodeFlags: readonly string[],
    environment: NodeJS.ProcessEnv,
  ): Promise<Child> {
    const path = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
    return Child.#start(`indelible ${args[0]}`, [...nodeFlags, path, ...args], environment);
  }

  static async #start(
    name: string,
    args: readonly string[],
    environment: NodeJS.ProcessEnv = {},
  ): Promise<Child> {
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, ...environment },
    });
    const started = new Child(child, name);
    await started.next();
    return started;
  }

  /** The next message of the program. @throws when it ends instead */
  async next(): Promise<unknown> {
    const [message] = await Promise.race([once(this.#child, 'message'), this.#exited]);
    return message;
  }

  async ask(order: object): Promise<unknown> {
    const answer = this.next();
    this.#child.send(order);
    return answer;
  }

  /** Tells the program to end, and resolves when it has. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.send({ kind: 'stop' });
    await exited;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Ports that nobody listens on now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, HOST));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
