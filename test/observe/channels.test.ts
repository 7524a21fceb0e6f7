import { channel } from 'node:diagnostics_channel';
import { describe, expect, it } from 'vitest';
import { publish, type RoleEvent, subscribe } from '../../lib/observe/channels.js';
import type { Ballot } from '../../lib/types.js';

const ELECTED: RoleEvent = { replica: 2, role: 'leader', ballot: 65538 as Ballot, leader: 2 };

describe('channels', () => {
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
