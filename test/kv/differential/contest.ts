/**
 * One round of requests, held against Redis. Each round is a key-value port of its own, so that what hangs on
 * the hashes of one store is not taken for a rule.
 */
import { createKvServer } from '../../../lib/kv/server.js';
import { KvStateMachine } from '../../../lib/kv/state-machine.js';
import { Random } from '../../../lib/simulation/random.js';
import { LocalService } from '../local-service.js';
import { type Difference, Duel, shrink } from './duel.js';
import { drawSteps, type Step } from './generator.js';

/** The steps of the round `seed`, with at least that many requests. */
export function drawRound(seed: number, requests: number): Step[] {
  const random = new Random(seed);
  const steps: Step[] = [];
  for (let drawn = 0; drawn < requests; ) {
    for (const step of drawSteps(random)) {
      steps.push(step);
      drawn += step.requests.length;
    }
  }
  return steps;
}

/** Calls `use` with a duel between a new port and Redis. */
async function fight<T>(redisPort: number, use: (duel: Duel) => Promise<T>): Promise<T> {
  const machine = new KvStateMachine();
  const service = new LocalService(machine);
  // The clock goes by itself: Redis's does.
  Object.defineProperty(service, 'timeMs', { get: () => Date.now() });
  const server = await createKvServer({
    service,
    port: 0,
    statistics: (nowMs) => machine.statisticsAt(nowMs),
  });
  const duel = new Duel({ ours: server.port, theirs: redisPort });
  try {
    await duel.renew();
    return await use(duel);
  } finally {
    duel.close();
    await server.close();
  }
}

export interface Verdict {
  readonly requests: number;
  /** Undefined if both answered the same throughout. */
  readonly difference: Difference | undefined;
  /** It was an EXEC of a watched absent key that failed by chance of a hash: docs/redis.md names it. */
  readonly chance: boolean;
}

export async function contest(redisPort: number, steps: readonly Step[]): Promise<Verdict> {
  const once = (): Promise<Verdict> =>
    fight(redisPort, async (duel) => {
      const difference = await duel.run(steps);
      return { requests: duel.requests, difference, chance: false };
    });
  const verdict = await once();
  if (verdict.difference?.spoiltExec !== true) return verdict;
  const again = await once();
  return again.difference === undefined ? { ...verdict, chance: true } : verdict;
}

/** The shortest sequence found that shows the difference, and what it shows. */
export function explain(redisPort: number, steps: readonly Step[]): Promise<readonly string[]> {
  return fight(redisPort, async (duel) => {
    const shortest = await shrink(duel, steps);
    await duel.renew();
    const difference = await duel.run(shortest);
    const lines = shortest.flatMap(({ connection, requests }) =>
      requests.map((request) => {
        const words = request.map((word) => JSON.stringify(word.toString('latin1')).slice(0, 80));
        return `  connection ${connection}: ${words.join(' ')}`;
      }),
    );
    return [...lines, `  ${difference?.sentence ?? 'not seen again'}`];
  });
}
