/** COMMAND and its subcommands, all out of the one table. */
import { COMMANDS, type CommandSpec, commandByName } from '../commands/table.js';
import type { Reply } from '../resp/reply.js';
import { unknownSubcommand, wrongArguments } from './refusals.js';
import type { Session } from './session.js';

function flagsOf(spec: CommandSpec): readonly string[] {
  if (spec.kind === 'read') return ['readonly'];
  if (spec.kind === 'local') return ['noscript', 'loading', 'stale', 'fast'];
  return spec.grows ? ['write', 'denyoom'] : ['write'];
}

function categoriesOf(spec: CommandSpec): readonly string[] {
  const group = spec.group === 'generic' ? 'keyspace' : spec.group.replace(/s$/, '');
  if (spec.kind === 'local') return [`@${group}`];
  return [spec.kind === 'read' ? '@read' : '@write', `@${group}`];
}

function statuses(texts: readonly string[], reply: Reply): void {
  reply.set(texts.length);
  for (const text of texts) reply.status(text);
}

function describe(spec: CommandSpec, reply: Reply): void {
  reply.array(10);
  reply.bulkText(spec.name);
  reply.integer(spec.arity);
  statuses(flagsOf(spec), reply);
  reply.integer(spec.keys.first);
  reply.integer(spec.keys.last);
  reply.integer(spec.keys.step);
  statuses(categoriesOf(spec), reply);
  for (let i = 0; i < 3; i++) reply.array(0);
}

function document(spec: CommandSpec, reply: Reply): void {
  reply.bulkText(spec.name);
  reply.map(2);
  reply.bulkText('summary');
  reply.bulkText(spec.summary);
  reply.bulkText('group');
  reply.bulkText(spec.group);
}

function named(argv: readonly Buffer[]): (CommandSpec | undefined)[] {
  if (argv.length === 2) return [...COMMANDS];
  return argv.slice(2).map((name) => commandByName(name, 0, name.length));
}

export function command(_session: Session, argv: readonly Buffer[], reply: Reply): void {
  const name = argv[1]?.toString().toLowerCase() ?? 'all';
  if (name === 'all' && argv.length === 1) {
    reply.array(COMMANDS.length);
    for (const spec of COMMANDS) describe(spec, reply);
  } else if (name === 'count') {
    if (argv.length > 2) reply.error(wrongArguments('command|count'));
    else reply.integer(COMMANDS.length);
  } else if (name === 'info') {
    const specs = named(argv);
    reply.array(specs.length);
    for (const spec of specs) {
      if (spec === undefined) reply.null();
      else describe(spec, reply);
    }
  } else if (name === 'docs') {
    const specs = named(argv).filter((spec) => spec !== undefined);
    reply.map(specs.length);
    for (const spec of specs) document(spec, reply);
  } else if (name === 'list') {
    if (argv.length > 2) reply.error('ERR syntax error');
    else {
      reply.array(COMMANDS.length);
      for (const spec of COMMANDS) reply.bulkText(spec.name);
    }
  } else reply.error(unknownSubcommand(argv));
}
