import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Users } from '../../../lib/kv/acl/users.js';
import { SUBCOMMANDS } from '../../../lib/kv/commands/subcommands.js';
import { COMMANDS } from '../../../lib/kv/commands/table.js';
import { createKvServer, type KvServer } from '../../../lib/kv/server.js';
import { KvStateMachine } from '../../../lib/kv/state-machine.js';
import { LocalService } from '../local-service.js';
import { type RealRedis, startRedis } from './real-redis.js';
import { ErrorReply, type ReplyValue, StatusReply } from './resp-reader.js';
import { Side } from './side.js';

const RULES = [
  ...'read write keyspace string fast slow admin dangerous connection transaction'
    .split(' ')
    .flatMap((category) => [`+@${category}`, `+@all -@${category}`]),
  '+@all',
  '-@all',
  '+client -client|list',
  '+client|list -client|id +config|get',
  '+@read +set -get',
  '+get +@all -@write +set',
];
const KEYS = ['~*', '~a', '~[ab]* ~k?', ''];

const TEXT = [
  'user default on nopass ~* &* +@all',
  ...RULES.map((rules, i) => `user rules${i} on >secret ~* ${rules}`),
  ...KEYS.map((keys, i) => `user keys${i} on >secret ${keys} +@all`),
  'user off off >secret ~* +@all',
].join('\n');

/** Not sent: they end or silence the connection, or are known to differ. */
const LEFT_OUT = new Set(['quit', 'reset', 'auth', 'hello', 'client|reply', 'client|kill', 'client|setinfo']);

/** One request for each command and subcommand, which are right as far as permissions are concerned. */
function requests(): readonly (readonly string[])[] {
  const samples: string[][] = [];
  for (const { name, arity } of COMMANDS) {
    const subcommands = SUBCOMMANDS[name];
    const forms: (readonly [string, number])[] =
      subcommands === undefined
        ? [[name, arity]]
        : Object.entries(subcommands).map(([each, count]) => [`${name}|${each}`, count]);
    for (const [full, count] of forms) {
      if (LEFT_OUT.has(full)) continue;
      const words = full.split('|');
      for (const keys of [
        ['a', 'b'],
        ['k1', 'a'],
        ['a', 'zz'],
      ]) {
        const request = [...words];
        while (request.length < Math.abs(count)) request.push(keys[(request.length - words.length) % 2]!);
        samples.push(request);
      }
    }
  }
  return samples;
}

let directory: string;
let theirs: RealRedis;
let ours: KvServer;
let sides: Side[];

beforeEach(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'indelible-acl-'));
  const file = path.join(directory, 'users.acl');
  fs.writeFileSync(file, TEXT);
  theirs = await startRedis('--aclfile', file);
  ours = await createKvServer({
    service: new LocalService(new KvStateMachine()),
    port: 0,
    users: Users.parse(TEXT, file),
  });
  sides = [new Side(ours.port), new Side(theirs.port)];
});

afterEach(async () => {
  for (const side of sides) side.close();
  await Promise.all([ours.close(), theirs.close()]);
  fs.rmSync(directory, { recursive: true });
});

async function ask(...request: readonly string[]): Promise<readonly (ReplyValue | 'closed')[]> {
  const argv = request.map((word) => Buffer.from(word));
  return Promise.all(
    sides.map(async (side) => {
      const [answer] = await side.ask(1, [argv]);
      return answer === undefined || answer === 'closed' ? 'closed' : answer.value;
    }),
  );
}

/** The text of a NOPERM; of anything else only that it is something else. */
function verdict(value: ReplyValue | 'closed'): string {
  return value instanceof ErrorReply && value.error.startsWith('NOPERM') ? value.error : 'may';
}

describe('users of an ACL file', () => {
  it('may do what they may in Redis', async () => {
    for (const { name } of Users.parse(TEXT, 'users.acl').all) {
      if (name === 'off') continue;
      const [left, right] = await ask('AUTH', name, 'secret');
      expect([left, right], name).toEqual([new StatusReply('OK'), new StatusReply('OK')]);
      for (const request of requests()) {
        const [left, right] = await ask(...request);
        expect(verdict(left!), `${name}: ${request.join(' ')}`).toBe(verdict(right!));
        if (request[0] === 'multi') await ask('DISCARD');
      }
    }
  });

  it('are told of as in Redis', async () => {
    for (const version of ['2', '3']) {
      const requests = [
        ...[
          ['AUTH', 'off', 'secret'],
          ['AUTH', 'rules0', 'x'],
          ['AUTH', 'nobody', 'x'],
          ['AUTH', 'x'],
        ],
        ...[
          ['ACL', 'WHOAMI'],
          ['ACL', 'USERS'],
          ['ACL', 'CAT'],
          ['ACL', 'CAT', 'nosuch'],
          ['ACL', 'CAT', 'a', 'b'],
        ],
        ...[
          ['ACL', 'GETUSER', 'nobody'],
          ['ACL', 'GETUSER', 'default'],
          ['ACL', 'GETUSER', 'keys1'],
        ],
        ...[
          ['ACL', 'GETUSER', 'keys2'],
          ['ACL', 'GETUSER', 'keys3'],
          ['ACL', 'GETUSER', 'off'],
        ],
        ...[['ACL'], ['ACL', 'nosuch'], ['ACL', 'GETUSER'], ['ACL', 'LIST', 'x']],
      ];
      await ask('HELLO', version);
      for (const request of requests) {
        const [left, right] = (await ask(...request)).map(plain);
        expect(left, request.join(' ')).toEqual(right);
      }
    }
  });
});

function plain(value: ReplyValue | 'closed'): unknown {
  if (value instanceof StatusReply) return { status: value.status };
  if (value instanceof ErrorReply) return { error: value.error };
  return Array.isArray(value) ? value.map(plain) : value;
}
