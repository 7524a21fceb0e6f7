/**
 * The campaigns on real processes: `run.ts [campaign …] [--backend emulated|file] [--seed N] [--kills N]
 * [--laps N] [--budget SECONDS]`. Without a name all of them run, without a backend both do.
 *
 * `--budget` repeats them with the next seeds until that much time is used. Prints the seed and the command
 * that replays a failure; chance decides whom and when, and the machine has its share in what comes of it.
 * The last line is "N passed, N failed".
 */
import { parseArgs } from 'node:util';
import { Random } from '../../lib/simulation/random.js';
import { type Campaign, CampaignReport, CheckFailed } from './campaign.js';
import { clientsCampaign } from './clients-campaign.js';
import { killCampaign } from './kill-campaign.js';
import { lapsCampaign } from './laps-campaign.js';
import type { TestedBackend } from './service-cluster.js';

const CAMPAIGNS: Readonly<Record<string, Campaign>> = {
  kill: killCampaign,
  laps: lapsCampaign,
  clients: clientsCampaign,
};
const BACKENDS: readonly TestedBackend[] = ['emulated', 'file'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    backend: { type: 'string' },
    seed: { type: 'string', default: '1' },
    kills: { type: 'string', default: '10' },
    laps: { type: 'string', default: '20' },
    budget: { type: 'string', default: '0' },
  },
});
const names = positionals.length > 0 ? positionals : Object.keys(CAMPAIGNS);
const backends = BACKENDS.filter((backend) => values.backend === undefined || values.backend === backend);
const unknown = names.filter((name) => CAMPAIGNS[name] === undefined);
if (unknown.length > 0 || backends.length === 0) {
  console.error(`campaigns: ${Object.keys(CAMPAIGNS).join(', ')}; backends: ${BACKENDS.join(', ')}`);
  process.exit(2);
}

const report = new CampaignReport();
const endMs = performance.now() + Number(values.budget) * 1000;
let seed = Number(values.seed);
do {
  for (const backend of backends) {
    for (const name of names) await run(name, backend);
  }
  seed++;
} while (performance.now() < endMs && report.failed === 0);
console.log(`${report.passed} passed, ${report.failed} failed`);
process.exit(report.failed === 0 ? 0 : 1);

async function run(name: string, backend: TestedBackend): Promise<void> {
  const { kills, laps } = values;
  console.log(`${name}, ${backend}, seed ${seed}`);
  try {
    const settings = { backend, kills: Number(kills), laps: Number(laps), random: new Random(seed) };
    await CAMPAIGNS[name]!(settings, report);
  } catch (error) {
    if (!(error instanceof CheckFailed)) {
      console.log(`  FAIL  ${(error as Error).stack}`);
      report.failed++;
    }
    const flags = `--backend ${backend} --seed ${seed} --kills ${kills} --laps ${laps}`;
    console.log(`replay: npm run test:service -- ${name} ${flags}`);
  }
}
