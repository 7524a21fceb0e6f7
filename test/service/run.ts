/**
 * The campaigns on real processes: `run.ts [campaign …] [--backend emulated|file] [--seed N] [--kills N]
 * [--laps N] [--short] [--budget SECONDS] [--if-possible]`. Without a name those run that need no network of
 * their own, without a backend both do.
 *
 * Those that need one run in a sandbox; with `--if-possible` a machine that cannot make it is no failure, and
 * nothing is counted then. `--short` is what continuous integration runs of them.
 * `--budget` repeats them with the next seeds until that much time is used. Prints the seed and the command
 * that replays a failure; chance decides whom and when, and the machine has its share in what comes of it.
 * The last line is "N passed, N failed".
 */
import fs from 'node:fs';
import os from 'node:os';
import { Random } from '../../lib/simulation/random.js';
import { exitIfMissing, program, SANDBOX } from '../rigs/requirements.js';
import { runInSandbox, scratchDirectory } from '../rigs/sandbox.js';
import { toolArguments } from '../tool-arguments.mjs';
import { backupCampaign } from './backup-campaign.js';
import { type Campaign, CampaignReport, CheckFailed } from './campaign.js';
import { clientsCampaign } from './clients-campaign.js';
import { diskFullCampaign } from './disk-full-campaign.js';
import { killCampaign } from './kill-campaign.js';
import { lapsCampaign } from './laps-campaign.js';
import { linksCampaign } from './links-campaign.js';
import { membersCampaign } from './members-campaign.js';
import { partitionsCampaign } from './partitions-campaign.js';
import type { TestedBackend } from './service-cluster.js';
import { transferCampaign } from './transfer-campaign.js';

const CAMPAIGNS: Readonly<Record<string, Campaign>> = {
  kill: killCampaign,
  laps: lapsCampaign,
  clients: clientsCampaign,
};
/** Those that are run where they are named. */
const NAMED: Readonly<Record<string, Campaign>> = { backup: backupCampaign, members: membersCampaign };
const NETWORKED: Readonly<Record<string, Campaign>> = {
  links: linksCampaign,
  partitions: partitionsCampaign,
  transfer: transferCampaign,
};
/** On a disk of its own. */
const DISKED: Readonly<Record<string, Campaign>> = { 'disk-full': diskFullCampaign };
const ALL = { ...CAMPAIGNS, ...NAMED, ...NETWORKED, ...DISKED };
const NETWORK = [
  program('ip', 'makes a network for each replica, and the links between them'),
  program('tc', 'bounds what a link carries, and cuts it'),
];
const REMEDY = 'As root on Debian, `node setup.mjs --for=test` installs what can be installed.';
const BACKENDS: readonly TestedBackend[] = ['emulated', 'file'];

const COMMAND = 'npm run test:service --';
const { values, positionals } = toolArguments({
  command: COMMAND,
  about: 'Campaigns on a cluster of real processes. Those on a disk or a network of their own need root.',
  takes: [
    {
      name: 'campaign',
      help: `which, of ${Object.keys(ALL).join(', ')}; the first three if none`,
      repeats: true,
    },
  ],
  options: {
    backend: { type: 'string', value: 'NAME', help: `${BACKENDS.join(' or ')}; both if not given` },
    seed: { type: 'number', default: 1, help: 'of what chance decides' },
    kills: { type: 'number', default: 10, help: 'leaders that are killed' },
    laps: { type: 'number', default: 20, help: 'times that every log goes around' },
    budget: { type: 'number', default: 0, value: 'SECONDS', help: 'again, with the next seeds, for so long' },
    short: { type: 'boolean', help: 'what continuous integration runs of those with a network' },
    'if-possible': { type: 'boolean', help: 'a machine that cannot run it is no failure' },
  },
});
const names = positionals.length > 0 ? positionals : Object.keys(CAMPAIGNS);
const backends = BACKENDS.filter((backend) => values.backend === undefined || values.backend === backend);
const unknown = names.filter((name) => ALL[name] === undefined);
if (unknown.length > 0 || backends.length === 0) {
  const wrong = unknown[0] ?? values.backend;
  console.error(`error: there is no '${wrong}'\n  ${COMMAND} --help shows what it takes`);
  process.exit(2);
}
const isNetworked = names.some((name) => NETWORKED[name] !== undefined);
if ((isNetworked || names.some((name) => DISKED[name] !== undefined)) && scratchDirectory() === undefined) {
  const needs = isNetworked ? [SANDBOX, ...NETWORK] : [SANDBOX];
  exitIfMissing('A campaign with a network or a disk of its own', needs, REMEDY, values['if-possible']);
  process.exit(await runInSandbox(...(isNetworked ? ['--net', 'setsid'] : [])));
}
if (isNetworked) goFirst();

const report = new CampaignReport();
const endMs = performance.now() + values.budget * 1000;
let { seed } = values;
do {
  for (const backend of backends) {
    for (const name of names) await run(name, backend);
  }
  seed++;
} while (performance.now() < endMs && report.failed === 0);
console.log(`${report.passed} passed, ${report.failed} failed`);
process.exit(report.failed === 0 ? 0 : 1);

/** What else runs on the machine is not to be measured: this session, and what it starts, goes first. */
function goFirst(): void {
  const nice = -10;
  os.setPriority(nice);
  // Where the kernel weighs sessions, not processes.
  if (fs.existsSync('/proc/self/autogroup')) fs.writeFileSync('/proc/self/autogroup', String(nice));
}

async function run(name: string, backend: TestedBackend): Promise<void> {
  const { kills, laps, short } = values;
  console.log(`${name}, ${backend}, seed ${seed}`);
  try {
    const random = new Random(seed);
    const settings = { backend, kills, laps, isShort: short, random };
    await ALL[name]!(settings, report);
  } catch (error) {
    if (!(error instanceof CheckFailed)) {
      console.log(`  FAIL  ${(error as Error).stack}`);
      report.failed++;
    }
    const flags = `--backend ${backend} --seed ${seed} --kills ${kills} --laps ${laps}${short ? ' --short' : ''}`;
    console.log(`replay: npm run test:service -- ${name} ${flags}`);
  }
}
