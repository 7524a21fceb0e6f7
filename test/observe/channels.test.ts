import { channel } from 'node:diagnostics_channel';
import { describe, expect, it } from 'vitest';
import { type Events, publish, type RoleEvent, subscribe } from '../../lib/observe/channels.js';
import type { Ballot } from '../../lib/types.js';

const ELECTED: RoleEvent = { replica: 2, role: 'leader', ballot: 65538 as Ballot, leader: 2 };

/** All of them: the compiler misses none. */
const NAMES: Record<keyof Events, true> = {
  'indelible:role': true,
  'indelible:peer': true,
  'indelible:recovery': true,
  'indelible:checkpoint': true,
  'indelible:checkpoint-problem': true,
  'indelible:disk': true,
  'indelible:transfer': true,
  'indelible:damage': true,
  'indelible:clock': true,
  'indelible:halted': true,
  'indelible:failure': true,
};

describe('channels', () => {
  it.each(Object.keys(NAMES) as (keyof Events)[])(
    'bring an event of %s to all, whatever a subscriber throws or rejects with',
    (name) => {
      const seen: unknown[] = [];
      const ends = [
        subscribe(name, () => {
          throw new Error('a bug of a subscriber');
        }),
        subscribe(name, async () => {
          throw new Error('a bug of an async subscriber');
        }),
        subscribe(name, (event) => seen.push(event)),
      ];
      const event = { replica: 1 } as unknown as Events[typeof name];
      publish(name, event);
      for (const end of ends) end();
      expect(seen).toEqual([event]);
    },
  );

  it('bring an event to a subscriber, until it unsubscribes', () => {
    const seen: RoleEvent[] = [];
    const unsubscribe = subscribe('indelible:role', (event) => seen.push(event));
    publish('indelible:role', ELECTED);
    unsubscribe();
    publish('indelible:role', ELECTED);
    expect(seen).toEqual([ELECTED]);
  });

  it('keep events apart', () => {
    const seen: unknown[] = [];
    const unsubscribe = subscribe('indelible:peer', (event) => seen.push(event));
    publish('indelible:role', ELECTED);
    unsubscribe();
    expect(seen).toEqual([]);
  });

  it('are diagnostics channels that anybody can subscribe to by name', () => {
    const seen: unknown[] = [];
    const receive = (event: unknown): void => {
      seen.push(event);
    };
    channel('indelible:failure').subscribe(receive);
    const error = new Error('the disk is gone');
    publish('indelible:failure', { replica: 1, error });
    channel('indelible:failure').unsubscribe(receive);
    expect(seen).toEqual([{ replica: 1, error }]);
  });
});
