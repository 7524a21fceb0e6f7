#!/usr/bin/env node
/**
 * The set-up behind `npm start`, `npm test` and `.ci/run`: everything between a machine that has Node.js, npm
 * and git, and a built Indelible. Plain JavaScript without dependencies: it runs before any are there.
 *
 * 1. What is there is not touched: with nothing to do it takes a fraction of a second and prints nothing.
 * 2. Interrupted anywhere, the next run ends in the same state: a step counts as done only when its result is
 *    there, never because it was begun.
 * 3. System packages are installed only by root and only through apt-get, and named with their reason first;
 *    anybody else gets the one command to run, and exit code 1. `npm start` asks before: with --yes or CI it
 *    does not, and where there is nobody to ask it installs nothing. Packages of others that are half
 *    installed are left so, and told of.
 * 4. Two set-ups of one checkout do not build at the same time.
 * 5. To start takes what the chosen backend needs: file no compiler, emulated no libpmem.
 *
 *   node setup.mjs [--for=start|test|bench|ci|fuzz|coverage|power-cut|pmem-vm|page|deploy]
 *     [--yes] [--dry-run]
 *   node setup.mjs --for=start --run [what `indelible cluster` takes]      sets up, then runs the cluster
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { REQUIREMENTS } from './setup-requirements.mjs';
import { parseArguments } from './setup-task.mjs';

const ROOT = path.dirname(fileURLToPath(import.meta.url));
const NODE_MIN = [20, 19];
const LOGS = path.join(ROOT, 'build', 'setup');
const LOCK = path.join(ROOT, '.setup.lock');
const STAMPS = path.join(ROOT, 'node_modules', '.cache', 'indelible');
/** A lock this old was left behind, and its process id may meanwhile be somebody else's. */
const LOCK_AGE_MS_MAX = 30 * 60_000;
const LIBRARY_PLACES = ['x86_64-linux-gnu', 'aarch64-linux-gnu', ''].flatMap((triplet) =>
  ['/usr/lib', '/lib', '/usr/lib64', '/usr/local/lib'].map((directory) => path.join(directory, triplet)),
);
/** Clang keeps its own beside itself. */
LIBRARY_PLACES.push('/usr/lib/clang/14/lib/linux');

class SetupError extends Error {}

// — looking ——————————————————————————————————————————————————————————————————————————————————————————————

/** Root's programs count too, where Debian keeps them. */
function onPath(names) {
  const named = (process.env.PATH ?? '').split(path.delimiter).filter((directory) => directory !== '');
  const directories = [...named, '/usr/sbin', '/sbin'];
  return names.some((name) => directories.some((directory) => fs.existsSync(path.join(directory, name))));
}

/** Looks where distributions put headers and libraries, and where the environment points the compiler. */
function isInstalled(kind, file) {
  const [places, variables] =
    kind === 'header'
      ? [
          ['/usr/include', '/usr/local/include'],
          ['CPATH', 'CPLUS_INCLUDE_PATH'],
        ]
      : [LIBRARY_PLACES, ['LIBRARY_PATH', 'LD_LIBRARY_PATH']];
  const named = variables.flatMap((variable) => (process.env[variable] ?? '').split(path.delimiter));
  const directories = [...places, ...named.filter((directory) => directory !== '')];
  return directories.some((directory) => fs.existsSync(path.join(directory, file)));
}

/** What the system lacks; what is only wanted comes with what is needed, or where nobody has to be asked. */
function missingRequirements(task) {
  const lacking = lackingRequirements(task);
  const isAsked = task.purpose === 'start' && !task.isAgreed;
  return isAsked && lacking.every(({ optional }) => optional === true) ? [] : lacking;
}

function lackingRequirements({ purpose, backend }) {
  return REQUIREMENTS.filter(({ program, header, library, file, purposes, backends }) => {
    if (purposes !== undefined && !purposes.includes(purpose)) return false;
    if (purpose === 'start' && backends !== undefined && !backends.includes(backend)) return false;
    if (program !== undefined && !onPath(program)) return true;
    if (header !== undefined && !isInstalled('header', header)) return true;
    if (library !== undefined && !isInstalled('library', library)) return true;
    return file !== undefined && !fs.existsSync(file);
  });
}

/** Why the addon cannot be built on this Linux; undefined where it can. @throws SetupError elsewhere */
function platformGap() {
  if (process.platform !== 'linux') {
    throw new SetupError(
      `Indelible runs on Linux, and this is ${process.platform}; a container or a virtual machine will do`,
    );
  }
  if (!['x64', 'arm64'].includes(process.arch)) return `this is Linux on ${process.arch}`;
  const glibc = process.report?.getReport().header.glibcVersionRuntime;
  return glibc === undefined ? 'this Linux has musl for a C library' : undefined;
}

