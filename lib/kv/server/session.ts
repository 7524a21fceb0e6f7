/** What a command of the port's own may see and change of its connection. */
import type { Reply } from '../resp/reply.js';
import type { KvServerSettings } from './options.js';

/** Which replies a client wants: all, none, none for the next command. */
export type ReplyMode = 'on' | 'off' | 'skip';

export interface Session {
  readonly id: number;
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly connectedMs: number;
  activeMs: number;
  name: string;
  libraryName: string;
  libraryVersion: string;
  resp3: boolean;
  authenticated: boolean;
  replyMode: ReplyMode;
  noEvict: boolean;
  lastCommand: string;
  /** Commands queued in its transaction, or −1. */
  readonly queued: number;
  /** Unread reply bytes. */
  readonly backlogBytes: number;
  readonly host: SessionHost;
  /** Widens the limits that a client has before it authenticates. */
  admit(): void;
  /** Closes at once. */
  destroy(): void;
  /** Narrows them again, where there is a password. */
  estrange(): void;
  /** Closes when everything before is answered. */
  quit(): void;
  /** Closes at once: this is no client of ours. */
  hangUp(): void;
}

/** The port as its connections see it. */
export interface SessionHost {
  readonly settings: KvServerSettings;
  readonly sessions: Iterable<Session>;
  readonly clients: number;
  readonly port: number;
  readonly startedMs: number;
  readonly counters: { connections: number; commands: number; rejected: number };
  /** Drawn by this port: what the hashes of a state that has no key will hang on. No client is told. */
  readonly hashKey: Buffer;
  /** False once a command of this port was executed: the state has a key. */
  readonly isKeyWanted: boolean;
  nowMs(): number;
  /** A command was executed. */
  executed(): void;
}

export type OwnCommand = (session: Session, argv: readonly Buffer[], reply: Reply) => void;
