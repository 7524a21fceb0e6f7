/**
 * The commands that have subcommands, and the number of arguments of each, the command's name included;
 * negative: at least. A request is held against it when it arrives, so that a transaction that cannot be
 * executed is refused before it is.
 */

export type Arities = Readonly<Record<string, number>>;

export const SUBCOMMANDS: Readonly<Record<string, Arities>> = {
  acl: { cat: -2, getuser: 3, help: 2, list: 2, users: 2, whoami: 2 },
  client: {
    getname: 2,
    help: 2,
    id: 2,
    info: 2,
    kill: -3,
    list: -2,
    'no-evict': 3,
    reply: 3,
    setinfo: 4,
    setname: 3,
  },
  command: { count: 2, docs: -2, getkeys: -4, help: 2, info: -2, list: -2 },
  config: { get: -3, help: 2, resetstat: 2, rewrite: 2, set: -4 },
  memory: { help: 2, usage: -3 },
  object: { encoding: 3, freq: 3, help: 2, idletime: 3, refcount: 3 },
};

export function subcommandsOf(name: string): Arities | undefined {
  return Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : undefined;
}

export function arityOf(subcommands: Arities, name: string): number | undefined {
  return Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
}

export function hasArity(arity: number, argc: number): boolean {
  return arity < 0 ? argc >= -arity : argc === arity;
}
