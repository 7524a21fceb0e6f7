/** One look of `indelible top`. */
import { describe, expect, it } from 'vitest';
import { topLines } from '../../lib/cli/top-command.js';
import type { ClusterView } from '../../lib/http/page-source.js';
import type { ReplicaStatus } from '../../lib/replica/status.js';

function viewAt(atMs: number, changes: Partial<ReplicaStatus>): ClusterView {
  const status = {
    role: 'leader',
    commandsExecuted: 0,
    queriesAnswered: 0,
    lagSlots: 0,
    logUsedBytes: 1 << 20,
    logCapacityBytes: 4 << 20,
    pace: { commit: [], persist: [] },
    programs: 2,
    advice: '',
    ...changes,
  } as unknown as ReplicaStatus;
  const health = { level: 'ok', checks: [] } as const;
  const verdict = { hasQuorum: true, leader: 1, learnedThrough: 0, differences: [] };
  return { atMs, verdict, troubles: [], replicas: [{ id: 1, address: 'a', problem: '', status, health }] };
}

const EARLIER = viewAt(0, { commandsExecuted: 100, pace: { commit: [[0.001, 5]], persist: [] } });

describe('a look of top', () => {
  it('has rates, and how long what happened since the last look took', () => {
    const commit = [
      [0.001, 105],
      [0.016, 100],
    ] as const;
    const now = viewAt(2000, { commandsExecuted: 300, queriesAnswered: 8, pace: { commit, persist: [] } });
    const lines = topLines(EARLIER, now);
    expect(lines[0]).toBe('Indelible  00:00:02 UTC  replica 1 leads');
    expect(lines[3]?.trim().split(/ {2,}/)).toEqual([
      '1',
      'leader',
      '100',
      '4',
      '0',
      '25 % of 4 MiB',
      '16 ms',
      '-',
      '2',
      'ok',
    ]);
  });

  it('counts a replica that was started again from nothing', () => {
    expect(topLines(EARLIER, viewAt(1000, { commandsExecuted: 7 }))[3]).toMatch(/leader +0 +0/);
  });

  it('says which replica does not answer, and gives advice', () => {
    const away = { ...EARLIER, replicas: [{ id: 3, address: 'c', problem: 'no hello within 2000 ms' }] };
    const lines = topLines(EARLIER, away);
    expect(lines[3]).toMatch(/^ *3 {2}does not answer/);
    expect(lines).toContain('fail replica 3: does not answer: no hello within 2000 ms');
    expect(topLines(EARLIER, viewAt(1, { advice: 'its disk stalls' }))).toContain(
      'replica 1: its disk stalls',
    );
  });
});
