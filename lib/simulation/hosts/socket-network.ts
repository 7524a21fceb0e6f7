/**
 * The sockets of simulated machines: who listens where, how connections are opened, and what becomes of them
 * when a process or its machine ends. Every process gets `Sockets` of its own.
 */
import type { Address } from '../../transport/address.js';
import { formatAddress, parseAddress } from '../../transport/address.js';
import type { Listener } from '../../transport/listener.js';
import type { Socket, Sockets } from '../../transport/sockets.js';
import type { Clock } from '../clock.js';
import type { EventLoop } from './event-loop.js';
import { Stream, type StreamSurroundings } from './stream.js';
import type { Wires } from './wires.js';

/** The first repetition of a call that nobody answers; each later one takes twice as long. */
const CALL_AGAIN_MS = 1000;

class SimulatedListener implements Listener {
  connectionsMax = Number.POSITIVE_INFINITY;
  onError: (error: Error) => void = () => {};
  readonly address: string;
  readonly loop: EventLoop;
  readonly machine: number;
  readonly onSocket: (socket: Socket) => void;
  isOpen = true;
  private connections = 0;
  private whenNone: (() => void) | undefined;

  constructor(address: string, machine: number, loop: EventLoop, onSocket: (socket: Socket) => void) {
    this.address = address;
    this.machine = machine;
    this.loop = loop;
    this.onSocket = onSocket;
  }

  took(stream: Stream): void {
    this.connections++;
    const { onGone } = stream;
    stream.onGone = () => {
      onGone();
      this.connections--;
      this.look();
    };
  }

  close(): Promise<void> {
    this.isOpen = false;
    return new Promise((resolve) => {
      this.whenNone = () => this.loop.arrive(resolve);
      this.look();
    });
  }

  private look(): void {
    if (this.connections > 0 || this.whenNone === undefined) return;
    this.whenNone();
    this.whenNone = undefined;
  }
}

export class SocketNetwork {
  readonly wires: Wires;
  private readonly clock: Clock;
  private readonly around: StreamSurroundings;
  private readonly listeners = new Map<string, SimulatedListener>();
  private readonly streams = new Map<EventLoop, Set<Stream>>();

  constructor(
    clock: Clock,
    wires: Wires,
    delivered: (stream: Stream, bytes: number) => void,
    dropped: () => void,
  ) {
    this.clock = clock;
    this.wires = wires;
    this.around = { clock, wires, delivered, dropped };
  }

  /** The sockets of the process on `machine` whose loop is `loop`. */
  socketsOf(machine: number, loop: EventLoop): Sockets {
    return {
      connect: (address) => this.connect(machine, loop, address),
      listen: async (text, onSocket) => {
        const listener = new SimulatedListener(text, machine, loop, onSocket);
        this.listeners.set(formatAddress(parseAddress(text)), listener);
        return listener;
      },
    };
  }

  /** Whether no connection between two machines waits to send again. */
  isFlowing(one: number, other: number): boolean {
    for (const streams of this.streams.values()) {
      for (const stream of streams) {
        const isTheirs =
          (stream.machine === one && stream.other?.machine === other) ||
          (stream.machine === other && stream.other?.machine === one);
        if (isTheirs && stream.isStuck) return false;
      }
    }
    return true;
  }

  /** The process of `loop` is dead, and with `powerless` its machine. */
  ended(loop: EventLoop, powerless: boolean): void {
    for (const [address, listener] of this.listeners) {
      if (listener.loop === loop) this.listeners.delete(address);
    }
    for (const stream of this.streams.get(loop) ?? []) stream.abandoned(powerless);
    this.streams.delete(loop);
  }

  private connect(machine: number, loop: EventLoop, address: Address): Socket {
    const name = formatAddress(address);
    const stream = this.add(new Stream(machine, loop, `from-${machine}`, this.around));
    this.call(stream, machineOf(address), name, CALL_AGAIN_MS);
    return stream;
  }

  private call(stream: Stream, to: number, name: string, againMs: number): void {
    const { wires, clock } = this;
    if (stream.isGone) return;
    if (!wires.passes(stream.machine, to) || !wires.passes(to, stream.machine)) {
      clock.after(againMs, () => this.call(stream, to, name, againMs * 2));
      return;
    }
    clock.after(wires.arrivalOf(stream.machine, to, 60) - clock.now, () => {
      const listener = this.listeners.get(name);
      if (listener?.isOpen !== true) return stream.reset('ECONNREFUSED');
      const accepted = this.add(new Stream(to, listener.loop, `from-${stream.machine}`, this.around));
      listener.took(accepted);
      listener.loop.arrive(() => listener.onSocket(accepted));
      accepted.opened(stream);
      clock.after(wires.arrivalOf(to, stream.machine, 60) - clock.now, () => stream.opened(accepted));
    });
  }

  private add(stream: Stream): Stream {
    const { loop } = stream;
    const streams = this.streams.get(loop) ?? new Set<Stream>();
    streams.add(stream);
    this.streams.set(loop, streams);
    stream.onGone = () => streams.delete(stream);
    return stream;
  }
}

/** Replica 3 listens on `r3:1`. */
export function addressOf(machine: number): string {
  return `r${machine}:1`;
}

function machineOf(address: Address): number {
  return 'host' in address ? Number(address.host.slice(1)) : 0;
}
