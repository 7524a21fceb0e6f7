/**
 * Holds the key-value port against a real Redis server: `run.ts [first seed] [commands]`.
 *
 * Each round takes a seed of its own and some thousand random requests over all commands that are offered, on
 * three connections each; both servers begin it empty. It ends at the first answer that differs in a way that
 * comparison.ts does not allow, with the shortest sequence found and the command that replays the round.
 */

import { numberOf, toolArguments } from '../../tool-arguments.mjs';
import { contest, drawRound, explain } from './contest.js';
import { startRedis } from './real-redis.js';

const ROUND_REQUESTS = 2000;
const FAILURES_MAX = 3;

const COMMAND = 'npm run test:redis --';
const { positionals } = toolArguments({
  command: COMMAND,
  about: 'Holds the key-value port against a real Redis server, with random requests.',
  takes: [
    { name: 'first', help: 'the first seed (1)' },
    { name: 'commands', help: 'how many, on each of the two (100000)' },
  ],
});
const [firstText = '1', commandsText = '100000'] = positionals;
const first = numberOf(COMMAND, 'the first seed', firstText);
const commands = numberOf(COMMAND, 'the number of commands', commandsText);

const redis = await startRedis();
let passed = 0;
let failed = 0;
let chances = 0;
let requests = 0;
const startedMs = Date.now();
let saidMs = startedMs;
for (let seed = first; requests < commands && failed < FAILURES_MAX; seed++) {
  const steps = drawRound(seed, Math.min(ROUND_REQUESTS, commands));
  const verdict = await contest(redis.port, steps);
  requests += verdict.requests;
  if (verdict.chance) chances++;
  if (verdict.difference === undefined || verdict.chance) passed++;
  else {
    failed++;
    console.log(`seed ${seed}: ${verdict.difference.sentence}`);
    const lines = await explain(redis.port, steps.slice(0, verdict.difference.step + 1));
    for (const line of lines) console.log(line);
    console.log(`replay: npm run test:redis -- ${seed} ${ROUND_REQUESTS}`);
  }
  if (Date.now() - saidMs < 5000) continue;
  saidMs = Date.now();
  console.log(`… ${requests} of ${commands} commands`);
}
await redis.close();
console.log(`${requests} commands in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
if (chances > 0) console.log(`${chances} rounds ended at a watched absent key whose hash another key shares`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
