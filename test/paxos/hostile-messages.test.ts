/**
 * Frames with a good CRC and hostile numbers, of every kind, from a member of the cluster to real cores that
 * live their own life meanwhile: nothing is thrown, what is sent and kept is bounded, no promise falls, no
 * vote is forgotten, and the replica opens again on what it wrote.
 *
 * That a member lies about what was chosen is not among what this shows: no Paxos survives that, and a
 * replica that notices stops (contract 15).
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContractViolation } from '../../lib/contract.js';
import type { Message } from '../../lib/paxos/messages.js';
import { arriving, hostileMessage } from '../wire/hostile-messages.js';
import { batchOf, TestCluster } from './cluster.js';

const HOSTILE = 3;
const HONEST: readonly number[] = [1, 2];
const STEPS = 30;
/** Agreement: a chain that differs. */
const DIVERGENCE = 15;
const SENT_MAX = 400;
const RUNS = Number(process.env['HOSTILE_RUNS'] ?? 200);

type Step = { readonly to: number; readonly message: Message } | { readonly ticks: number } | 'propose';

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ to: fc.constantFrom(...HONEST), message: hostileMessage(HOSTILE) }) },
  { weight: 2, arbitrary: fc.record({ ticks: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 2, arbitrary: fc.constant('propose' as const) },
);

class Attacked {
  readonly cluster = new TestCluster(3);

  constructor() {
    this.cluster.elect(1, HONEST);
  }

  take(step: Step): void {
    if (step === 'propose') {
      for (const id of HONEST) this.cluster.node(id).core.propose(batchOf('x'));
    } else if ('ticks' in step) {
      for (let tick = 0; tick < step.ticks; tick++)
        for (const id of HONEST) this.cluster.node(id).core.tick();
    } else {
      const message = arriving(step.message);
      if (message !== undefined) this.cluster.node(step.to).core.receive(HOSTILE, message);
    }
    for (const id of HONEST) {
      expect(this.cluster.node(id).outbox.length).toBeLessThan(SENT_MAX);
    }
    this.cluster.run(HONEST);
    this.cluster.drop();
  }

  /** What each has promised and voted, which may only grow. */
  kept(): number[][] {
    return HONEST.map((id) => {
      const { core, log } = this.cluster.node(id);
      expect(core.acceptor.promised).toBe(log.promised());
      return [log.promised(), log.items.length];
    });
  }
}

function run(steps: readonly Step[]): void {
  const attacked = new Attacked();
  let before = attacked.kept();
  for (const step of steps) {
    try {
      attacked.take(step);
    } catch (error) {
      // Where it is told of a batch that nobody chose, it stops.
      if (error instanceof ContractViolation && error.contract === DIVERGENCE) return;
      throw error;
    }
    const now = attacked.kept();
    for (const [at, [promised, items]] of now.entries()) {
      expect(promised).toBeGreaterThanOrEqual(before[at]![0]!);
      expect(items).toBeGreaterThanOrEqual(before[at]![1]!);
    }
    before = now;
  }
  for (const id of HONEST) attacked.cluster.restart(id);
}

describe('hostile numbers in messages', () => {
  it('throw nothing into a core, and cost it neither memory nor what it keeps', () => {
    fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: STEPS }), run), { numRuns: RUNS });
  });
});
