import { describe, expect, it } from 'vitest';
import { SUBCOMMANDS } from '../../../lib/kv/commands/subcommands.js';
import { COMMANDS } from '../../../lib/kv/commands/table.js';
import { createKvServer } from '../../../lib/kv/server.js';
import { KvStateMachine } from '../../../lib/kv/state-machine.js';
import { LocalService } from '../local-service.js';
import { startRedis } from './real-redis.js';
import { type ReplyValue, StatusReply } from './resp-reader.js';
import { Side } from './side.js';

/** Sets have no order, and notes are for people. */
function comparable(value: ReplyValue): unknown {
  if (value instanceof StatusReply) return value.status;
  if (!Array.isArray(value)) return value;
  const parts = value.map(comparable);
  const notes = parts.indexOf('notes');
  if (notes >= 0) parts.splice(notes, 2);
  return parts.every((part) => typeof part === 'string') ? parts.sort() : parts;
}

describe('COMMAND INFO', () => {
  it('says of each command and subcommand what Redis says', async () => {
    const redis = await startRedis();
    const server = await createKvServer({ service: new LocalService(new KvStateMachine()), port: 0 });
    const sides = [new Side(server.port), new Side(redis.port)];
    try {
      const names = COMMANDS.flatMap(({ name }) => [
        name,
        ...Object.keys(SUBCOMMANDS[name] ?? {}).map((each) => `${name}|${each}`),
      ]).filter((name) => name !== 'client|setinfo');
      const request = ['COMMAND', 'INFO', ...names].map((word) => Buffer.from(word));
      const answers = await Promise.all(sides.map((side) => side.ask(1, [request])));
      const [ours, theirs] = answers.map(([answer]) => (answer !== 'closed' ? answer?.value : undefined));
      names.forEach((name, i) => {
        const [left, right] = [ours, theirs].map((all) => (Array.isArray(all) ? all[i] : undefined));
        // The last part is what is below a command: each of those is asked for by its own name.
        const parts = [left, right].map((all) => (Array.isArray(all) ? comparable(all.slice(0, 9)) : all));
        expect(parts[0], name).toEqual(parts[1]);
      });
    } finally {
      for (const side of sides) side.close();
      await Promise.all([server.close(), redis.close()]);
    }
  });
});
