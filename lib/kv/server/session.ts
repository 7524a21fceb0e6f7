/** What a command of the port's own may see and change of its connection. */
import type { User } from '../acl/user.js';
import type { Users } from '../acl/users.js';
import type { Reply } from '../resp/reply.js';
import type { AuthDelays } from './auth-delays.js';
import type { Counters } from './counters.js';
import type { KvServerSettings } from './options.js';

/** Which replies a client wants: all, none, none for the next command. */
export type ReplyMode = 'on' | 'off' | 'skip';

/** What a client has chosen, or was given, for its connection. */
export interface Profile {
  name: string;
  libraryName: string;
  libraryVersion: string;
  resp3: boolean;
  authenticated: boolean;
  replyMode: ReplyMode;
  noEvict: boolean;
}

/** What a connection holds, in bytes. */
export interface SessionMemory {
  /** Of requests that have come and not been taken, and the room behind them. */
  readonly queryBytes: number;
  readonly queryFreeBytes: number;
  /** Arguments of the request that is being taken, and what is queued in the transaction. */
  readonly argumentBytes: number;
  readonly queuedBytes: number;
  /** Where replies are gathered in a turn: its size, the most that was in it, what is in it. */
  readonly replyBufferBytes: number;
  readonly replyPeakBytes: number;
  readonly replyBytes: number;
  /** Replies that the client has not read. */
  readonly unreadChunks: number;
  readonly unreadBytes: number;
  readonly totalBytes: number;
}

export interface Session extends Profile {
  readonly id: number;
  readonly remoteAddress: string;
  readonly localAddress: string;
  /** The socket's file descriptor, or −1. */
  readonly descriptor: number;
  /** By the port's monotonic clock. */
  readonly connectedMs: number;
  readonly activeMs: number;
  lastCommand: string;
  /** Commands queued in its transaction, or −1. */
  readonly queued: number;
  /** It takes no request any more. */
  readonly over: boolean;
  /** What its socket is waited on for: r, w. */
  readonly events: string;
  readonly memory: SessionMemory;
  readonly host: SessionHost;
  /** Who it is, or would be: `default` until it says otherwise. */
  readonly user: User;
  /** Does it now; in a transaction, when that has been executed. */
  effect(action: () => void): void;
  /** It is that user from now on, without the limits that a client has before it authenticates. */
  admit(user: User): void;
  /** A wrong password was given: nothing more is taken for a while. */
  punish(): void;
  /** It is the user `default` again, authenticated only if that one needs no password. */
  estrange(): void;
  /** Closes at once. */
  destroy(): void;
  /** Closes when everything before is answered. */
  quit(): void;
  /** Closes at once: this is no client of ours. */
  hangUp(): void;
}

/** The port as its connections see it. */
export interface SessionHost {
  readonly settings: KvServerSettings;
  readonly users: Users;
  readonly sessions: Iterable<Session>;
  readonly clients: number;
  readonly port: number;
  /** Tells this opening of the port from others: 40 hexadecimal digits. */
  readonly runId: string;
  /** By the monotonic clock. */
  readonly startedMs: number;
  readonly counters: Counters;
  readonly authDelays: AuthDelays;
  /** Drawn by this port: what the hashes of a state that has no key will hang on. No client is told. */
  readonly hashKey: Buffer;
  /** False once a command of this port was executed: the state has a key. */
  readonly isKeyWanted: boolean;
  session(id: number): Session | undefined;
  /** Milliseconds since 1970. */
  nowMs(): number;
  monotonicMs(): number;
  /** A command was executed. */
  executed(): void;
}

export type OwnCommand = (session: Session, argv: readonly Buffer[], reply: Reply) => void;
