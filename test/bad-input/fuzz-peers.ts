/** Sends hostile numbers to real replicas: `npm run fuzz:peers -- --help`. */
import { parseArgs } from 'node:util';
import { fuzzPeers } from './peer-fuzz.js';

const HELP = `Frames with a good CRC and hostile numbers, as a member and as a client, to real replicas.

  npm run fuzz:peers -- [--seed N] [--messages N]

  --seed N       where to begin (1)
  --messages N   how many messages to send (1000000)`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    messages: { type: 'string', default: '1000000' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const seed = Number(values.seed);
const messages = Number(values.messages);
const startedMs = Date.now();
let saidMs = startedMs;
// First, so that it is known where one that never ends has begun.
console.log(`replay: npm run fuzz:peers -- --seed ${seed} --messages ${messages}`);
const report = await fuzzPeers({
  seed,
  messages,
  progress: (sent) => {
    if (Date.now() - saidMs < 5000) return;
    saidMs = Date.now();
    console.log(`… ${sent} of ${messages} messages`);
  },
});
console.log(JSON.stringify(report));
console.log(`${((Date.now() - startedMs) / 1000).toFixed(1)} s, 1 passed, 0 failed`);
