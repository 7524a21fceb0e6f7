/** Waits that a signal ends. */
import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { abortable } from '../../lib/replica/abortable.js';

const REASON = new Error('enough');

it('gives what the work gives, and leaves no listener on the signal', async () => {
  const { signal } = new AbortController();
  expect(await abortable(Promise.resolve(7), signal)).toBe(7);
  await expect(abortable(Promise.reject(REASON), signal)).rejects.toBe(REASON);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

it('rejects with the reason when the signal comes first, and goes on listening to nothing', async () => {
  const controller = new AbortController();
  let finish = (): void => {};
  const work = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const wait = abortable(work, controller.signal);
  controller.abort(REASON);
  await expect(wait).rejects.toBe(REASON);
  finish();
  await work;
  await Promise.resolve();
  expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
});

it('rejects at once when the signal was there before, and the failure of the work is nobody’s', async () => {
  const signal = AbortSignal.abort(REASON);
  await expect(abortable(Promise.reject(new Error('of the work')), signal)).rejects.toBe(REASON);
});

it('rejects with what is made of the reason', async () => {
  const signal = AbortSignal.abort(REASON);
  const wait = abortable(Promise.resolve(), signal, (cause) => new Error('unknown', { cause }));
  await expect(wait).rejects.toMatchObject({ message: 'unknown', cause: REASON });
});
