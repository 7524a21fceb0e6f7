import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Users } from '../../../lib/kv/acl/users.js';

const sha256 = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex');
const SECRET = sha256('secret');

function lines(...text: readonly string[]): readonly string[] {
  return [...Users.parse(text.join('\n'), 'users.acl').all].map(({ line }) => line);
}

/** The line of the only user beside the default one. */
function lineOf(modifiers: string): string | undefined {
  return lines(`user u ${modifiers}`).find((line) => line.startsWith('user u '));
}

describe('an ACL file', () => {
  it('has users in any order, shown by name; default may do everything unless a line says otherwise', () => {
    expect(lines('', 'user zoe on nopass', '  \r', 'user amy off\r', '')).toEqual([
      'user amy off resetchannels -@all',
      'user default on nopass ~* &* +@all',
      'user zoe on nopass resetchannels -@all',
    ]);
    expect(lines('user default on >secret ~a* +get')).toEqual([
      `user default on #${SECRET} ~a* resetchannels -@all +get`,
    ]);
  });

  it.each([
    ['', 'off resetchannels -@all'],
    ['on >secret', `on #${SECRET} resetchannels -@all`],
    ['ON >secret >secret', `on #${SECRET} resetchannels -@all`],
    [`#${SECRET} >other <secret`, `off #${sha256('other')} resetchannels -@all`],
    [`#${SECRET} !${SECRET}`, 'off resetchannels -@all'],
    ['>secret nopass', 'off nopass resetchannels -@all'],
    ['nopass >secret', `off #${SECRET} resetchannels -@all`],
    ['nopass resetpass', 'off resetchannels -@all'],
    ['>pässword'.replace('ä', '\xe4'), `off #${sha256('p\xe4ssword')} resetchannels -@all`],
    ['~a:* ~b:* ~a:*', 'off ~a:* ~b:* resetchannels -@all'],
    ['~a allkeys', 'off ~* resetchannels -@all'],
    ['allkeys resetkeys ~a', 'off ~a resetchannels -@all'],
    ['&news allchannels', 'off &* -@all'],
    ['allchannels resetchannels &news &news', 'off &news -@all'],
    ['+@all -@dangerous +KEYS', 'off resetchannels +@all -@dangerous +keys'],
    ['+get +set -get', 'off resetchannels -@all +set -get'],
    ['+client|list -client +client|id', 'off resetchannels -@all -client +client|id'],
    ['+get allcommands', 'off resetchannels +@all'],
    ['allcommands nocommands +get', 'off resetchannels -@all +get'],
    ['on >a ~* &* +@all reset', 'off resetchannels -@all'],
    ['sanitize-payload on', 'on resetchannels -@all'],
  ])('user u %s', (modifiers, shown) => {
    expect(lineOf(modifiers)).toBe(`user u ${shown}`);
    // What is shown is a line itself.
    expect(lineOf(shown)).toBe(`user u ${shown}`);
  });

  it.each([
    ['usr u on', /users.acl, line 2: a line is/],
    ['user', /line 2: a line is/],
    ['# a comment', /line 2: a line is/],
    ['user a on', /line 2: there is a line for user a already/],
    ['user \xfc on', /line 2: the name of a user/],
    ['user u +nosuch', /line 2: \+nosuch of user u: there is no such command or category here/],
    ['user u -client|nosuch', /line 2: -client\|nosuch of user u: there is no such command/],
    ['user u +get|x', /no such command/],
    ['user u +@nosuch', /no such command/],
    ['user u +', /no such command/],
    ['user u on #12', /line 2: modifier 2 of user u: a digest is 64/],
    ['user u !12', /a digest is 64/],
    ['user u <absent', /no such password/],
    ['user u allkeys ~a', /modifier 2 of user u: a pattern after \* changes nothing: resetkeys/],
    ['user u &* &a', /resetchannels/],
    ['user u (+get ~a)', /selectors/],
    ['user u %R~a', /reading or writing only/],
    ['user u constructor', /it is no modifier/],
  ])('is refused for %j, with file and line', (line, error) => {
    expect(() => lines('user a on', line)).toThrow(error);
    expect(() => lines('user a on', line)).toThrow(
      expect.objectContaining({ code: 'ERR_INDELIBLE_ARGUMENT' }) as Error,
    );
  });

  it('has its passwords in no error', () => {
    expect(() => lines('user u on hunter2')).toThrow(/^(?!.*hunter2)/);
  });

  it('is refused if it is very long', () => {
    expect(() => lines(' '.repeat(2 ** 20 + 1))).toThrow(/longer than/);
  });
});

describe('users', () => {
  it('are let in by any of their passwords, and only while they are on', () => {
    const users = Users.parse('user u on >one >two\nuser off off >one\nuser free on nopass', 'users.acl');
    const accepts = (name: string, password: string): boolean | undefined =>
      users.get(name)?.accepts(Buffer.from(password));
    expect(['one', 'two', 'three', ''].map((password) => accepts('u', password))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(accepts('off', 'one')).toBe(false);
    expect(accepts('free', 'anything')).toBe(true);
    expect(users.get('toString')).toBeUndefined();
  });

  it('are kept when their line means the same', () => {
    const before = Users.parse('user a on >x ~k +get\nuser b on >x ~k +get\nuser c on', 'users.acl');
    const after = Users.parse(`user a +get ~k #${sha256('x')} on\nuser b on >y ~k +get`, 'users.acl');
    expect(['a', 'b', 'c', 'default'].map((name) => after.keeps(before.get(name)!))).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it('know whether there is a password to guess, and whether everybody is let in', () => {
    const facts = (text: string): readonly boolean[] => {
      const { isGuarded, isFree } = Users.parse(text, 'users.acl');
      return [isGuarded, isFree];
    };
    expect(facts('')).toEqual([false, true]);
    expect(facts('user default off')).toEqual([false, false]);
    expect(facts('user default off\nuser a on >x')).toEqual([true, false]);
    expect(facts('user default on >x\nuser a on nopass')).toEqual([true, true]);
    expect(facts('user default on >x\nuser a off nopass')).toEqual([true, false]);
  });
});
