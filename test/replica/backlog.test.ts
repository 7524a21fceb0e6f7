import { expect, it } from 'vitest';
import { Backlog } from '../../lib/replica/backlog.js';

it('counts what the store was given until it is durable, group by group', () => {
  const backlog = new Backlog(100);
  expect(backlog.hasRoom(1000)).toBe(true);
  backlog.staged(60);
  backlog.committed(1);
  expect(backlog.hasRoom(40)).toBe(true);
  expect(backlog.hasRoom(41)).toBe(false);
  backlog.staged(40);
  backlog.committed(3);
  backlog.durable(2);
  expect(backlog.bytes).toBe(40);
  backlog.durable(3);
  expect(backlog.bytes).toBe(0);
});
