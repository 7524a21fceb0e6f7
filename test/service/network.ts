/**
 * A network of Linux for replicas on one machine: a network namespace each, a pair of veth devices between
 * any two of them, and one from each to where the campaign runs, which no fault touches. The program must be
 * in a network and a mount namespace of its own, and is root there.
 *
 * 1. Each direction of a link has its own rate and can be cut by itself. A cut is silent, as of a cable: the
 *    sender's kernel is told nothing.
 * 2. What went over a link is counted by the kernel.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';

/** What a slow link keeps waiting, as routers do, in milliseconds. */
const QUEUE_MS = 50;
/** What may leave at once, in milliseconds: below 64 KiB the kernel has to cut packets up, which costs. */
const BURST_MS = 10;
const BURST_BYTES_MIN = 16 << 10;

/** One direction: from one replica to another. */
export type Way = readonly [from: number, to: number];

/** Both directions of each link between one of `some` and one of `others`. */
export function bothWays(some: readonly number[], others: readonly number[]): readonly Way[] {
  return some.flatMap((a) =>
    others.flatMap((b): Way[] => [
      [a, b],
      [b, a],
    ]),
  );
}

function ip(...args: readonly (string | number)[]): string {
  return execFileSync('ip', args.map(String), { encoding: 'utf8' });
}

export class Network {
  readonly ids: readonly number[];
  #rate: number | undefined;

  /** A namespace for each id, and links of any rate between all of them. */
  constructor(ids: readonly number[]) {
    this.ids = ids;
    if (!fs.existsSync('/run/netns')) {
      execFileSync('mount', ['-t', 'tmpfs', 'none', '/run']);
    }
    ip('link', 'set', 'lo', 'up');
    for (const id of ids) {
      ip('netns', 'add', this.#space(id));
      ip('-n', this.#space(id), 'link', 'set', 'lo', 'up');
      ip('link', 'add', `out${id}`, 'type', 'veth', 'peer', 'name', 'out', 'netns', this.#space(id));
      ip('addr', 'add', `10.0.${id}.1/24`, 'dev', `out${id}`);
      ip('link', 'set', `out${id}`, 'up');
      ip('-n', this.#space(id), 'addr', 'add', `10.0.${id}.2/24`, 'dev', 'out');
      ip('-n', this.#space(id), 'link', 'set', 'out', 'up');
    }
    for (const a of ids) {
      for (const b of ids) if (a < b) this.#connect(a, b);
    }
  }

  /** Takes the namespaces away, and the links with them; nothing may run there any more. */
  close(): void {
    for (const id of this.ids) {
      // The kernel takes a namespace apart when it comes to it; the names here are used again at once.
      ip('link', 'del', `out${id}`);
      ip('netns', 'del', this.#space(id));
    }
  }

  /** The command that runs a program where `id` lives. */
  command(id: number, program: string, args: readonly string[]): readonly [string, readonly string[]] {
    return ['ip', ['netns', 'exec', this.#space(id), program, ...args]];
  }

  /** The host at which `from` reaches `to`. */
  host(from: number, to: number): string {
    const [low, high] = from < to ? [from, to] : [to, from];
    return `10.${low}.${high}.${to}`;
  }

  /** The host at which the campaign reaches `id`. */
  outsideHost(id: number): string {
    return `10.0.${id}.2`;
  }

  /** Each direction of each link carries no more than this, in bytes a second; by default anything. */
  limit(bytesPerSecond: number | undefined): Promise<void> {
    this.#rate = bytesPerSecond;
    return this.cut([]);
  }

  /** From now on what goes these ways, each from one to another, is lost, and nothing else. */
  async cut(ways: readonly Way[]): Promise<void> {
    const lost = new Set(ways.map(([from, to]) => `${from}-${to}`));
    const changes = this.ids.map((from) => {
      const lines = this.ids.filter((to) => to !== from).map((to) => this.#discipline(from, to, lost));
      return this.#disciplines(from, lines.join(''));
    });
    await Promise.all(changes);
  }

  /** Bytes that have left `from` for `to`, as the kernel counts them. */
  bytesSent(from: number, to: number): number {
    const json = ip('-n', this.#space(from), '-s', '-j', 'link', 'show', `to${to}`);
    const [device] = JSON.parse(json) as readonly { stats64: { tx: { bytes: number } } }[];
    return device!.stats64.tx.bytes;
  }

  #connect(a: number, b: number): void {
    const [spaceA, spaceB] = [this.#space(a), this.#space(b)];
    ip('-n', spaceA, 'link', 'add', `to${b}`, 'type', 'veth', 'peer', 'name', `to${a}`, 'netns', spaceB);
    for (const [space, own, other] of [
      [spaceA, a, b],
      [spaceB, b, a],
    ] as const) {
      ip('-n', space, 'addr', 'add', `10.${a}.${b}.${own}/24`, 'dev', `to${other}`);
      ip('-n', space, 'link', 'set', `to${other}`, 'up');
    }
  }

  #discipline(from: number, to: number, lost: ReadonlySet<string>): string {
    const rate = this.#rate;
    let kind = 'pfifo';
    if (lost.has(`${from}-${to}`)) kind = 'blackhole';
    else if (rate !== undefined) {
      const burst = Math.max(BURST_BYTES_MIN, (rate * BURST_MS) / 1000);
      kind = `tbf rate ${rate * 8}bit burst ${burst} latency ${QUEUE_MS}ms`;
    }
    return `qdisc replace dev to${to} root ${kind}\n`;
  }

  /** Beside everything else that this process does: a fault must not hold up who measures it. */
  async #disciplines(id: number, lines: string): Promise<void> {
    const child = spawn('tc', ['-n', this.#space(id), '-batch', '-'], {
      stdio: ['pipe', 'inherit', 'inherit'],
    });
    child.stdin.end(lines);
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`tc ends with ${code} at\n${lines}`);
  }

  #space(id: number): string {
    return `r${id}`;
  }
}
