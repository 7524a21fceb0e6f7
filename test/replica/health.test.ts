/** What each trouble of a replica does to its health. */
import { describe, expect, it } from 'vitest';
import { type Health, healthLines, healthOf } from '../../lib/replica/health.js';
import type { ReplicaStatus } from '../../lib/replica/status.js';

const WELL = {
  replicaId: 1,
  role: 'follower',
  leader: 2,
  votes: true,
  recovery: 'intact',
  recoveryReason: '',
  damage: { undecided: [] },
  stalledMs: 0,
  lagSlots: 3,
  logUsedBytes: 10,
  logCapacityBytes: 100,
  clock: { aheadMs: 2, isOff: false },
} as unknown as ReplicaStatus;

const GIB = 2 ** 30;

function healthWith(changes: object): Health {
  return healthOf({ ...WELL, ...changes });
}

describe('the health of a replica', () => {
  it('is ok when nothing is wrong', () => {
    const health = healthOf(WELL, { freeBytes: 50 * GIB, bytes: 100 * GIB });
    expect(health.level).toBe('ok');
    expect(healthLines(health)).toContain('ok   quorum: replica 2 leads');
    expect(healthLines(health)).toContain('ok   disk: 50 % of its file system in use');
  });

  it.each([
    ['it has stopped', { failure: 'a full disk' }, 'fail', 'running', /has stopped: a full disk/],
    [
      'it is halted',
      { halted: { slot: 4, command: 1, error: 'Error: x' } },
      'fail',
      'running',
      /slot 4, command 1/,
    ],
    ['nobody leads', { leader: 0 }, 'fail', 'quorum', /no majority talks/],
    [
      'slots cannot be decided',
      { damage: { undecided: [{ from: 3, through: 3 }] } },
      'fail',
      'quorum',
      /cannot be decided/,
    ],
    ['it is far behind', { lagSlots: 2001 }, 'fail', 'lag', /catching up/],
    ['its disk stalls', { stalledMs: 2500 }, 'fail', 'store', /nothing has become durable for 2.5 s/],
    ['its disk is slow', { stalledMs: 300 }, 'warn', 'store', /0.3 s/],
    ['its store is lost', { recovery: 'lost', votes: false }, 'warn', 'log', /never votes again/],
    ['its log was damaged', { recovery: 'damaged' }, 'warn', 'log', /damage was found/],
    ['its log is nearly full', { logUsedBytes: 91 }, 'warn', 'log', /91 % in use/],
    [
      'no checkpoint can be written',
      { checkpointProblem: { reason: 'ENOSPC' } },
      'warn',
      'checkpoints',
      /ENOSPC/,
    ],
    ['its clock is off', { clock: { aheadMs: -700, isOff: true } }, 'warn', 'clock', /700 ms behind/],
  ] as const)('says so when %s', (_, changes, level, name, text) => {
    const health = healthWith(changes);
    expect(health.level).toBe(level);
    const bad = health.checks.filter((check) => check.level !== 'ok');
    expect(bad).toEqual([{ name, level, text: expect.stringMatching(text) }]);
  });

  it('warns of a disk from 85 percent on', () => {
    const at = (used: number): Health => healthOf(WELL, { freeBytes: (100 - used) * GIB, bytes: 100 * GIB });
    expect(at(84).level).toBe('ok');
    expect(at(85).level).toBe('warn');
  });

  it('is as bad as its worst check', () => {
    expect(healthWith({ leader: 0, stalledMs: 10 }).level).toBe('fail');
  });
});
