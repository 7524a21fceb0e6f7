import { describe, expect, it } from 'vitest';
import { drawPlan, firstConfiguration, identityIn, parsePlan, planText } from '../../lib/cluster/plan.js';

const HEX_A = 'a'.repeat(32);
const HEX_B = 'b'.repeat(32);

function textWith(change: object): string {
  return JSON.stringify({ plan: 1, clusterId: HEX_A, members: [{ id: 1, storeUuid: HEX_B }], ...change });
}

describe('a plan', () => {
  it('names a cluster and as many members as asked for, each with a store of its own', () => {
    const plan = drawPlan(5);
    expect(plan.members.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5]);
    expect(new Set(plan.members.map(({ storeUuid }) => storeUuid)).size).toBe(5);
    for (const hex of [plan.clusterId, ...plan.members.map(({ storeUuid }) => storeUuid)]) {
      expect(hex).toMatch(/^[0-9a-f]{32}$/);
    }
  });

  it('is never drawn twice the same', () => {
    expect(drawPlan(1).clusterId).not.toBe(drawPlan(1).clusterId);
  });

  it.each([0, 16, 1.5, Number.NaN])('cannot have %s replicas', (replicas) => {
    expect(() => drawPlan(replicas)).toThrow(/1 to 15 replicas/);
  });

  it('survives being written and read', () => {
    const plan = drawPlan(3);
    expect(parsePlan(planText(plan))).toEqual(plan);
  });

  it('comes back with its members in order', () => {
    const members = [
      { id: 2, storeUuid: HEX_A },
      { id: 1, storeUuid: HEX_B },
    ];
    expect(parsePlan(textWith({ members })).members.map(({ id }) => id)).toEqual([1, 2]);
  });

  it.each([
    ['no JSON', 'plan: 1', /not JSON/],
    ['another format', textWith({ plan: 2 }), /plan/],
    ['a field nobody knows', textWith({ colour: 'red' }), /colour/],
    ['an id that is none', textWith({ clusterId: 'ABC' }), /clusterId: must be 32/],
    ['a replica id of 0', textWith({ members: [{ id: 0, storeUuid: HEX_B }] }), /members\.0\.id/],
    ['no members', textWith({ members: [] }), /members/],
  ])('with %s is refused, with the place', (_, text, sentence) => {
    expect(() => parsePlan(text)).toThrow(sentence);
    expect(() => parsePlan(text)).toThrow(expect.objectContaining({ code: 'ERR_INDELIBLE_ARGUMENT' }));
  });

  it('with two members alike is refused', () => {
    const store = (id: number, storeUuid: string) => ({ id, storeUuid });
    expect(() => parsePlan(textWith({ members: [store(1, HEX_A), store(1, HEX_B)] }))).toThrow(/same id/);
    expect(() => parsePlan(textWith({ members: [store(1, HEX_A), store(2, HEX_A)] }))).toThrow(/same store/);
  });

  it('gives each member its identity, and all of them the first configuration', () => {
    const plan = drawPlan(3);
    const { storeUuid } = plan.members[1]!;
    expect(identityIn(plan, 2)).toEqual({ clusterId: plan.clusterId, replicaId: 2, storeUuid });
    expect(() => identityIn(plan, 4)).toThrow(/no replica 4; it has 1, 2, 3/);
    expect(firstConfiguration(plan)).toEqual({ number: 1, members: plan.members });
  });
});
