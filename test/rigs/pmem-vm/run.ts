/**
 * A machine with persistent memory that loses its power: `run.ts [target …] [--cuts N] [--budget 10m]
 * [--seed N] [--if-possible]`. Targets: ext4, xfs, devdax; all of them unless some are named.
 *
 * `--budget` ends with what was done in that time, and fails if that is fewer cuts than asked for. With
 * `--if-possible` a machine that cannot run it is no failure; nothing is counted then. The seed fixes what
 * chance decides here, not when the guest is where. The last line is "N passed, N failed".
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Random } from '../../../lib/simulation/random.js';
import { PROJECT_ROOT } from '../../packaging/sources.js';
import { CampaignReport, CheckFailed } from '../../service/campaign.js';
import { eventually } from '../../service/eventually.js';
import { toolArguments } from '../../tool-arguments.mjs';
import { durationMs } from '../budget.js';
import { exitIfMissing, file, program, SANDBOX } from '../requirements.js';
import { runInSandbox, scratchDirectory } from '../sandbox.js';
import { chooseAccelerator } from './accelerator.js';
import { debianKernel } from './debian-kernel.js';
import { buildGuestImage } from './guest-image.js';
import type { GuestLine, Target } from './guest-lines.js';
import { MachineCuts } from './machine-cuts.js';
import { type MachineOptions, makeNvdimms, VirtualMachine } from './virtual-machine.js';

const TARGETS: readonly Target[] = ['ext4', 'xfs', 'devdax'];
const MEMORY_BYTES = 2 ** 31;
const NEEDS = [
  SANDBOX,
  { what: 'x86-64: the guest is one', isThere: () => process.arch === 'x64' },
  { what: '2 GiB of free memory: the guest and its media', isThere: () => os.freemem() > MEMORY_BYTES },
  program('qemu-system-x86_64', 'is the machine'),
  program('apt-get', "downloads Debian's kernel for it"),
  program('dpkg', 'unpacks that'),
  program('depmod', 'finds what its modules need (Debian: kmod)'),
  program('busybox', 'is the guest, but for what follows (Debian: busybox-static)'),
  program('cpio', 'packs the guest'),
  program('ndctl', 'makes namespaces on the NVDIMMs'),
  program('mke2fs', 'makes ext4 on one'),
  program('mkfs.xfs', 'makes XFS on another (Debian: xfsprogs)'),
  file(path.join(PROJECT_ROOT, 'dist', 'index.js'), 'the built library'),
  file(path.join(PROJECT_ROOT, 'build', 'Release', 'indelible.node'), 'the built addon'),
];
const NAME = 'The rig of virtual machines';
const REMEDY = 'As root on Debian, `node setup.mjs --for=pmem-vm` installs what can be installed.';
const WHAT_IT_SHOWS = `What this shows: on DAX file systems and a DAX device of an NVDIMM, mapped MAP_SYNC and
called persistent memory by libpmem without force, a machine that ends at any moment loses nothing that it
answered.
What it cannot show: a missing flush or fence. QEMU keeps the NVDIMM in a file, and every store that the guest
executed is in it, flushed or not; a real power cut takes what is in the caches. The crash images of
\`indelible torture\` show that. Nor does it show how fast real persistent memory is, or whether a platform
gets what was flushed to its media when the power fails.`;

const COMMAND = 'npm run test:pmem-vm --';
const { values, positionals } = toolArguments({
  command: COMMAND,
  about:
    'Ends a machine with persistent memory at any moment, and looks at what is left. As root, with QEMU.',
  takes: [{ name: 'target', help: `which, of ${TARGETS.join(', ')}; all if none`, repeats: true }],
  options: {
    cuts: { type: 'number', default: 60, help: 'how many' },
    budget: { type: 'string', default: '30m', value: '10m', help: 'ends then, and fails if that were fewer' },
    seed: { type: 'number', help: 'of what chance decides; drawn if not given' },
    'if-possible': { type: 'boolean', help: 'a machine that cannot run it is no failure' },
  },
});
const targets = TARGETS.filter((target) => positionals.length === 0 || positionals.includes(target));
const budgetMs = durationMs(values.budget);
const { cuts, seed = 1 + Math.floor(Math.random() * 1_000_000) } = values;
const isKnown = positionals.every((name) => TARGETS.includes(name as Target));
if (!isKnown || budgetMs === undefined || !Number.isSafeInteger(cuts) || !Number.isSafeInteger(seed)) {
  console.error(`${COMMAND} --help shows what it takes`);
  process.exit(2);
}

const scratch = scratchDirectory();
if (scratch === undefined) {
  exitIfMissing(NAME, NEEDS, REMEDY, values['if-possible']);
  let problem = '';
  const kernel = { what: "Debian's kernel, to be downloaded", isThere: () => problem === '' };
  const cellar = fs.mkdtempSync(path.join(os.tmpdir(), 'indelible-kernel-'));
  try {
    debianKernel(cellar);
  } catch (error) {
    problem = (error as Error).message;
  } finally {
    fs.rmSync(cellar, { recursive: true });
  }
  exitIfMissing(NAME, [kernel], problem, values['if-possible']);
  console.log(`${WHAT_IT_SHOWS}\nseed ${seed}`);
  process.argv.push('--seed', String(seed));
  process.exit(await runInSandbox());
}
const report = new CampaignReport();
try {
  await runAll(scratch);
} catch (error) {
  keepMedia(path.join(scratch, 'machine'), scratch);
  if (!(error instanceof CheckFailed)) {
    console.log(`  FAIL  ${(error as Error).stack}`);
    report.failed++;
  }
  console.log(`replay: npm run test:pmem-vm -- ${targets.join(' ')} --cuts ${cuts} --seed ${seed}`);
}
console.log(`${report.passed} passed, ${report.failed} failed`);
process.exit(report.failed === 0 ? 0 : 1);

/** What is in memory goes with the sandbox; the scratch directory of a failed run is kept. */
function keepMedia(machine: string, directory: string): void {
  for (const name of fs.readdirSync(machine)) {
    if (/^nvdimm|^console|^qemu/.test(name)) {
      spawnSync('cp', ['--sparse=always', path.join(machine, name), directory]);
    }
  }
}

