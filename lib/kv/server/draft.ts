/**
 * A connection as the commands of the port's own inside a transaction see it: each sees what those before it
 * did, and nothing is so until the transaction has been executed. If it was not, nothing ever was.
 */
import type { User } from '../acl/user.js';
import type { Profile, ReplyMode, Session, SessionHost, SessionMemory } from './session.js';

const PROFILE: readonly (keyof Profile)[] = [
  'name',
  'libraryName',
  'libraryVersion',
  'resp3',
  'authenticated',
  'replyMode',
  'noEvict',
];

function copy<K extends keyof Profile>(key: K, from: Profile, to: Profile): void {
  to[key] = from[key];
}

export class Draft implements Session {
  name = '';
  libraryName = '';
  libraryVersion = '';
  resp3 = false;
  authenticated = false;
  replyMode: ReplyMode = 'on';
  noEvict = false;
  user: User;
  lastCommand: string;
  readonly #session: Session;
  readonly #effects: (() => void)[] = [];

  constructor(session: Session) {
    this.#session = session;
    this.user = session.user;
    this.lastCommand = session.lastCommand;
    for (const key of PROFILE) copy(key, session, this);
  }

  /** Whether anything is to be done when the transaction has been executed. */
  get isChanged(): boolean {
    return this.#effects.length > 0 || PROFILE.some((key) => this[key] !== this.#session[key]);
  }

  /** The transaction has been executed. */
  commit(): void {
    for (const key of PROFILE) copy(key, this, this.#session);
    for (const effect of this.#effects) effect();
  }

  get id(): number {
    return this.#session.id;
  }

  get remoteAddress(): string {
    return this.#session.remoteAddress;
  }

  get localAddress(): string {
    return this.#session.localAddress;
  }

  get descriptor(): number {
    return this.#session.descriptor;
  }

  get connectedMs(): number {
    return this.#session.connectedMs;
  }

  get activeMs(): number {
    return this.#session.activeMs;
  }

  get queued(): number {
    return this.#session.queued;
  }

  get over(): boolean {
    return this.#session.over;
  }

  get events(): string {
    return this.#session.events;
  }

  get memory(): SessionMemory {
    return this.#session.memory;
  }

  get host(): SessionHost {
    return this.#session.host;
  }

  effect(action: () => void): void {
    this.#effects.push(action);
  }

  admit(user: User): void {
    this.authenticated = true;
    this.user = user;
    this.#effects.push(() => this.#session.admit(user));
  }

  punish(): void {
    this.#session.punish();
  }

  estrange(): void {
    this.#effects.push(() => this.#session.estrange());
  }

  destroy(): void {
    this.#effects.push(() => this.#session.destroy());
  }

  quit(): void {
    this.#effects.push(() => this.#session.quit());
  }

  hangUp(): void {
    this.#effects.push(() => this.#session.hangUp());
  }
}
