/** What the port holds while the service answers nothing, and what a transaction may make it say. */
import { afterEach, describe, expect, it } from 'vitest';
import type { RawClient } from '../client.js';
import { closeAll, OK, raw, start } from '../setup.js';

afterEach(closeAll);

const PAUSE_BYTES = 64 << 10;
const CLIENTS = 20;
const COMMANDS = 300;

/** Bytes that each client of the port holds, by its own account. */
function heldBytes(list: string): number[] {
  return [...list.matchAll(/ name=waits .* tot-mem=(\d+) /g)].map(([, bytes]) => Number(bytes));
}

describe('replies of the port itself', () => {
  it('wait in bounded memory behind a request that nobody answers, and come in the end', async () => {
    const setup = await start({ outputPauseBytes: PAUSE_BYTES });
    const clients = Array.from({ length: CLIENTS }, () => raw(setup));
    setup.service.holding = true;
    for (const client of clients) {
      client.lines(
        'CLIENT SETNAME waits',
        'SET a 1',
        ...Array.from({ length: COMMANDS }, () => 'COMMAND'),
        'QUIT',
      );
    }
    const watcher = raw(setup);
    // All have been stopped by what waits for them, and nothing more is made.
    let held: number[] = [];
    while (held.length < CLIENTS || held.some((bytes) => bytes < PAUSE_BYTES)) {
      watcher.text = '';
      watcher.lines('CLIENT LIST', 'ECHO done');
      held = heldBytes(await watcher.until((text) => text.endsWith('done\r\n')));
    }
    for (const bytes of held) expect(bytes).toBeLessThan(4 * PAUSE_BYTES);
    setup.service.holding = false;
    setup.service.release();
    for (const client of clients) {
      const text = await client.end();
      expect(text.startsWith(OK + OK)).toBe(true);
      expect(text.endsWith(OK)).toBe(true);
      expect(text.split('$3\r\nget\r\n')).toHaveLength(COMMANDS + 1);
    }
  });

  it('are made no further than they fit, in a transaction among hundreds of clients', async () => {
    const setup = await start();
    const others = Array.from({ length: 300 }, () => raw(setup));
    for (const other of others) other.lines('PING');
    for (const other of others) await other.expect('+PONG\r\n');
    const client: RawClient = raw(setup);
    const count = 8000;
    client.lines(
      'MULTI',
      ...Array.from({ length: count }, () => 'CLIENT LIST'),
      'EXEC',
      'INFO stats',
      'QUIT',
    );
    const text = await client.end();
    const refusal = '-EXECABORT Transaction discarded because of: ERR transaction too large\r\n';
    expect(text.startsWith(`${OK}${'+QUEUED\r\n'.repeat(count)}${refusal}`)).toBe(true);
    expect(setup.service.log).toEqual([]);
  });
});