/** Boots the guest once, has it make its namespaces, file systems and stores, and saves its state. */
async function firstBoot(options: MachineOptions): Promise<string> {
  const lines: GuestLine[] = [];
  const machine = new VirtualMachine(options, 'boot', (line) => lines.push(line));
  const hears = async (what: 'ready' | 'prepared'): Promise<string> => {
    const found = await eventually(
      `the guest is ${what}`,
      () => {
        if (machine.hasEnded) throw new Error(`QEMU ended: ${machine.problems()}`);
        return lines.find((line) => line[what] !== undefined || line.failed !== undefined);
      },
      () => machine.problems(),
    );
    if (found.failed !== undefined) throw new Error(`${found.failed}\n${machine.problems()}`);
    return found[what]!;
  };
  await machine.connect();
  const kernel = await hears('ready');
  machine.send({ prepare: true });
  const namespaces = await hears('prepared');
  await machine.save();
  return `${kernel}, ${options.accelerator}; ${namespaces}`;
}

async function runAll(directory: string): Promise<void> {
  const endMs = performance.now() + budgetMs!;
  const random = new Random(seed);
  // In memory, and in this namespace alone: gone with it.
  const memory = path.join(directory, 'machine');
  fs.mkdirSync(memory);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3g', 'none', memory]).status !== 0) {
    throw new Error('a tmpfs cannot be mounted');
  }
  const image = buildGuestImage(memory, debianKernel(directory));
  makeNvdimms(memory);
  const options = { directory: memory, image, accelerator: chooseAccelerator() };
  await report.check('a guest with NVDIMMs boots and is saved', () => firstBoot(options));
  const machine = new MachineCuts(options, random);
  await report.check(`${cuts} power cuts with writes under way`, async () => {
    const startMs = performance.now();
    while (machine.total < cuts && performance.now() < endMs) {
      await machine.life(targets[(machine.total + machine.idle) % targets.length]!);
      if ((machine.total + machine.idle) % 10 === 0)
        report.note(`${machine.total} cuts, ${machine.idle} that met nothing`);
    }
    const lives = machine.total + machine.idle;
    const secondsEach = (performance.now() - startMs) / 1000 / lives;
    for (const target of targets) await machine.lastLook(target);
    if (machine.total < cuts) throw new Error(`only ${machine.total} cuts in the time that was given`);
    const each = [...machine.counted].map(([target, count]) => `${count} ${target}`).join(', ');
    return (
      `${each}; ${machine.idle} more met nothing; ${machine.recoveries} logs recovered; ${machine.answered} ` +
      `answered, all there, and ${machine.unanswered} that were not; ${secondsEach.toFixed(1)} s a life`
    );
  });
}
