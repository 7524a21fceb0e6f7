/**
 * Real power cuts under the file backend, and under regions whose fences are msyncs:
 * `run.ts [part …] [--cuts N] [--budget 10m] [--seed N] [--if-possible]`. Parts: see PARTS; all of them
 * unless some are named.
 *
 * `--budget` ends with what was done in that time, and fails if that is fewer cuts than asked for. With
 * `--if-possible` a machine that cannot run it is no failure; nothing is counted then. The seed fixes what
 * chance decides here and on the disk, not what the operating system does in between. The last line is
 * "N passed, N failed".
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { Random } from '../../../lib/simulation/random.js';
import { PROJECT_ROOT } from '../../packaging/sources.js';
import { CampaignReport, CheckFailed } from '../../service/campaign.js';
import { toolArguments } from '../../tool-arguments.mjs';
import { durationMs } from '../budget.js';
import { compilePrograms } from '../compile.js';
import { exitIfMissing, file, program, SANDBOX } from '../requirements.js';
import { runInSandbox, scratchDirectory } from '../sandbox.js';
import type { PowerCutBench } from './bench.js';
import { clusterCuts } from './cluster-cuts.js';
import { clusterFaults } from './cluster-faults.js';
import { formatCuts } from './format-cuts.js';
import { instrument } from './instrument.js';
import { msyncCuts, storeCuts } from './store-cuts.js';
import { storeFaults } from './store-faults.js';

type Part = (bench: PowerCutBench, report: CampaignReport) => Promise<void>;

const PARTS: Readonly<Record<string, Part>> = {
  instrument,
  format: formatCuts,
  store: storeCuts,
  msync: msyncCuts,
  faults: storeFaults,
  cluster: clusterCuts,
  'cluster-faults': clusterFaults,
};
const NEEDS = [
  SANDBOX,
  file('/dev/fuse', 'nbdfuse shows the disk as a file through it'),
  file('/dev/loop-control', 'a loop device makes that file a block device'),
  program('nbdkit', 'is the disk'),
  program('nbdfuse', 'shows the disk as a file'),
  file('/usr/include/nbdkit-plugin.h', 'what the plugin is compiled with'),
  program('c++', 'compiles it'),
  program('mke2fs', 'makes the file systems'),
  file(path.join(PROJECT_ROOT, 'dist', 'storage', 'file.js'), 'the built library'),
];
const PROGRAMS = [
  'power-cut/writer-program.ts',
  'power-cut/format-program.ts',
  'power-cut/small-store.ts',
  'vote-bytes.ts',
  'vote-writer.ts',
];
const REMEDY = 'As root on Debian, `node setup.mjs --for=power-cut` installs what can be installed.';

const COMMAND = 'npm run test:power-cut --';
const { values, positionals } = toolArguments({
  command: COMMAND,
  about: 'Cuts the power of a disk under running stores and clusters, and looks at what is left. As root.',
  takes: [{ name: 'part', help: `which, of ${Object.keys(PARTS).join(', ')}; all if none`, repeats: true }],
  options: {
    cuts: { type: 'number', default: 100, help: 'how many' },
    budget: { type: 'string', default: '30m', value: '10m', help: 'ends then, and fails if that were fewer' },
    seed: { type: 'number', help: 'of what chance decides; drawn if not given' },
    'if-possible': { type: 'boolean', help: 'a machine that cannot run it is no failure' },
  },
});
const parts = positionals.length > 0 ? positionals : Object.keys(PARTS);
const unknown = parts.filter((name) => PARTS[name] === undefined);
const budgetMs = durationMs(values.budget);
const { cuts, seed = 1 + Math.floor(Math.random() * 1_000_000) } = values;
if (
  unknown.length > 0 ||
  budgetMs === undefined ||
  !Number.isSafeInteger(cuts) ||
  !Number.isSafeInteger(seed)
) {
  console.error(`${COMMAND} --help shows what it takes`);
  process.exit(2);
}

const scratch = scratchDirectory();
if (scratch === undefined) {
  exitIfMissing('The power-cut rig', NEEDS, REMEDY, values['if-possible']);
  console.log(`seed ${seed}`);
  process.argv.push('--seed', String(seed));
  process.exit(await runInSandbox());
}
process.exit(await runAll(scratch));

function compilePlugin(directory: string): string {
  const source = path.join(PROJECT_ROOT, 'native', 'rigs', 'sector_loss_plugin.cc');
  const output = path.join(directory, 'sector_loss.so');
  const flags = ['-std=c++20', '-O2', '-Wall', '-Wextra', '-fPIC', '-shared', '-fvisibility=hidden'];
  const { status, stderr } = spawnSync('c++', [...flags, '-o', output, source], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the plugin does not compile:\n${stderr}`);
  return output;
}

async function runAll(directory: string): Promise<number> {
  const report = new CampaignReport();
  const programs = path.join(directory, 'programs');
  compilePrograms(PROGRAMS, programs);
  const plugin = compilePlugin(directory);
  const endMs = performance.now() + budgetMs!;
  for (const name of parts) {
    console.log(`${name}, seed ${seed}`);
    const bench: PowerCutBench = {
      scratch: directory,
      plugin,
      programs: path.join(programs, 'power-cut'),
      random: new Random(seed),
      cuts,
      endMs,
    };
    try {
      await PARTS[name]!(bench, report);
    } catch (error) {
      if (!(error instanceof CheckFailed)) {
        console.log(`  FAIL  ${(error as Error).stack}`);
        report.failed++;
      }
      console.log(`replay: npm run test:power-cut -- ${name} --cuts ${cuts} --seed ${seed}`);
    }
  }
  console.log(`${report.passed} passed, ${report.failed} failed`);
  return report.failed === 0 ? 0 : 1;
}
