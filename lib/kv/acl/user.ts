/**
 * A user of the Redis port: passwords, as SHA-256 digests only; which commands and which keys. Made of Redis'
 * own modifiers, one after the other; it begins as Redis begins one, off and with no rights at all.
 *
 * Texts have one character a byte.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { Glob } from '../commands/glob.js';
import { CommandRules } from './command-rules.js';

const DIGEST = /^[0-9a-f]{64}$/;

export class User {
  readonly name: string;
  isOn = false;
  /** Any password does. */
  isOpen = false;
  readonly #digests: Set<string> = new Set();
  #commands: CommandRules = new CommandRules();
  /** By pattern; undefined: all keys. */
  #keys: Map<string, Glob> | undefined = new Map();
  /** There is no publish and subscribe here: they are kept to be shown. */
  #channels: string[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** May do everything with every key: nothing is to be looked up for it. */
  get isUnlimited(): boolean {
    return this.#keys === undefined && this.#commands.isAll;
  }

  /** Whoever gives its name is it. */
  get isFree(): boolean {
    return this.isOn && this.isOpen;
  }

  get hasPassword(): boolean {
    return this.#digests.size > 0;
  }

  /** In lower-case hex, in the order in which they were given. */
  get digests(): readonly string[] {
    return [...this.#digests];
  }

  get flags(): readonly string[] {
    return [this.isOn ? 'on' : 'off', ...(this.isOpen ? ['nopass'] : [])];
  }

  get commands(): string {
    return this.#commands.text;
  }

  get keys(): string {
    if (this.#keys === undefined) return '~*';
    return [...this.#keys.keys()].map((pattern) => `~${pattern}`).join(' ');
  }

  get channels(): string {
    return this.#channels.map((pattern) => `&${pattern}`).join(' ');
  }

  /** Its line in ACL LIST. Two users with the same line may do the same. */
  get line(): string {
    const digests = this.digests.map((digest) => `#${digest}`);
    const channels = this.channels === '' ? 'resetchannels' : this.channels;
    const parts = ['user', this.name, ...this.flags, ...digests, this.keys, channels, this.commands];
    return parts.filter((part) => part !== '').join(' ');
  }

  /** Whether it may use the command at that place among the commands. */
  allows(place: number): boolean {
    return this.#commands.allows(place);
  }

  get hasAllKeys(): boolean {
    return this.#keys === undefined;
  }

  /** Whether it may use the key bytes[start, end). */
  mayUse(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#keys === undefined) return true;
    for (const glob of this.#keys.values()) if (glob.matches(bytes, start, end) === true) return true;
    return false;
  }

  /** Compared with each of its passwords, in a time that does not hang on which one is right, or how far. */
  accepts(password: Uint8Array): boolean {
    const given = createHash('sha256').update(password).digest();
    let isRight = false;
    for (const digest of this.#digests) {
      if (timingSafeEqual(given, Buffer.from(digest, 'hex'))) isRight = true;
    }
    return this.isOn && (this.isOpen || isRight);
  }

  /**
   * Applies one modifier of Redis.
   * @returns why it cannot be
   */
  modify(modifier: string): string | undefined {
    const word = modifier.toLowerCase();
    const apply = WORDS[word];
    if (apply !== undefined && Object.hasOwn(WORDS, word)) return apply(this);
    const rest = modifier.slice(1);
    switch (modifier[0]) {
      case '>':
        return this.#addDigest(createHash('sha256').update(rest, 'latin1').digest('hex'));
      case '#':
        return DIGEST.test(rest) ? this.#addDigest(rest) : NO_DIGEST;
      case '<':
        return this.#removeDigest(createHash('sha256').update(rest, 'latin1').digest('hex'));
      case '!':
        return DIGEST.test(rest) ? this.#removeDigest(rest) : NO_DIGEST;
      case '~':
        return this.#addPattern(rest);
      case '&':
        return this.#addChannel(rest);
      case '+':
      case '-':
        return this.#commands.add(word) ? undefined : 'there is no such command or category here';
      default:
        return modifier[0] === '(' || modifier[0] === '%'
          ? 'selectors and patterns for reading or writing only are not offered'
          : 'it is no modifier';
    }
  }

  resetPasswords(): undefined {
    this.#digests.clear();
    this.isOpen = false;
  }

  resetKeys(): undefined {
    this.#keys = new Map();
  }

  allKeys(): undefined {
    this.#keys = undefined;
  }

  setChannels(patterns: string[]): undefined {
    this.#channels = patterns;
  }

  reset(): undefined {
    this.isOn = false;
    this.resetPasswords();
    this.resetKeys();
    this.#channels = [];
    this.#commands = new CommandRules();
  }

  #addDigest(digest: string): undefined {
    this.#digests.add(digest);
    this.isOpen = false;
  }

  #removeDigest(digest: string): string | undefined {
    return this.#digests.delete(digest) ? undefined : 'the user has no such password';
  }

  #addPattern(pattern: string): string | undefined {
    if (this.#keys === undefined) return `${AFTER_ALL}: resetkeys begins anew`;
    if (pattern === '*') return this.allKeys();
    this.#keys.set(pattern, new Glob(Buffer.from(pattern, 'latin1')));
    return undefined;
  }

  #addChannel(pattern: string): string | undefined {
    if (this.#channels[0] === '*') return `${AFTER_ALL}: resetchannels begins anew`;
    if (pattern === '*') return this.setChannels(['*']);
    if (!this.#channels.includes(pattern)) this.#channels.push(pattern);
    return undefined;
  }
}

const NO_DIGEST = 'a digest is 64 lower-case hex digits';
const AFTER_ALL = 'a pattern after * changes nothing';

/** Modifiers that are one word, in any case. */
const WORDS: Readonly<Record<string, (user: User) => string | undefined>> = {
  on: (user) => {
    user.isOn = true;
    return undefined;
  },
  off: (user) => {
    user.isOn = false;
    return undefined;
  },
  nopass: (user) => {
    user.resetPasswords();
    user.isOpen = true;
    return undefined;
  },
  resetpass: (user) => user.resetPasswords(),
  allkeys: (user) => user.allKeys(),
  resetkeys: (user) => user.resetKeys(),
  allchannels: (user) => user.setChannels(['*']),
  resetchannels: (user) => user.setChannels([]),
  allcommands: (user) => user.modify('+@all'),
  nocommands: (user) => user.modify('-@all'),
  reset: (user) => user.reset(),
  // Of RESTORE, which is not offered. Files that Redis has written have them.
  'sanitize-payload': () => undefined,
  'skip-sanitize-payload': () => undefined,
};
