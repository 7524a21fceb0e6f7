/**
 * Runs the simulator over a range of seeds: `run.ts [first seed] [seeds] [events] [backend] [damage]
 * [verbose]`, where `-` leaves the choice to the seed.
 *
 * Prints what the seeds went through, and for a violation the seed and the command that replays it. Fails on
 * a violation, on a seed without a crash-restart and a leader change, and on a counter that no seed has
 * moved.
 */
import { addCounters, newCounters } from '../../lib/simulation/counters.js';
import {
  type DamageBound,
  type SimulatedBackend,
  type SimulationOptions,
  simulate,
} from '../../lib/simulation/simulation.js';
import { numberOf, toolArguments } from '../tool-arguments.mjs';
import { conclude } from './conclude.js';

const COMMAND = 'npm run simulate --';
const { positionals } = toolArguments({
  command: COMMAND,
  about: 'Simulates clusters of cores, each from a seed, with faults, and checks that no promise breaks.',
  takes: [
    { name: 'first', help: 'the first seed (1)' },
    { name: 'seeds', help: 'how many (2000)' },
    { name: 'events', help: 'of each (5000)' },
    { name: 'backend', help: 'what the logs lie on, or - for what the seed draws' },
    { name: 'damage', help: 'minority, any, or - for what the seed draws' },
    { name: 'verbose', help: 'any word: prints what happens' },
  ],
});
const [firstText = '1', countText = '2000', eventsText = '5000', backend, damage, verbose] = positionals;
const first = numberOf(COMMAND, 'the first seed', firstText);
const count = numberOf(COMMAND, 'the number of seeds', countText);
const events = numberOf(COMMAND, 'the number of events', eventsText);
const totals = newCounters();
let passed = 0;
let failed = 0;
let eventsRun = 0;
const startedMs = Date.now();

for (let seed = first; seed < first + count; seed++) {
  const options: SimulationOptions = {
    seed,
    events,
    ...(backend === undefined || backend === '-' ? {} : { backend: backend as SimulatedBackend }),
    ...(damage === undefined || damage === '-' ? {} : { damage: damage as DamageBound }),
    ...(verbose === undefined ? {} : { log: (line: string) => console.log(line) }),
  };
  const { violation, counters, replicas, events: ran, ...drawn } = await simulate(options);
  eventsRun += ran;
  addCounters(totals, counters);
  // A cluster that has stopped has nothing more to show.
  const mayIdle = counters.namedStops > 0;
  const idle = !mayIdle && (counters.crashRestarts === 0 || counters.leaderChanges === 0);
  if (violation === undefined && !idle) passed++;
  else {
    failed++;
    const what = violation?.sentence ?? 'no crash-restart or no leader change';
    const where = `${replicas} replicas, ${drawn.backend}, damage: ${drawn.damage}`;
    console.log(`seed ${seed} (${where}), event ${violation?.event ?? ran}: ${what}`);
    if (violation?.checker === 'error' || violation?.checker === 'contract')
      console.log(violation.error.stack);
    console.log(`replay: npm run simulate -- ${seed} 1 ${events} ${drawn.backend} ${drawn.damage} verbose`);
    if (failed >= 10) break;
  }
  if ((seed - first + 1) % 200 === 0) console.log(`… ${seed - first + 1} of ${count} seeds`);
}

const seconds = (Date.now() - startedMs) / 1000;
console.log(JSON.stringify(totals, null, 2));
console.log(`${eventsRun} events in ${seconds.toFixed(1)} s`);
conclude({ passed, failed, totals: count >= 20 ? totals : {} });