/** npm records what it installed in node_modules/.package-lock.json, last of all: that is the stamp. */
function modulesGap() {
  const read = (file) => JSON.parse(fs.readFileSync(path.join(ROOT, file), 'utf8')).packages;
  const wanted = read('package-lock.json');
  let present;
  try {
    present = read('node_modules/.package-lock.json');
  } catch {
    return 'node_modules is not there';
  }
  for (const [where, { version, optional, link }] of Object.entries(wanted)) {
    if (where === '' || link === true) continue;
    const found = present[where];
    if (found === undefined && optional === true) continue;
    if (found?.version !== version) return `${where} is not at ${version}`;
    if (!fs.existsSync(path.join(ROOT, where, 'package.json'))) return `${where} is incomplete`;
  }
  const stranger = Object.keys(present).find((where) => wanted[where] === undefined);
  return stranger === undefined ? undefined : `${stranger} is not in the lockfile`;
}

function filesUnder(directory, accept) {
  const entries = fs.readdirSync(path.join(ROOT, directory), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && accept(entry.name));
  return files.map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name))).sort();
}

function hashOf(files, ...facts) {
  const hash = createHash('sha256').update(JSON.stringify(facts));
  for (const file of files) hash.update(`\n${file}\n`).update(fs.readFileSync(path.join(ROOT, file)));
  return hash.digest('hex');
}

function isStamped(name, hash) {
  try {
    return fs.readFileSync(path.join(STAMPS, name), 'utf8') === hash;
  } catch {
    return false;
  }
}

function stamp(name, hash) {
  fs.mkdirSync(STAMPS, { recursive: true });
  fs.writeFileSync(path.join(STAMPS, `${name}.new`), hash);
  fs.renameSync(path.join(STAMPS, `${name}.new`), path.join(STAMPS, name));
}

// — doing ————————————————————————————————————————————————————————————————————————————————————————————————

const running = new Set();

/** Runs one command, its output to a log of its own, and shows that time passes. */
async function run(title, command, args, env = {}) {
  fs.mkdirSync(LOGS, { recursive: true });
  const file = path.join(LOGS, `${title.replaceAll(/[^a-zA-Z]+/g, '-')}.log`);
  const log = fs.openSync(file, 'w');
  fs.writeSync(log, `$ ${[command, ...args].join(' ')}\n`);
  const began = performance.now();
  const seconds = () => `${Math.round((performance.now() - began) / 1000)} s`;
  const live = process.stdout.isTTY === true && running.size === 0;
  process.stdout.write(live ? `setup: ${title}` : `setup: ${title} …\n`);
  const ticker = setInterval(
    () =>
      process.stdout.write(live ? `\rsetup: ${title} … ${seconds()}` : `setup: ${title} … ${seconds()}\n`),
    live ? 1000 : 20_000,
  );
  const child = spawn(command, args, {
    cwd: ROOT,
    stdio: ['ignore', log, log],
    env: { ...process.env, ...env },
  });
  running.add(child.pid);
  fs.writeFileSync(LOCK, [process.pid, ...running].join(' '));
  const failure = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code === 0 ? undefined : `exit ${signal ?? code}`));
  });
  running.delete(child.pid);
  clearInterval(ticker);
  fs.closeSync(log);
  process.stdout.write(`${live ? '\r' : ''}setup: ${title}: ${seconds()}\n`);
  if (failure === undefined) return;
  const tail = fs.readFileSync(file, 'utf8').trim().split('\n').slice(-25);
  throw new SetupError(`${title}: ${failure}\n${tail.join('\n')}\n(all of it: ${path.relative(ROOT, file)})`);
}

function npm(title, args) {
  const cli = process.env.npm_execpath;
  const isScript = cli !== undefined && /\.c?js$/.test(cli) && fs.existsSync(cli);
  return isScript ? run(title, process.execPath, [cli, ...args]) : run(title, 'npm', args);
}

function packageCommand(missing) {
  if (onPath(['apt-get'])) {
    const names = missing.map(({ apt }) => apt).join(' ');
    return `sudo apt-get update && sudo apt-get install -y ${names}`;
  }
  if (onPath(['dnf'])) return `sudo dnf install -y ${missing.map(({ fedora }) => fedora).join(' ')}`;
  return `install with your package manager: ${missing.map(({ apt }) => apt).join(', ')} (Debian's names)`;
}

function listOf(missing) {
  const width = Math.max(...missing.map(({ apt }) => apt.length));
  return missing.map(({ apt, why }) => `  ${apt.padEnd(width)}  ${why}`).join('\n');
}

