import { describe, expect, it } from 'vitest';
import { statusLines } from '../../lib/cli/status-command.js';
import { type Answer, verdictOf } from '../../lib/client/survey.js';
import type { ReplicaStatus } from '../../lib/replica/status.js';

function answer(id: number, change: Partial<ReplicaStatus> = {}): Answer {
  const status = {
    replicaId: id,
    members: [1, 2, 3],
    role: 'follower',
    ballot: '4.2',
    leader: 2,
    mode: 'emulated',
    durability: 'process',
    recovery: 'intact',
    votes: true,
    learnedThrough: 90,
    appliedThrough: 90,
    logUsedBytes: 1024,
    logCapacityBytes: 1 << 20,
    ...change,
  } as ReplicaStatus;
  return { id, address: `127.0.0.1:710${id}`, status, problem: '' };
}

function silent(id: number): Answer {
  return { id, address: `127.0.0.1:710${id}`, status: undefined, problem: 'connection refused' };
}

function shown(answers: readonly Answer[]): readonly string[] {
  return statusLines(answers, verdictOf(answers));
}

describe('status', () => {
  it('shows a row a replica and who leads', () => {
    const leader = answer(2, { role: 'leader', learnedThrough: 100, appliedThrough: 100 });
    const lines = shown([answer(1), leader, answer(3)]);
    expect(lines).toHaveLength(5);
    expect(lines[1]).toMatch(
      /^ *1\s+follower\s+4\.2\s+90\s+90\s+10\s+1 KiB of 1 MiB\s+process \(emulated\)$/,
    );
    expect(lines[2]).toMatch(/^ *2\s+leader\s+4\.2\s+100\s+100\s+0\s/);
    expect(lines[4]).toBe('replica 2 leads');
  });

  it('shows who does not answer, and that a majority still does', () => {
    const lines = shown([silent(1), answer(2, { role: 'leader' }), answer(3)]);
    expect(lines[1]).toMatch(/1\s+does not answer: connection refused/);
    expect(lines.at(-1)).toBe('replica 2 leads');
  });

  it('names the slots that keep a cluster from going on, and what to do', () => {
    const lines = shown([answer(1, { advice: 'slots 5 … 7 cannot be decided' }), answer(2), silent(3)]);
    expect(lines.at(-2)).toBe('replica 1: slots 5 … 7 cannot be decided');
    expect(lines.at(-1)).toBe('no leader');
  });

  it('says who is halted, and that nothing can be skipped where another has executed the slot', () => {
    const halted = { slot: 91, command: 2, error: 'Error: why' };
    const all = [answer(1, { halted }), answer(2, { role: 'leader', halted }), answer(3, { halted })];
    expect(shown(all)[2]).toMatch(/ 2\s+leader, halted /);
    expect(verdictOf(all).differences).toEqual([]);
    const odd = [answer(1, { halted }), answer(2, { role: 'leader', appliedThrough: 95 }), answer(3)];
    expect(shown(odd).at(-2)).toMatch(/^replica 1 is halted at slot 91, which replica 2 has executed: /);
  });

  it('names who differs at one slot, in what was learned and in the state', () => {
    const others = { chain: 'aa', stateDigest: 'd1' };
    const lines = shown([answer(1, others), answer(2, { ...others, chain: 'bb' }), answer(3, others)]);
    expect(lines.filter((line) => line.includes('differs'))).toEqual([
      "replica 2 has a history at slot 90 that differs from the others' (bb)",
    ]);
    const states = [answer(1, others), answer(2, { ...others, stateDigest: 'd2' })];
    expect(verdictOf(states).differences).toHaveLength(2);
    const behind = answer(2, { chain: 'bb', stateDigest: 'd2', learnedThrough: 80, appliedThrough: 80 });
    expect(verdictOf([answer(1, others), behind]).differences).toEqual([]);
  });

  it('names replicas that do not talk because a store is not the one that voted', () => {
    const refusals = [
      { id: 2, reason: 'the store of replica 2 is not the one that voted: it was formatted again' },
    ];
    expect(shown([answer(1), answer(2), answer(3, { refusals })])).toContain(
      `replicas 3 and 2 do not talk: ${refusals[0]!.reason}`,
    );
  });

  it('says what a replica cannot do', () => {
    const lines = shown([
      answer(1, { recovery: 'lost', votes: false }),
      answer(2, { role: 'leader' }),
      answer(3, { failure: 'the disk failed' }),
    ]);
    expect(lines[1]).toMatch(/follower, does not vote \(log lost\)/);
    expect(lines[3]).toMatch(/stopped: the disk failed/);
    expect(lines.at(-1)).toMatch(/^no quorum/);
  });
});

describe('the verdict', () => {
  it('counts a quorum of the members that answer, vote and run', () => {
    expect(verdictOf([answer(1), answer(2), silent(3)]).hasQuorum).toBe(true);
    expect(verdictOf([answer(1), silent(2), silent(3)]).hasQuorum).toBe(false);
    expect(verdictOf([answer(1)]).hasQuorum).toBe(false);
    expect(verdictOf([]).hasQuorum).toBe(false);
  });

  it('believes the leader with the highest ballot', () => {
    const old = answer(1, { role: 'leader', ballot: '9.1' });
    const newer = answer(2, { role: 'leader', ballot: '10.2' });
    expect(verdictOf([old, newer, answer(3)]).leader).toBe(2);
    expect(verdictOf([answer(1), answer(2)]).leader).toBe(0);
  });
});
