/**
 * Runs the simulator over a range of seeds in which members change: `run-members.ts [first seed] [seeds]
 * [events] [backend] [verbose]`, where `-` leaves the choice to the seed.
 *
 * Fails on a violation, and on a kind of change, or of refusal, that no seed has had.
 */
import { membershipOptions, newMemberCounters } from '../../lib/simulation/membership.js';
import { type SimulatedBackend, simulate } from '../../lib/simulation/simulation.js';
import { conclude } from './conclude.js';

const [, , firstText = '1', countText = '400', eventsText = '5000', backend, verbose] = process.argv;
const first = Number(firstText);
const count = Number(countText);
const events = Number(eventsText);
const totals = newMemberCounters();
let passed = 0;
let failed = 0;
let eventsRun = 0;
const startedMs = Date.now();

for (let seed = first; seed < first + count && failed < 10; seed++) {
  const { violation, memberCounters, ...ran } = await simulate({
    seed,
    events,
    ...membershipOptions(seed),
    ...(backend === undefined || backend === '-' ? {} : { backend: backend as SimulatedBackend }),
    ...(verbose === undefined ? {} : { log: (line: string) => console.log(line) }),
  });
  eventsRun += ran.events;
  for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += memberCounters[name];
  if (violation === undefined) {
    passed++;
    continue;
  }
  failed++;
  console.log(
    `seed ${seed} (${ran.replicas} replicas, ${ran.backend}), event ${violation.event}: ${violation.sentence}`,
  );
  if (violation.checker === 'error' || violation.checker === 'contract') console.log(violation.error.stack);
  console.log(`replay: npm run simulate-members -- ${seed} 1 ${events} ${ran.backend} verbose`);
}

const seconds = (Date.now() - startedMs) / 1000;
console.log(JSON.stringify(totals, null, 2));
console.log(`${eventsRun} events in ${seconds.toFixed(1)} s`);
conclude({ passed, failed, totals: count >= 20 ? totals : {} });
