import { expect, it } from 'vitest';
import { leaderKnown } from '../../lib/replica/leader-wait.js';

/** A replica as far as the wait asks it, changed by hand. */
class Led {
  now = 0;
  stopped = false;
  readonly callbacks: Set<() => void> = new Set();

  leader(): number {
    return this.now;
  }
  isStopped(): boolean {
    return this.stopped;
  }
  onChange(callback: () => void): () => void {
    this.callbacks.add(callback);
    return () => this.callbacks.delete(callback);
  }
  change(): void {
    for (const callback of [...this.callbacks]) callback();
  }
}

it('resolves at once where a leader is known', async () => {
  const led = new Led();
  led.now = 2;
  expect(await leaderKnown(led, {})).toBe(2);
  expect(led.callbacks.size).toBe(0);
});

it('resolves with the first leader that becomes known, and listens no longer', async () => {
  const led = new Led();
  const wait = leaderKnown(led, { signal: new AbortController().signal });
  led.change();
  expect(led.callbacks.size).toBe(1);
  led.now = 3;
  led.change();
  expect(await wait).toBe(3);
  expect(led.callbacks.size).toBe(0);
});

it('rejects with the reason of its signal, before or during the wait', async () => {
  const led = new Led();
  const controller = new AbortController();
  const wait = leaderKnown(led, { signal: controller.signal });
  const reason = new Error('enough');
  controller.abort(reason);
  await expect(wait).rejects.toBe(reason);
  await expect(leaderKnown(led, { signal: controller.signal })).rejects.toBe(reason);
  expect(led.callbacks.size).toBe(0);
});

it('rejects once the replica has stopped', async () => {
  const led = new Led();
  const wait = leaderKnown(led, {});
  led.stopped = true;
  led.change();
  await expect(wait).rejects.toMatchObject({ code: 'ERR_INDELIBLE_STOPPED' });
});
