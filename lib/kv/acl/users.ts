/**
 * The users of a Redis port, out of the text of an ACL file as Redis 7 reads it: a line each,
 * `user NAME MODIFIER…`, empty ones between. There is always one of the name `default`, who a client is
 * before it says who it is.
 */
import { argumentError } from '../../errors.js';
import { User } from './user.js';

/** Longest text, in characters. */
export const ACL_TEXT_MAX: number = 1 << 20;

const NAME = /^[!-~]+$/;
const DEFAULT = 'default';

export class Users {
  readonly #users: ReadonlyMap<string, User>;
  /** Whether there is any password to be guessed. */
  readonly isGuarded: boolean;
  /** Whether there is a user that a client can be without a password. */
  readonly isFree: boolean;
  readonly default: User;

  private constructor(users: Map<string, User>) {
    this.default = users.get(DEFAULT) ?? everything();
    users.set(DEFAULT, this.default);
    const sorted = [...users.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    this.#users = new Map(sorted.map((user) => [user.name, user]));
    this.isGuarded = sorted.some((user) => user.hasPassword);
    this.isFree = sorted.some((user) => user.isFree);
  }

  /** Nobody but `default`, who may do everything; with a password, who gives that. */
  static single(password: string | undefined): Users {
    const user = everything();
    if (password !== undefined) user.modify(`>${Buffer.from(password).toString('latin1')}`);
    return new Users(new Map([[DEFAULT, user]]));
  }

  /**
   * @param text has one character a byte
   * @param file is named in errors
   * @throws RangeError, with file and line, for what is not understood
   */
  static parse(text: string, file: string): Users {
    if (text.length > ACL_TEXT_MAX) throw argumentError(`${file} is longer than ${ACL_TEXT_MAX} bytes`);
    const users = new Map<string, User>();
    for (const [index, line] of text.split('\n').entries()) {
      const words = line.split(/[ \t\r]+/).filter((word) => word !== '');
      if (words.length === 0) continue;
      const user = readUser(words, `${file}, line ${index + 1}`);
      if (users.has(user.name)) {
        throw argumentError(`${file}, line ${index + 1}: there is a line for user ${user.name} already`);
      }
      users.set(user.name, user);
    }
    return new Users(users);
  }

  get(name: string): User | undefined {
    return this.#users.get(name);
  }

  /** By name, in the order of its bytes. */
  get all(): Iterable<User> {
    return this.#users.values();
  }

  /** Whether the user of that name may do here what this one may, and has the same passwords. */
  keeps(user: User): boolean {
    return this.#users.get(user.name)?.line === user.line;
  }
}

function everything(): User {
  const user = new User(DEFAULT);
  for (const modifier of ['on', 'nopass', 'allkeys', 'allchannels', 'allcommands']) user.modify(modifier);
  return user;
}

function readUser(words: readonly string[], where: string): User {
  const [keyword, name, ...modifiers] = words;
  if (keyword !== 'user' || name === undefined) {
    throw argumentError(`${where}: a line is \`user NAME MODIFIER…\``);
  }
  if (!NAME.test(name)) throw argumentError(`${where}: the name of a user is printable ASCII`);
  const user = new User(name);
  for (const [index, modifier] of modifiers.entries()) {
    const wrong = user.modify(modifier);
    if (wrong === undefined) continue;
    // It may be a password that lacks its mark: a log is no place for it.
    const shown = /^[-+]/.test(modifier) ? modifier : `modifier ${index + 1}`;
    throw argumentError(`${where}: ${shown} of user ${name}: ${wrong}`);
  }
  return user;
}
