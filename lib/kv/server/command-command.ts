/** COMMAND and its subcommands, which have been checked: all out of the one table. */
import { arityOf, hasArity, subcommandsOf } from '../commands/subcommands.js';
import { COMMANDS, type CommandSpec, commandByName, type KeyPositions } from '../commands/table.js';
import { traitsOf } from '../commands/traits.js';
import { Output } from '../resp/output.js';
import { Reply } from '../resp/reply.js';
import type { Session } from './session.js';

const HELP: readonly string[] = [
  'COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'COUNT',
  '    Return the total number of commands in this server.',
  'DOCS [<command-name> ...]',
  '    Return documentation details about multiple commands.',
  'GETKEYS <full-command>',
  '    Return the keys from a full command.',
  'INFO [<command-name> ...]',
  '    Return details about multiple commands.',
  'LIST',
  '    Return a list of all commands in this server.',
  'HELP',
  '    Print this help.',
];

function words(text: string): readonly string[] {
  return text === '' ? [] : text.split(' ');
}

function statuses(texts: readonly string[], reply: Reply): void {
  reply.set(texts.length);
  for (const text of texts) reply.status(text);
}

/** Where the keys are, in the form that came with Redis 7. */
function keySpecifications(places: string, reply: Reply): void {
  const specifications = places === '' ? [] : places.split(' | ');
  const named = (name: string): void => reply.bulkText(name);
  const numbers = (...pairs: readonly (readonly [string, string | undefined])[]): void => {
    reply.map(pairs.length);
    for (const [name, value] of pairs) {
      named(name);
      reply.integer(Number(value));
    }
  };
  reply.array(specifications.length);
  for (const specification of specifications) {
    const [index, last, step, limit, flags = ''] = specification.split(' ');
    reply.map(3);
    named('flags');
    statuses(flags.split(','), reply);
    named('begin_search');
    reply.map(2);
    named('type');
    named('index');
    named('spec');
    numbers(['index', index]);
    named('find_keys');
    reply.map(2);
    named('type');
    named('range');
    named('spec');
    numbers(['lastkey', last], ['keystep', step], ['limit', limit]);
  }
}

const NO_KEYS: KeyPositions = { first: 0, last: 0, step: 0 };

/** One command, or one subcommand of it, without what is below it. */
function describe(spec: CommandSpec, name: string, arity: number, reply: Reply): void {
  const [flags, categories, places, tips] = traitsOf(name);
  const { first, last, step } = places === '' ? NO_KEYS : spec.keys;
  reply.array(10);
  reply.bulkText(name);
  reply.integer(arity);
  statuses(words(flags), reply);
  reply.integer(first);
  reply.integer(last);
  reply.integer(step);
  statuses(
    words(categories).map((category) => `@${category}`),
    reply,
  );
  reply.set(words(tips).length);
  for (const tip of words(tips)) reply.bulkText(tip);
  keySpecifications(places, reply);
}

/** COMMAND INFO's entries, by name and version of the protocol: they never change. */
const described: Map<string, Buffer> = new Map();

/** COMMAND INFO's entry for `get`, or for `client|list`; null if there is none. */
function describeNamed(name: string, reply: Reply): void {
  const key = `${reply.resp3 ? 3 : 2}${name.toLowerCase()}`;
  const known = described.get(key);
  if (known !== undefined) return reply.raw(known);
  const out = new Output(4096);
  const to = new Reply(out);
  to.to(out, reply.resp3);
  if (!describeInto(name, to)) return reply.null();
  const bytes = out.take();
  described.set(key, bytes);
  reply.raw(bytes);
}

/** False: there is none of that name. */
function describeInto(name: string, reply: Reply): boolean {
  const [command = '', subcommand, ...more] = name.toLowerCase().split('|');
  const bytes = Buffer.from(command);
  const spec = commandByName(bytes, 0, bytes.length);
  const arities = spec && subcommandsOf(spec.name);
  if (spec === undefined || more.length > 0) return false;
  if (subcommand === undefined) {
    describe(spec, spec.name, spec.arity, reply);
    const below = Object.entries(arities ?? {});
    reply.array(below.length);
    for (const [each, arity] of below) {
      describe(spec, `${spec.name}|${each}`, arity, reply);
      reply.array(0);
    }
    return true;
  }
  const arity = arities && arityOf(arities, subcommand);
  if (arity === undefined) return false;
  describe(spec, `${spec.name}|${subcommand}`, arity, reply);
  reply.array(0);
  return true;
}

function document(spec: CommandSpec, reply: Reply): void {
  reply.bulkText(spec.name);
  reply.map(2);
  reply.bulkText('summary');
  reply.bulkText(spec.summary);
  reply.bulkText('group');
  reply.bulkText(spec.group);
}

function documentNamed(names: readonly Buffer[], reply: Reply): void {
  const specs =
    names.length === 0
      ? COMMANDS
      : names
          .map((name) => commandByName(name, 0, name.length))
          .filter((spec): spec is CommandSpec => spec !== undefined);
  reply.map(specs.length);
  for (const spec of specs) document(spec, reply);
}

/** The keys of the request `argv`. */
function getKeys(argv: readonly Buffer[], reply: Reply): void {
  const spec = commandByName(argv[0]!, 0, argv[0]!.length);
  if (spec === undefined) return reply.error('ERR Invalid command specified');
  const { first, last, step } = spec.keys;
  if (first === 0) return reply.error('ERR The command has no key arguments');
  if (!hasArity(spec.arity, argv.length)) {
    return reply.error('ERR Invalid number of arguments specified for command');
  }
  const end = last < 0 ? argv.length + last : last;
  const keys = argv.filter((_, i) => i >= first && i <= end && (i - first) % step === 0);
  if (keys.length === 0) return reply.error('ERR Invalid arguments specified for command');
  reply.array(keys.length);
  for (const key of keys) reply.bulk(key, 0, key.length);
}

function list(argv: readonly Buffer[], reply: Reply): void {
  if (argv.length > 2) return reply.error('ERR syntax error');
  reply.set(COMMANDS.length);
  for (const { name } of COMMANDS) reply.bulkText(name);
}

export function command(_session: Session, argv: readonly Buffer[], reply: Reply): void {
  const name = argv[1]?.toString().toLowerCase();
  if (name === 'count') reply.integer(COMMANDS.length);
  else if (name === 'docs') documentNamed(argv.slice(2), reply);
  else if (name === 'getkeys') getKeys(argv.slice(2), reply);
  else if (name === 'list') list(argv, reply);
  else if (name === 'help') {
    reply.array(HELP.length);
    for (const line of HELP) reply.status(line);
  } else {
    const names = argv.length > 2 ? argv.slice(2).map(String) : COMMANDS.map((spec) => spec.name);
    reply.array(names.length);
    for (const each of names) describeNamed(each, reply);
  }
}
