/** What `indelible health` says of a cluster, and how bad it is on the whole. */
import { describe, expect, it } from 'vitest';
import { clusterLines } from '../../lib/cli/health-command.js';
import type { Answer } from '../../lib/client/survey.js';
import { type ClusterView, levelOf, type ReplicaView, viewOf } from '../../lib/http/page-source.js';
import type { ReplicaStatus } from '../../lib/replica/status.js';

const WELL: ReplicaView = { id: 1, address: 'a', problem: '', health: { level: 'ok', checks: [] } };
const WELL_STATUS = {
  replicaId: 1,
  role: 'follower',
  leader: 2,
  ballot: '1.2',
  votes: true,
  recovery: 'intact',
  damage: { undecided: [] },
  stalledMs: 0,
  lagSlots: 0,
  learnedThrough: 1,
  appliedThrough: 1,
  logUsedBytes: 0,
  logCapacityBytes: 1,
  clock: { aheadMs: 0, isOff: false },
} as unknown as ReplicaStatus;
const VERDICT = { hasQuorum: true, leader: 2, learnedThrough: 7, differences: [] };

function view(
  replicas: readonly ReplicaView[],
  verdict: Partial<ClusterView['verdict']> = {},
  troubles: readonly string[] = [],
): ClusterView {
  return { atMs: 0, verdict: { ...VERDICT, ...verdict }, troubles, replicas };
}

describe('the health of a cluster', () => {
  it('is a line for each replica, and one for the whole', () => {
    const shown = view([WELL, { ...WELL, id: 2 }]);
    expect(clusterLines(shown)).toEqual(['ok   replica 1', 'ok   replica 2', 'ok   replica 2 leads']);
    expect(levelOf(shown)).toBe('ok');
  });

  it('fails where a replica is away', () => {
    const shown = view([WELL, { id: 2, address: 'b', problem: 'no hello within 2000 ms' }]);
    expect(clusterLines(shown)).toContain('fail replica 2: does not answer: no hello within 2000 ms');
    expect(levelOf(shown)).toBe('fail');
  });

  it('says what each replica has to be looked at for', () => {
    const checks = [
      { name: 'log', level: 'warn', text: '91 % in use' },
      { name: 'lag', level: 'ok', text: '0 slots behind' },
    ] as const;
    const shown = view([{ ...WELL, health: { level: 'warn', checks } }]);
    expect(clusterLines(shown)).toEqual(['warn replica 1, log: 91 % in use', 'ok   replica 2 leads']);
    expect(levelOf(shown)).toBe('warn');
  });

  it.each([
    [{ hasQuorum: false }, 'fail no quorum'],
    [{ leader: 0 }, 'fail no leader'],
    [{}, 'fail replica 3 differs', ['replica 3 differs']],
  ])('fails as a whole: %o', (verdict, line, troubles: string[] = []) => {
    const shown = view([WELL], verdict, troubles);
    expect(clusterLines(shown)).toContain(line);
    expect(levelOf(shown)).toBe('fail');
  });

  it('fails when the disks of a majority are full, and not before', () => {
    const on = (state: string): Answer => {
      const status = { members: [1, 2, 3], refusals: [], disk: { state } } as unknown as ReplicaStatus;
      return { id: 1, address: 'a', problem: '', status: { ...WELL_STATUS, ...status } };
    };
    const troublesOf = (...states: string[]): readonly string[] => viewOf(states.map(on), 0).troubles;
    expect(troublesOf('full', 'reserve', 'warn')).toEqual([
      expect.stringMatching(/^the disks of 2 of 3 replicas are full/),
    ]);
    expect(troublesOf('full', 'warn', 'ok')).toEqual([]);
  });
});
