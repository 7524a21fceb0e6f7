#!/usr/bin/env node
/**
 * The set-up behind `npm start`, `npm test` and `.ci/run`: everything between a machine that has Node.js, npm
 * and git, and a built Indelible. Plain JavaScript without dependencies: it runs before any are there.
 *
 * 1. What is there is not touched: with nothing to do it takes a fraction of a second and prints nothing.
 * 2. Interrupted anywhere, the next run ends in the same state: a step counts as done only when its result is
 *    there, never because it was begun.
 * 3. System packages are installed only by root and only through apt-get, and named with their reason first;
 *    anybody else gets the one command to run, and exit code 1.
 * 4. Two set-ups of one checkout do not build at the same time.
 *
 *   node setup.mjs [--for=start|test|ci|fuzz|coverage|power-cut|pmem-vm|page] [--dry-run]
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { REQUIREMENTS } from './setup-requirements.mjs';

const ROOT = path.dirname(fileURLToPath(import.meta.url));
const NODE_MIN = [20, 19];
const LOG = path.join(ROOT, 'build', 'setup.log');
const LOCK = path.join(ROOT, '.setup.lock');
const STAMPS = path.join(ROOT, 'node_modules', '.cache', 'indelible');
/** A lock this old was left behind, and its process id may meanwhile be somebody else's. */
const LOCK_AGE_MS_MAX = 30 * 60_000;
const LIBRARY_PLACES = ['x86_64-linux-gnu', 'aarch64-linux-gnu', ''].flatMap((triplet) =>
  ['/usr/lib', '/lib', '/usr/lib64', '/usr/local/lib'].map((directory) => path.join(directory, triplet)),
);
/** Clang keeps its own beside itself. */
LIBRARY_PLACES.push('/usr/lib/clang/14/lib/linux');
const PURPOSES = ['start', 'test', 'ci', 'fuzz', 'coverage', 'power-cut', 'pmem-vm', 'page'];

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

function missingRequirements(purpose) {
  return REQUIREMENTS.filter(({ program, header, library, file, purposes }) => {
    if (purposes !== undefined && !purposes.includes(purpose)) return false;
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

/** Runs one command, its output to the log, and shows that time passes. */
async function run(title, command, args, env = {}) {
  fs.mkdirSync(path.dirname(LOG), { recursive: true });
  const log = fs.openSync(LOG, 'a');
  const start = fs.fstatSync(log).size;
  fs.writeSync(log, `\n$ ${[command, ...args].join(' ')}\n`);
  const began = performance.now();
  const seconds = () => `${Math.round((performance.now() - began) / 1000)} s`;
  const live = process.stdout.isTTY === true;
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
  fs.writeFileSync(LOCK, `${process.pid} ${child.pid}`);
  const failure = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code === 0 ? undefined : `exit ${signal ?? code}`));
  });
  clearInterval(ticker);
  fs.closeSync(log);
  if (live) process.stdout.write(`\rsetup: ${title} … ${seconds()}\n`);
  if (failure === undefined) return;
  const tail = fs.readFileSync(LOG).subarray(start).toString().trim().split('\n').slice(-25);
  throw new SetupError(`${title}: ${failure}\n${tail.join('\n')}\n(all of it: ${path.relative(ROOT, LOG)})`);
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

async function installPackages(missing) {
  const width = Math.max(...missing.map(({ apt }) => apt.length));
  const list = missing.map(({ apt, why }) => `  ${apt.padEnd(width)}  ${why}`).join('\n');
  if (process.getuid?.() !== 0 || !onPath(['apt-get'])) {
    throw new SetupError(
      `the system lacks\n${list}\nRun this once, then try again:\n  ${packageCommand(missing)}`,
    );
  }
  console.log(`setup: installing with apt-get\n${list}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const patient = ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3'];
  await run('finishing interrupted installations', 'dpkg', ['--configure', '-a'], env);
  await run('refreshing the package lists', 'apt-get', [...patient, 'update'], env);
  const names = missing.map(({ apt }) => apt);
  const install = [...patient, 'install', '-y', '--no-install-recommends', ...names];
  await run(`installing ${names.length} packages`, 'apt-get', install, env);
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

function packagesStep(purpose) {
  return {
    gap: () => {
      const names = missingRequirements(purpose).map(({ apt }) => apt);
      return names.length === 0 ? undefined : `the system lacks ${names.join(', ')}`;
    },
    close: () => installPackages(missingRequirements(purpose)),
  };
}

const modulesStep = {
  gap: modulesGap,
  close: () => npm('installing the npm packages of the lockfile', ['ci', '--no-audit', '--no-fund']),
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

function parseArguments(args) {
  let purpose = 'start';
  let dryRun = false;
  for (const argument of args) {
    const [flag, value] = argument.split('=');
    if (flag === '--for' && PURPOSES.includes(value)) purpose = value;
    else if (argument === '--dry-run') dryRun = true;
    else {
      console.error(`setup: unknown argument ${argument}`);
      console.error(`usage: node setup.mjs [--for=${PURPOSES.join('|')}] [--dry-run]`);
      process.exit(2);
    }
  }
  return { purpose, dryRun };
}

async function main() {
  const { purpose, dryRun } = parseArguments(process.argv.slice(2));
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
    throw new SetupError(
      `Node.js ${NODE_MIN.join('.')} or newer is needed; this is ${process.versions.node}`,
    );
  }
  const gap = platformGap();
  const steps =
    gap === undefined ? [packagesStep(purpose), modulesStep, addonStep, distStep] : [modulesStep, distStep];
  if (gap !== undefined) {
    console.log(
      `setup: ${gap}; the C++ addon needs glibc on x64 or arm64.\n` +
        '  works here:  the library, and logs in files (npm start -- --backend file) or in memory\n' +
        '  does not:    logs in persistent memory, real or emulated, and the tests that need them',
    );
  }
  const gaps = () => steps.map((step) => step.gap()).filter((reason) => reason !== undefined);
  if (dryRun) {
    for (const reason of gaps()) console.log(`setup: ${reason}`);
    return;
  }
  if (gaps().length === 0) return;
  await withLock(async () => {
    for (const step of steps) if (step.gap() !== undefined) await step.close();
  });
}

main().catch((error) => {
  console.error(`setup: ${error instanceof SetupError ? error.message : (error.stack ?? error)}`);
  process.exitCode = 1;
});
