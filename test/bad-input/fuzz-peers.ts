/** Sends hostile numbers to real replicas: `npm run fuzz:peers -- --help`. */

import { toolArguments } from '../tool-arguments.mjs';
import { fuzzPeers } from './peer-fuzz.js';

const { values } = toolArguments({
  command: 'npm run fuzz:peers --',
  about: 'Sends frames with a good CRC and hostile numbers, as a member and as a client, to real replicas.',
  options: {
    seed: { type: 'number', default: 1, help: 'where to begin' },
    messages: { type: 'number', default: 1_000_000, help: 'how many messages to send' },
  },
});
const { seed, messages } = values;
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
