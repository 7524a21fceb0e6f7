/**
 * The published package on a machine that has nothing but Node.js and npm: packed, installed from the
 * tarball, tried.
 *
 *   node --import tsx test/rigs/package/run.ts [--tarball FILE] [--if-possible]
 *
 * 1. The machine is a directory made root (chroot): node, npm, a shell and the libraries these load. There is
 *    no compiler, no libpmem, no checkout.
 * 2. `npm install` gets the package's dependencies from the registry that npm is configured for. Everything
 *    else happens without any network but the machine's own.
 * 3. What is tried, and what it says: bare-program.mjs. Its last line is the sum.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { libraryExample } from '../../packaging/readme.js';
import { PROJECT_ROOT } from '../../packaging/sources.js';
import { toolArguments } from '../../tool-arguments.mjs';
import { exitIfMissing, program, SANDBOX } from '../requirements.js';
import { runInSandbox, scratchDirectory } from '../sandbox.js';

/** What the bare machine has besides node and npm, each with the libraries that it loads. */
const PROGRAMS = ['/bin/sh', '/usr/bin/env'];
const FILES = ['/etc/resolv.conf', '/etc/hosts', '/etc/ssl/certs/ca-certificates.crt', '/etc/nsswitch.conf'];
const REMEDY = 'Run it as root on Debian or Ubuntu, with util-linux, iproute2 and cmake.';

const { values: flags } = toolArguments({
  command: 'npm run ci:package --',
  about: 'Packs the package, installs it on a machine with nothing but Node.js, and runs it there. As root.',
  options: {
    tarball: { type: 'string', value: 'FILE', help: 'one that is packed already' },
    'if-possible': { type: 'boolean', help: 'a machine that cannot run it is no failure' },
  },
});

function librariesOf(file: string): readonly string[] {
  const { stdout } = spawnSync('ldd', [file], { encoding: 'utf8' });
  return [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, library]) => library!);
}

/** Under the same name; what a name links to is copied in its place. */
function copyInto(root: string, file: string, as: string = file): void {
  const target = path.join(root, as);
  if (fs.existsSync(target) || !fs.existsSync(file)) return;
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.cpSync(fs.realpathSync(file), target, { recursive: true });
}

function makeBareMachine(root: string): void {
  const npmHome = path.resolve(npmCli(), '../..');
  for (const file of [...PROGRAMS, ...FILES]) copyInto(root, file);
  copyInto(root, process.execPath, '/usr/bin/node');
  copyInto(root, npmHome, '/usr/lib/npm');
  for (const file of [...PROGRAMS, process.execPath]) {
    for (const library of librariesOf(file)) copyInto(root, library);
  }
  // Names of hosts are looked up through libraries that nothing is linked against.
  for (const name of ['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2']) {
    for (const folder of ['/lib/x86_64-linux-gnu', '/lib/aarch64-linux-gnu', '/lib64']) {
      copyInto(root, path.join(folder, name));
    }
  }
  for (const name of ['npm', 'npx']) {
    fs.symlinkSync(`../lib/npm/bin/${name}-cli.js`, path.join(root, 'usr/bin', name));
  }
  copyInto(root, path.join(os.homedir(), '.npmrc'), '/root/.npmrc');
  for (const folder of ['dev', 'proc', 'tmp', 'root', 'app']) {
    fs.mkdirSync(path.join(root, folder), { recursive: true });
  }
  fs.chmodSync(path.join(root, 'tmp'), 0o1777);
  execFileSync('mount', ['--rbind', '/dev', path.join(root, 'dev')]);
  execFileSync('mount', ['-t', 'proc', 'proc', path.join(root, 'proc')]);
}

function npmCli(): string {
  const named = process.env['npm_execpath'];
  if (named?.endsWith('npm-cli.js')) return named;
  const npm = execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim();
  return fs.realpathSync(npm);
}

/** Packs what is to be published; `prepack` builds it. */
function pack(scratch: string): string {
  const args = [npmCli(), 'pack', '--silent', '--pack-destination', scratch];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: PROJECT_ROOT, encoding: 'utf8' });
  // What is missing, and the command that brings it, is the end of what it says.
  if (status !== 0) throw new Error(`the package cannot be packed:\n${stdout}`);
  return path.join(scratch, stdout.trim().split('\n').at(-1)!);
}

/** Settings of npm in the environment, and where certificates are; nothing else of this machine's. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) =>
    /^npm_config_(registry|\/\/)|_proxy$/i.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    PATH: '/usr/bin:/bin',
    HOME: '/root',
    NODE_EXTRA_CA_CERTS: '/etc/ssl/certs/ca-certificates.crt',
  };
}

function tryOut(scratch: string): number {
  const tarball = flags.tarball ?? pack(scratch);
  const root = path.join(scratch, 'root');
  makeBareMachine(root);
  fs.copyFileSync(tarball, path.join(root, 'app.tgz'));
  fs.copyFileSync(path.join(import.meta.dirname, 'bare-program.mjs'), path.join(root, 'bare-program.mjs'));
  fs.writeFileSync(path.join(root, 'example.mjs'), libraryExample());
  const inside = (before: readonly string[], step: string): number => {
    const args = [...before, 'chroot', root, '/usr/bin/node', '/bare-program.mjs', step];
    const options = { stdio: 'inherit', env: { ...environment(), PATH: process.env['PATH'] } } as const;
    return spawnSync(args[0]!, args.slice(1), options).status ?? 1;
  };
  const installed = inside([], 'install');
  if (installed !== 0) return installed;
  return inside(['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'], 'try');
}

const requirements = [
  program('unshare', 'makes the namespaces'),
  program('chroot', 'makes the bare machine'),
  program('ip', 'gives it a network of its own'),
  program('cmake', 'builds the addons that are packed'),
  SANDBOX,
];
exitIfMissing('The trial of the package', requirements, REMEDY, flags['if-possible']);
const scratch = scratchDirectory();
process.exitCode = scratch === undefined ? await runInSandbox() : tryOut(scratch);
