/**
 * Runs the simulator of hosts over a range of seeds: `run-hosts.ts [first seed] [seeds] [seconds] [backend]
 * [verbose]`, where `-` leaves the choice to the seed and seconds are simulated ones.
 *
 * Prints what the seeds went through, and for a violation the seed and the command that replays it. Fails on
 * a violation, and on a counter that no seed has moved.
 */
import { addHostCounters, newHostCounters } from '../../lib/simulation/hosts/host-counters.js';
import { type HostSimulationOptions, simulateHosts } from '../../lib/simulation/hosts/host-simulation.js';
import type { SimulatedBackend } from '../../lib/simulation/simulation.js';
import { numberOf, toolArguments } from '../tool-arguments.mjs';
import { conclude } from './conclude.js';

const COMMAND = 'npm run simulate-hosts --';
const { positionals } = toolArguments({
  command: COMMAND,
  about:
    'Simulates clusters of whole replicas, each from a seed, with faults, and checks that no promise breaks.',
  takes: [
    { name: 'first', help: 'the first seed (1)' },
    { name: 'seeds', help: 'how many (100)' },
    { name: 'seconds', help: 'simulated ones, of each (10)' },
    { name: 'backend', help: 'what the logs lie on, or - for what the seed draws' },
    { name: 'verbose', help: 'any word: prints what happens' },
  ],
});
const [firstText = '1', countText = '100', secondsText = '10', backend, verbose] = positionals;
const first = numberOf(COMMAND, 'the first seed', firstText);
const count = numberOf(COMMAND, 'the number of seeds', countText);
const seconds = numberOf(COMMAND, 'the number of seconds', secondsText);
const totals = newHostCounters();
const idle: number[] = [];
let longestWait = 0;
let passed = 0;
let failed = 0;
let events = 0;
const startedMs = Date.now();

// Simulated users throw out of their callbacks: a program is told of each as a warning.
process.removeAllListeners('warning');

for (let seed = first; seed < first + count; seed++) {
  const options: HostSimulationOptions = {
    seed,
    seconds,
    ...(backend === undefined || backend === '-' ? {} : { backend: backend as SimulatedBackend }),
    ...(verbose === undefined ? {} : { log: (line: string) => console.log(line) }),
  };
  const report = await simulateHosts(options);
  const { violation, counters, replicas } = report;
  events += report.events;
  idle.push(report.longestIdle);
  longestWait = Math.max(longestWait, report.longestWait);
  addHostCounters(totals, counters);
  if (violation === undefined) passed++;
  else {
    failed++;
    console.log(`seed ${seed} (${replicas} replicas, ${report.backend}): ${violation.sentence}`);
    if (violation.checker === 'error' || violation.checker === 'contract') console.log(violation.error.stack);
    console.log(`replay: npm run simulate-hosts -- ${seed} 1 ${seconds} ${report.backend} verbose`);
    if (failed >= 10) break;
  }
}

idle.sort((a, b) => a - b);
const at = (share: number): string => idle[Math.floor(share * (idle.length - 1))]!.toFixed(1);
console.log(JSON.stringify(totals, null, 2));
console.log(`${events} events in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
console.log(
  `longest without a command, of a seed, in election timeouts: half ${at(0.5)}, 9 in 10 ${at(0.9)}, all ${at(1)}`,
);
console.log(`longest wait of a request: ${(100 * longestWait).toFixed(0)} % of its bound`);
conclude({ passed, failed, totals: count >= 40 ? totals : {} });