/** Nothing else is begun before it is clear that these can be had. @throws SetupError where they cannot */
async function agreeOnPackages(missing, task) {
  const list = listOf(missing);
  const byHand = `the system lacks\n${list}\nRun this once, then try again:\n  ${packageCommand(missing)}`;
  if (process.getuid?.() !== 0 || !onPath(['apt-get'])) throw new SetupError(byHand);
  const halfInstalled = spawnSync('dpkg', ['--audit'], { encoding: 'utf8' }).stdout?.trim() ?? '';
  if (halfInstalled !== '') {
    throw new SetupError(
      `${byHand}\nBefore that, look at what dpkg says of packages that are half installed; nothing is done ` +
        `about them here:\n${halfInstalled}`,
    );
  }
  if (await mayInstall(list, task)) return;
  throw new SetupError(`${byHand}\nOr have it done: npm run setup, or npm start -- --yes`);
}

async function installPackages(missing) {
  console.log(`setup: installing with apt-get\n${listOf(missing)}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const patient = ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3'];
  await run('refreshing the package lists', 'apt-get', [...patient, 'update'], env);
  const names = missing.map(({ apt }) => apt);
  const install = [...patient, 'install', '-y', '--no-install-recommends', ...names];
  await run(`installing ${names.length} packages`, 'apt-get', install, env);
}

/** Who starts a cluster is asked; who sets up a checkout, or says so, has asked for it. */
async function mayInstall(list, { purpose, isAgreed }) {
  if (purpose !== 'start' || isAgreed) return true;
  if (process.stdin.isTTY !== true || process.stdout.isTTY !== true) return false;
  console.log(`setup: the system lacks\n${list}`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const gone = new Promise((resolve) => terminal.once('close', () => resolve('')));
  const answer = await Promise.race([terminal.question('Install them with apt-get? [y/N] '), gone]);
  terminal.close();
  return /^\s*y(es)?\s*$/i.test(answer);
}

/** Headers beside this very node spare node-gyp the download. */
function nodedirArguments() {
  const prefix = path.dirname(path.dirname(fs.realpathSync(process.execPath)));
  const header = path.join(prefix, 'include', 'node', 'node_version.h');
  if (!fs.existsSync(header)) return [];
  const major = /#define NODE_MAJOR_VERSION (\d+)/.exec(fs.readFileSync(header, 'utf8'))?.[1];
  return major === process.versions.node.split('.')[0] ? ['--', `--nodedir=${prefix}`] : [];
}

// — the steps, in order: `gap` says why a step is needed, or undefined ————————————————————————————————————

function packagesStep(task) {
  return {
    gap: () => {
      const names = missingRequirements(task).map(({ apt }) => apt);
      return names.length === 0 ? undefined : `the system lacks ${names.join(', ')}`;
    },
    agree: () => agreeOnPackages(missingRequirements(task), task),
    close: () => installPackages(missingRequirements(task)),
  };
}

const modulesStep = {
  gap: modulesGap,
  close: () =>
    npm('installing the npm packages of the lockfile', ['ci', '--no-audit', '--no-fund', '--prefer-offline']),
};

const addonFiles = () =>
  filesUnder('build', (name) => name.endsWith('.node')).filter((file) => file.startsWith('build/Release/'));

const addonStep = {
  hash: () => {
    const sources = filesUnder('native', (name) => /\.(cc|h|mjs|gypi?)$/.test(name));
    const { modules, napi } = process.versions;
    const glibc = process.report.getReport().header.glibcVersionRuntime;
    return hashOf([...sources, 'binding.gyp'], process.arch, modules, napi, glibc);
  },
  gap: () => {
    if (!fs.existsSync(path.join(ROOT, 'build/Release')) || addonFiles().length === 0)
      return 'the addon is not built';
    return isStamped('addon', addonStep.hash()) ? undefined : 'the C++ sources changed';
  },
  close: async () => {
    const hash = addonStep.hash();
    await npm('configuring the addon', ['run', 'configure:native', ...nodedirArguments()]);
    await npm('compiling the addon', ['run', 'build:native']);
    if (addonFiles().length === 0) throw new SetupError('the compilation left no addon in build/Release');
    stamp('addon', hash);
  },
};

/** What the benchmark runs beside Node.js. */
const benchStep = {
  gap: () => {
    const isBuilt = fs.existsSync(path.join(ROOT, 'build/Release/append_limit'));
    return isBuilt && isStamped('bench', addonStep.hash())
      ? undefined
      : "the benchmark's programs are not built";
  },
  close: async () => {
    const hash = addonStep.hash();
    await npm("compiling the benchmark's programs", ['run', 'build:bench']);
    stamp('bench', hash);
  },
};

const distStep = {
  sources: () => filesUnder('lib', (name) => name.endsWith('.ts')),
  output: (source) => path.join('dist', path.relative('lib', source)).replace(/\.ts$/, '.js'),
  hash: () => hashOf([...distStep.sources(), 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']),
  isWhole: () =>
    distStep.sources().every((source) => fs.existsSync(path.join(ROOT, distStep.output(source)))),
  gap: () => {
    if (!distStep.isWhole()) return 'dist is not built';
    return isStamped('dist', distStep.hash()) ? undefined : 'the TypeScript sources changed';
  },
  close: async () => {
    const hash = distStep.hash();
    if (!distStep.isWhole()) fs.rmSync(path.join(ROOT, 'dist', '.tsbuildinfo'), { force: true });
    const expected = new Set(distStep.sources().map(distStep.output));
    for (const output of fs.existsSync(path.join(ROOT, 'dist')) ? filesUnder('dist', () => true) : []) {
      const isOrphan = !expected.has(output.replace(/(\.d\.ts|\.js)(\.map)?$/, '.js'));
      if (isOrphan && !output.endsWith('.tsbuildinfo')) fs.rmSync(path.join(ROOT, output));
    }
    await npm('compiling TypeScript', ['run', 'build:ts']);
    stamp('dist', hash);
  },
};

/**
 * One set-up at a time. The lock names this process and the command it runs, which goes on if this one is
 * killed: only when neither lives does the lock not count.
 */
async function withLock(body) {
  for (let waited = false; ; waited = true) {
    try {
      fs.writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!lockHolderLives()) fs.rmSync(LOCK, { force: true });
    else if (!waited) console.log('setup: waiting for another set-up of this checkout');
    await sleep(200);
  }
  process.once('exit', () => fs.rmSync(LOCK, { force: true }));
  await body();
}

function lockHolderLives() {
  try {
    const pids = fs.readFileSync(LOCK, 'utf8').split(' ').map(Number);
    const ageMs = Date.now() - fs.statSync(LOCK).mtimeMs;
    if (pids.includes(0) || ageMs > LOCK_AGE_MS_MAX) return ageMs < 10_000;
    return pids.some(isAlive);
  } catch {
    return false;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** What can be done at the same time, in order. */
function phasesFor(task, gap) {
  const needsAddon = gap === undefined && !(task.purpose === 'start' && task.backend === 'file');
  const system = gap === undefined ? [packagesStep(task)] : [];
  const builds = needsAddon ? [addonStep, distStep] : [distStep];
  const phases = [[...system, modulesStep], builds];
  // The tests run the benchmark, as short as it gets.
  const runsBench = ['bench', 'test', 'ci'].includes(task.purpose);
  return runsBench && gap === undefined ? [...phases, [benchStep]] : phases;
}

async function closeGaps(phases) {
  await withLock(async () => {
    for (const phase of phases) {
      const open = phase.filter((step) => step.gap() !== undefined);
      for (const step of open) await step.agree?.();
      const ends = await Promise.allSettled(open.map((step) => step.close()));
      const failed = ends.find(({ status }) => status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    }
  });
}

/** In this very process, so that signals reach it as they reach any program. */
async function runCluster(args) {
  const program = path.join(ROOT, 'dist', 'cli', 'main.js');
  process.argv = [process.execPath, program, 'cluster', ...args];
  await import(pathToFileURL(program).href);
}

async function main() {
  const task = parseArguments(process.argv.slice(2));
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
    throw new SetupError(
      `Node.js ${NODE_MIN.join('.')} or newer is needed; this is ${process.versions.node}`,
    );
  }
  const gap = platformGap();
  const phases = phasesFor(task, gap);
  if (gap !== undefined) {
    console.log(
      `setup: ${gap}; the C++ addon needs glibc on x64 or arm64.\n` +
        '  works here:  the library, and logs in files (npm start -- --backend file) or in memory\n' +
        '  does not:    logs in persistent memory, real or emulated, and the tests that need them',
    );
  }
  const gaps = () => phases.flatMap((phase) => phase.map((step) => step.gap())).filter((reason) => reason);
  if (task.dryRun) {
    for (const reason of gaps()) console.log(`setup: ${reason}`);
    return;
  }
  if (gaps().length > 0) await closeGaps(phases);
  if (task.cluster !== undefined) await runCluster(task.cluster);
}

main().catch((error) => {
  console.error(`setup: ${error instanceof SetupError ? error.message : (error.stack ?? error)}`);
  process.exitCode = 1;
});
