import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FromReplica, Ready } from '../../lib/cluster/process-messages.js';
import { type ReplicaProcess, Supervisor } from '../../lib/cluster/supervisor.js';
import type { Ballot } from '../../lib/types.js';

const READY: Ready = { kind: 'ready', mode: 'emulated', durability: 'process', recovery: 'intact' };

/** A process that does what the test says. */
class FakeProcess implements ReplicaProcess {
  readonly pid = 1;
  readonly replica: number;
  stopAsked = false;
  killed = false;
  onMessage: (message: FromReplica) => void = () => {};
  onExit: (how: string) => void = () => {};

  constructor(replica: number) {
    this.replica = replica;
  }

  send(): void {
    this.stopAsked = true;
  }

  kill(): void {
    this.killed = true;
    this.onExit('signal SIGKILL');
  }

  leads(leader: number, round = 1): void {
    const ballot = (round * 65_536 + leader) as Ballot;
    this.onMessage({ kind: 'role', role: leader === this.replica ? 'leader' : 'follower', ballot, leader });
  }
}

let started: FakeProcess[];
let said: string[];
let supervisor: Supervisor;

beforeEach(() => {
  vi.useFakeTimers();
  started = [];
  said = [];
  supervisor = new Supervisor({
    replicas: [1, 2, 3],
    start: (replica) => {
      const process = new FakeProcess(replica);
      started.push(process);
      return process;
    },
    isRefusal: (code) => code === 'ERR_INDELIBLE_NETWORK',
    isUnusable: (code, hasRun) =>
      code === 'ERR_INDELIBLE_STORE_CORRUPT' || (!hasRun && code === 'ERR_INDELIBLE_STORE_IO'),
    isEnough: (usable) => usable.length >= 2,
    stopMsMax: 1000,
    now: () => Date.now(),
    events: {
      ready: (id, _, isRestart) => said.push(isRestart ? `back ${id}` : `ready ${id}`),
      leader: (id) => said.push(`leader ${id}`),
      died: (id, how, failure, restartInMs) => said.push(`died ${id} ${failure?.code ?? how} ${restartInMs}`),
      killed: (id) => said.push(`killed ${id}`),
      disk: (id, { state }) => said.push(`disk ${id} ${state}`),
      halted: (id, { slot, command }) => said.push(`halted ${id} ${slot} ${command}`),
      refused: (id, { code }) => said.push(`refused ${id} ${code}`),
      unusable: (id, { code }, remaining) => said.push(`unusable ${id} ${code} ${remaining}`),
    },
  });
  supervisor.start();
});

afterEach(() => {
  vi.useRealTimers();
});

function bringUp(): void {
  for (const process of started.slice(0, 3)) process.onMessage(READY);
  started[0]?.leads(1);
}

function fails(process: number, code: string): void {
  started[process]?.onMessage({ kind: 'failed', code, message: 'why' });
  started[process]?.onExit('exit code 3');
}

