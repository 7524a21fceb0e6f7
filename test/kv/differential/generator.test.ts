import { describe, expect, it } from 'vitest';
import { SUBCOMMANDS } from '../../../lib/kv/commands/subcommands.js';
import { COMMANDS } from '../../../lib/kv/commands/table.js';
import { drawRound } from './contest.js';
import { MAKERS } from './generator.js';

describe('the requests that are held against Redis', () => {
  it('are of every command that is offered', () => {
    // ACL is held against a Redis with the same users (acl.integration.test.ts).
    const names = COMMANDS.map(({ name }) => name).filter((name) => name !== 'acl');
    expect(Object.keys(MAKERS).sort()).toEqual(names.sort());
  });

  it('name every subcommand', () => {
    const drawn = new Set(
      drawRound(1, 60_000).flatMap(({ requests }) =>
        requests.map((argv) => argv.slice(0, 2).join('|').toLowerCase()),
      ),
    );
    // These change which requests are answered, or are refused whatever they say.
    const elsewhere = [
      'client|setinfo',
      'config|set',
      'config|rewrite',
      'client|help',
      'command|help',
      'memory|help',
    ];
    const missing = Object.entries(SUBCOMMANDS).flatMap(([name, below]) =>
      Object.keys(below)
        .map((each) => `${name}|${each}`)
        .filter((each) => name !== 'acl' && !drawn.has(each) && !elsewhere.includes(each)),
    );
    expect(missing).toEqual([]);
  });

  it('are the same for the same seed', () => {
    expect(drawRound(7, 500)).toEqual(drawRound(7, 500));
    expect(drawRound(7, 500)).not.toEqual(drawRound(8, 500));
  });
});
