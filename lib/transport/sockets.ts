/**
 * What a transport needs of the system's sockets: a stream of bytes each way, a way to open one, and a way to
 * be found. Node.js's are behind `systemSockets`; a simulation has its own.
 */
import { connect } from 'node:net';
import type { ReplicaId } from '../types.js';
import type { Address } from './address.js';
import { type Listener, listen } from './listener.js';
import type { Seal } from './seal.js';

/** The part of Node.js's `net.Socket` that links use, with its meaning. */
export interface Socket {
  /** Bytes written that the system has not taken yet. */
  readonly writableLength: number;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  on(event: 'data', hear: (chunk: Buffer) => void): unknown;
  on(event: 'error', hear: (cause: Error) => void): unknown;
  on(event: 'close', hear: () => void): unknown;
  setNoDelay(on: boolean): unknown;
  setKeepAlive(on: boolean, afterMs: number): unknown;
  /** `done` is called when the system has taken these bytes. */
  write(bytes: Uint8Array, done?: () => void): boolean;
  cork(): void;
  uncork(): void;
  pause(): unknown;
  resume(): unknown;
  destroy(): unknown;
  /** Closes when everything written has been taken. */
  destroySoon(): void;
  /** What TLS knows of the other end, once the first bytes have come from there; absent without TLS. */
  seal?(): Seal;
}

export interface Sockets {
  /** Whether what goes over the network is sealed by TLS. */
  readonly isSealed?: boolean;
  /**
   * A socket that is being opened; what is written meanwhile waits for it, and with TLS until the other end
   * has shown that it is replica `wanted`, or any for 0.
   */
  connect(address: Address, wanted: ReplicaId): Socket;
  /**
   * With TLS a socket is handed over when that is agreed on, within `sealedMsMax`.
   * @throws ERR_INDELIBLE_NETWORK when the address cannot be bound.
   */
  listen(address: string, onSocket: (socket: Socket) => void, sealedMsMax: number): Promise<Listener>;
}

export const systemSockets: Sockets = { connect: (address) => connect(address), listen };
