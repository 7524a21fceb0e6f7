/** What a replica tells systemd, and when: by clock and messages of the test's own. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { feedMsOf, ServiceManager, serviceManagerOf } from '../../lib/cluster/service-manager.js';

const PID = 4711;

describe('the time between two feedings', () => {
  it('is half of what systemd allows', () => {
    expect(feedMsOf({ WATCHDOG_USEC: '30000000' }, PID)).toBe(15_000);
    expect(feedMsOf({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '4711' }, PID)).toBe(15_000);
  });

  it('is not there where nobody watches, or another process is watched', () => {
    expect(feedMsOf({}, PID)).toBeUndefined();
    expect(feedMsOf({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '4712' }, PID)).toBeUndefined();
    for (const nonsense of ['', '0', '-5', '1e9', 'infinity', '3 s']) {
      expect(feedMsOf({ WATCHDOG_USEC: nonsense }, PID)).toBeUndefined();
    }
  });

  it('is one that a timer can wait', () => {
    expect(feedMsOf({ WATCHDOG_USEC: '1' }, PID)).toBe(1);
    expect(feedMsOf({ WATCHDOG_USEC: '18446744073709551615' }, PID)).toBeUndefined();
    expect(feedMsOf({ WATCHDOG_USEC: '1844674407370955161' }, PID)).toBe(2 ** 31 - 1);
  });
});

describe('without NOTIFY_SOCKET', () => {
  it('nobody is told', () => {
    const environment = { WATCHDOG_USEC: '30000000' };
    expect(serviceManagerOf(environment, PID, () => {})).toBeUndefined();
    expect(serviceManagerOf({ ...environment, NOTIFY_SOCKET: '' }, PID, () => {})).toBeUndefined();
  });
});

describe('the messages', () => {
  const sent: string[] = [];
  const problems: Error[] = [];
  let end: (error?: Error) => void;
  const send = (state: string): Promise<Error | undefined> => {
    sent.push(state);
    return new Promise((resolve) => {
      end = resolve;
    });
  };
  let manager: ServiceManager;

  /** What has come by now has been dealt with. */
  const settle = async (): Promise<void> => {
    await vi.advanceTimersByTimeAsync(0);
  };

  beforeEach(() => {
    vi.useFakeTimers();
    sent.length = 0;
    problems.length = 0;
    manager = new ServiceManager(1000, (error) => problems.push(error), send);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('begin when it is ready, feed the watchdog, and end when it closes', async () => {
    await vi.advanceTimersByTimeAsync(5000);
    expect(sent).toEqual([]);
    manager.ready();
    await settle();
    expect(sent).toEqual(['READY=1']);
    end();
    await settle();
    await vi.advanceTimersByTimeAsync(1000);
    end();
    await vi.advanceTimersByTimeAsync(1000);
    expect(sent).toEqual(['READY=1', 'WATCHDOG=1', 'WATCHDOG=1']);
    end();
    manager.stopping();
    await vi.advanceTimersByTimeAsync(9000);
    expect(sent).toEqual(['READY=1', 'WATCHDOG=1', 'WATCHDOG=1', 'STOPPING=1']);
  });

  it('neither pile up nor overtake each other', async () => {
    manager.ready();
    await vi.advanceTimersByTimeAsync(9000);
    expect(sent).toEqual(['READY=1']);
    manager.stopping();
    await settle();
    expect(sent).toEqual(['READY=1']);
    end();
    await settle();
    expect(sent).toEqual(['READY=1', 'STOPPING=1']);
  });

  it('that do not come through are told of once, and tried on', async () => {
    manager.ready();
    await settle();
    end(new Error('nobody there'));
    await vi.advanceTimersByTimeAsync(1000);
    end(new Error('still nobody'));
    await vi.advanceTimersByTimeAsync(1000);
    expect(sent).toEqual(['READY=1', 'WATCHDOG=1', 'WATCHDOG=1']);
    expect(problems.map(({ message }) => message)).toEqual(['nobody there']);
  });
});