describe('a supervisor', () => {
  it('starts one process a replica and knows when all are ready and one leads', () => {
    expect(started.map(({ replica }) => replica)).toEqual([1, 2, 3]);
    for (const process of started) process.onMessage(READY);
    expect(supervisor.isUp).toBe(false);
    started[1]?.leads(2);
    expect(supervisor.isUp).toBe(true);
    expect(said).toEqual(['ready 1', 'ready 2', 'ready 3', 'leader 2']);
  });

  it('starts a process that died again, and says so', () => {
    bringUp();
    started[1]?.onExit('signal SIGKILL');
    expect(started).toHaveLength(3);
    expect(said).toContain('died 2 signal SIGKILL 100');
    vi.advanceTimersByTime(100);
    expect(started[3]?.replica).toBe(2);
    started[3]?.onMessage(READY);
    expect(said.at(-1)).toBe('back 2');
  });

  it('says that the disk of a replica fills up, which goes on', () => {
    supervisor.start();
    started[1]?.onMessage({
      kind: 'disk',
      state: 'warn',
      bytes: 100,
      freeBytes: 10,
      share: 0.9,
      reserveBytes: 5,
    });
    expect(said.at(-1)).toBe('disk 2 warn');
  });

  it('says that a replica is halted, which goes on', () => {
    bringUp();
    started[1]?.onMessage({ kind: 'halted', slot: 7, command: 1, message: 'why' });
    expect(said.at(-1)).toBe('halted 2 7 1');
    expect(supervisor.isUp).toBe(true);
  });

  it('waits longer each time, up to ten seconds, and forgets that after a long life', () => {
    const delays: number[] = [];
    for (let death = 0; death < 9; death++) {
      started.at(-1)?.onExit('exit code 1');
      delays.push(Number(said.at(-1)?.split(' ').at(-1)));
      vi.advanceTimersByTime(10_000);
    }
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    vi.advanceTimersByTime(30_000);
    started.at(-1)?.onExit('exit code 1');
    expect(said.at(-1)).toMatch(/ 100$/);
  });

  it('follows the highest ballot, and forgets a leader that died', () => {
    bringUp();
    started[2]?.leads(3, 7);
    started[1]?.leads(1, 1);
    started[1]?.onMessage({ kind: 'role', role: 'candidate', ballot: (9 * 65_536) as Ballot, leader: 0 });
    expect(supervisor.leader).toBe(3);
    started[2]?.onExit('signal SIGKILL');
    expect(supervisor.leader).toBe(0);
  });

  it('does not try a refusal again before the cluster was up', () => {
    started[0]?.onMessage({
      kind: 'failed',
      code: 'ERR_INDELIBLE_NETWORK',
      message: 'the port is taken',
    });
    started[0]?.onExit('exit code 3');
    vi.advanceTimersByTime(60_000);
    expect(said).toEqual(['refused 1 ERR_INDELIBLE_NETWORK']);
    expect(started).toHaveLength(3);
  });

  it.each([false, true])('goes on without a store that cannot be used (up before: %s)', async (wasUp) => {
    if (wasUp) bringUp();
    fails(0, 'ERR_INDELIBLE_STORE_CORRUPT');
    vi.advanceTimersByTime(60_000);
    expect(said.at(-1)).toBe('unusable 1 ERR_INDELIBLE_STORE_CORRUPT 2');
    expect(started).toHaveLength(3);
    for (const process of started.slice(1)) process.onMessage(READY);
    started[1]?.leads(2, 2);
    expect(supervisor.isUp).toBe(true);
    // The second one is one too many.
    fails(2, 'ERR_INDELIBLE_STORE_CORRUPT');
    expect(said.at(-1)).toBe('refused 3 ERR_INDELIBLE_STORE_CORRUPT');
    const stopped = supervisor.stop();
    started[1]?.onExit('exit code 0');
    await stopped;
  });

  it('tries one again that could be read before, and not one that never could', () => {
    fails(0, 'ERR_INDELIBLE_STORE_IO');
    expect(said.at(-1)).toBe('unusable 1 ERR_INDELIBLE_STORE_IO 2');
    started[1]?.onMessage(READY);
    fails(1, 'ERR_INDELIBLE_STORE_IO');
    expect(said.at(-1)).toBe('died 2 ERR_INDELIBLE_STORE_IO 100');
  });

  it('keeps trying once the cluster was up', () => {
    bringUp();
    started[0]?.onMessage({
      kind: 'failed',
      code: 'ERR_INDELIBLE_NETWORK',
      message: 'the port is taken',
    });
    started[0]?.onExit('exit code 3');
    expect(said.at(-1)).toBe('died 1 ERR_INDELIBLE_NETWORK 100');
    vi.advanceTimersByTime(100);
    expect(started).toHaveLength(4);
  });

  it('stops every process in order and starts none any more', async () => {
    bringUp();
    started[2]?.onExit('exit code 1');
    const stopped = supervisor.stop();
    expect(started.map(({ stopAsked }) => stopAsked)).toEqual([true, true, false]);
    started[0]?.onExit('exit code 0');
    started[1]?.onExit('exit code 0');
    await stopped;
    vi.advanceTimersByTime(60_000);
    expect(started).toHaveLength(3);
    expect(said.filter((line) => line.startsWith('died'))).toHaveLength(1);
  });

  it('starts one more, and stops one for good, whether it runs or not', async () => {
    bringUp();
    supervisor.admit(4);
    expect(started[3]?.replica).toBe(4);
    fails(1, 'ERR_INDELIBLE_STORE_CORRUPT');
    started[0]?.onExit('signal SIGKILL');
    await Promise.all([supervisor.dismiss(2), supervisor.dismiss(1)]);
    let hasGone = false;
    const gone = supervisor.dismiss(3).then(() => {
      hasGone = true;
    });
    await Promise.resolve();
    expect([started[2]?.stopAsked, hasGone]).toEqual([true, false]);
    started[2]?.onExit('exit code 0');
    await gone;
    vi.advanceTimersByTime(60_000);
    expect(started).toHaveLength(4);
    expect(said.filter((line) => line.startsWith('died'))).toEqual(['died 1 signal SIGKILL 100']);
    const stopped = supervisor.stop();
    started[3]?.onExit('exit code 0');
    await stopped;
  });

  it('kills what does not stop in time', async () => {
    bringUp();
    const stopped = supervisor.stop();
    started[0]?.onExit('exit code 0');
    started[1]?.onExit('exit code 0');
    vi.advanceTimersByTime(1000);
    await stopped;
    expect(started.map(({ killed }) => killed)).toEqual([false, false, true]);
    expect(said.at(-1)).toBe('killed 3');
  });
});
