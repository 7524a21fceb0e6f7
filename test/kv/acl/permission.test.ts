import { describe, expect, it } from 'vitest';
import { denialOf } from '../../../lib/kv/acl/permission.js';
import { Users } from '../../../lib/kv/acl/users.js';
import { subcommandsOf } from '../../../lib/kv/commands/subcommands.js';
import { COMMANDS } from '../../../lib/kv/commands/table.js';
import { traitsOf } from '../../../lib/kv/commands/traits.js';

const NO_KEY = 'NOPERM this user has no permissions to access one of the keys used as arguments';
const no = (name: string): string => `NOPERM this user has no permissions to run the '${name}' command`;

/** What a user with these modifiers is told for a request. */
function told(modifiers: string, request: string): string | undefined {
  const words = request.split(' ');
  const spec = COMMANDS.find(({ name }) => name === words[0])!;
  const bytes = Buffer.from(words.join(''));
  const ends: number[] = [];
  for (const word of words) ends.push((ends.at(-1) ?? 0) + word.length);
  const starts = [0, ...ends];
  const name = subcommandsOf(spec.name) && words.length > 1 ? `${spec.name}|${words[1]}` : spec.name;
  const user = Users.parse(`user u ${modifiers}`, 'users.acl').get('u')!;
  return denialOf(user, spec, name, { bytes, starts, ends, argc: words.length });
}

describe('commands', () => {
  it.each([
    ['+get', 'get k', undefined],
    ['+get', 'set k v', no('set')],
    ['+@all -@write', 'set k v', no('set')],
    ['+@all -@write +set', 'set k v', undefined],
    ['+set -@write', 'set k v', no('set')],
    ['+@read', 'mget k', undefined],
    ['+@read', 'object encoding k', undefined],
    ['+@read', 'object help', no('object|help')],
    ['+client', 'client list', undefined],
    ['+client -client|list', 'client list', no('client|list')],
    ['+client -client|list', 'client id', undefined],
    ['+client|id', 'client id', undefined],
    ['+client|id', 'client list', no('client|list')],
    ['+client|list -client', 'client list', no('client|list')],
    ['+@connection', 'client list', undefined],
    ['+@connection -@dangerous', 'client list', no('client|list')],
    ['+command', 'command', undefined],
    ['+command|count', 'command', no('command')],
    ['+@transaction', 'watch k', undefined],
    ['+@all -@admin', 'acl list', no('acl|list')],
    ['+@all -@admin', 'acl whoami', undefined],
    ['-@all', 'auth u x', undefined],
    ['+@all -auth -hello -quit -reset', 'hello 3', undefined],
    ['-@connection', 'reset', undefined],
    ['-@connection', 'quit', undefined],
    ['-@connection', 'ping', no('ping')],
  ])('%s: %s', (rules, request, answer) => {
    expect(told(`on allkeys ${rules}`, request)).toBe(answer);
  });

  it('are each in the categories that COMMAND INFO tells', () => {
    for (const { name } of COMMANDS) {
      for (const category of traitsOf(name)[1].split(' ')) {
        if (subcommandsOf(name) !== undefined) continue;
        expect(told(`allkeys +@${category}`, name), `${name} +@${category}`).toBeUndefined();
        const isFree = ['auth', 'hello', 'quit', 'reset'].includes(name);
        expect(told(`allkeys +@all -@${category}`, name)).toBe(isFree ? undefined : no(name));
      }
    }
  });
});

describe('keys', () => {
  it.each([
    ['~a:*', 'get a:1', undefined],
    ['~a:*', 'get b:1', NO_KEY],
    ['~a:* ~b:?', 'get b:1', undefined],
    ['~a:* ~b:?', 'get b:12', NO_KEY],
    ['~[ab]', 'mget a b', undefined],
    ['~[ab]', 'mget a b c', NO_KEY],
    ['~a', 'mset a x', undefined],
    ['~a', 'mset a b a c', undefined],
    ['~a', 'mset a b b c', NO_KEY],
    ['~a', 'rename a b', NO_KEY],
    ['~b', 'rename a b', NO_KEY],
    ['~a ~b', 'rename a b', undefined],
    ['~a ~b', 'copy a b replace', undefined],
    ['~a', 'copy a b', NO_KEY],
    ['~a', 'set a b get', undefined],
    ['~a', 'watch a', undefined],
    ['~a', 'watch a b', NO_KEY],
    ['~a', 'object encoding a', undefined],
    ['~a', 'object encoding b', NO_KEY],
    ['~a', 'object help', undefined],
    ['~a', 'memory usage a samples 1', undefined],
    ['~a', 'memory usage b samples 1', NO_KEY],
    ['~a', 'del a a b', NO_KEY],
    ['', 'get a', NO_KEY],
    ['', 'ping a', undefined],
    ['', 'keys *', undefined],
    ['', 'dbsize', undefined],
    ['~*', 'get anything', undefined],
    ['~**', 'get anything', undefined],
  ])('%s: %s', (patterns, request, answer) => {
    expect(told(`on +@all ${patterns}`, request)).toBe(answer);
  });
});
