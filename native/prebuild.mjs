/**
 * Builds the addons of the published package: prebuilds/linux-<processor>-glibc/indelible.node. One file
 * serves every Node.js of its processor (Node-API), and holds its own copy of the C++ library.
 *
 *   node native/prebuild.mjs [x64] [arm64] [--tests] [--if-possible]
 *
 * Without a processor, all of them. `--tests` builds the C++ unit tests too, and runs them: those of another
 * processor than this one under qemu-user. Ends with "N passed, N failed" then. With `--if-possible`, where
 * programs are missing it names them, and has built and shown nothing. As root, with CI set, it installs
 * them.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
/** Names that Debian, CMake and QEMU have for the processors. */
const PROCESSORS = {
  x64: { triplet: 'x86_64-linux-gnu', system: 'x86_64', emulator: 'qemu-x86_64-static' },
  arm64: { triplet: 'aarch64-linux-gnu', system: 'aarch64', emulator: 'qemu-aarch64-static' },
};

function isThere(name) {
  return (process.env.PATH ?? '').split(path.delimiter).some((place) => fs.existsSync(path.join(place, name)));
}

/** Debian's packages for the programs that are not there. */
function missingPackages(processors, withTests) {
  const missing = isThere('cmake') ? [] : ['cmake'];
  for (const processor of processors.filter((name) => name !== process.arch)) {
    const { triplet, system, emulator } = PROCESSORS[processor];
    if (!isThere(`${triplet}-g++`)) missing.push(`g++-${system.replace('_', '-')}-linux-gnu`);
    if (withTests && !isThere(emulator)) missing.push('qemu-user-static');
  }
  return missing;
}

/** Returns only when everything is there. */
function demandPackages(processors, withTests, ifPossible) {
  const missing = missingPackages(processors, withTests);
  if (missing.length > 0 && process.env.CI !== undefined && process.getuid() === 0 && isThere('apt-get')) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const install = ['install', '-y', '-qq', '--no-install-recommends', ...missing];
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore', env });
    spawnSync('apt-get', install, { stdio: ['ignore', 'ignore', 'inherit'], env });
  }
  const lacking = missingPackages(processors, withTests);
  if (lacking.length === 0) return;
  console.log(`the addons cannot be built here. Install what is missing, then try again:`);
  console.log(`  sudo apt-get install -y ${lacking.join(' ')}`);
  if (withTests) console.log(`0 passed, ${ifPossible ? 0 : 1} failed`);
  process.exit(ifPossible ? 0 : 1);
}

function build(processor, targets) {
  const folder = path.join(ROOT, 'build-native', `prebuilt-${processor}`);
  const { triplet, system } = PROCESSORS[processor];
  const options = ['INDELIBLE_ADDON=ON', 'INDELIBLE_PREBUILT=ON', 'CMAKE_BUILD_TYPE=Release'];
  options.push('CMAKE_CXX_FLAGS_RELEASE=-O2', 'CMAKE_SYSTEM_NAME=Linux', `CMAKE_SYSTEM_PROCESSOR=${system}`);
  if (processor !== process.arch) options.push(`CMAKE_CXX_COMPILER=${triplet}-g++`);
  const stdio = ['ignore', 'ignore', 'inherit'];
  const cmake = (...args) => execFileSync('cmake', args, { cwd: ROOT, stdio });
  cmake('-S', ROOT, '-B', folder, ...options.map((option) => `-D${option}`));
  const parallel = String(os.availableParallelism());
  cmake('--build', folder, '--parallel', parallel, '--target', ...targets);
  const place = path.join(ROOT, 'prebuilds', `linux-${processor}-glibc`);
  fs.mkdirSync(place, { recursive: true });
  fs.copyFileSync(path.join(folder, 'indelible.node'), path.join(place, 'indelible.node'));
  console.log(`built prebuilds/linux-${processor}-glibc/indelible.node`);
  return folder;
}

/** @returns how many tests passed and failed */
function test(processor, folder) {
  const { triplet, emulator } = PROCESSORS[processor];
  const program = path.join(folder, 'native_tests');
  const [command, args] =
    processor === process.arch ? [program, []] : [emulator, ['-L', `/usr/${triplet}`, program]];
  const { stdout, status, signal, error } = spawnSync(command, args, { encoding: 'utf8' });
  process.stdout.write(stdout ?? '');
  const passed = stdout?.match(/^ok /gm)?.length ?? 0;
  const failed = stdout?.match(/^FAIL /gm)?.length ?? 0;
  if (status === 0) return [passed, failed];
  console.log(`${processor}: native_tests ended with ${error?.message ?? signal ?? status}`);
  return [passed, Math.max(failed, 1)];
}

const args = process.argv.slice(2);
const withTests = args.includes('--tests');
const named = args.filter((argument) => !argument.startsWith('--'));
const stranger = named.find((name) => PROCESSORS[name] === undefined);
if (stranger !== undefined) {
  console.error(`usage: node native/prebuild.mjs [${Object.keys(PROCESSORS).join('] [')}] [--tests] [--if-possible]`);
  process.exit(2);
}
const processors = named.length === 0 ? Object.keys(PROCESSORS) : named;
demandPackages(processors, withTests, args.includes('--if-possible'));
const sums = [0, 0];
for (const processor of processors) {
  const folder = build(processor, withTests ? ['indelible_addon', 'native_tests'] : ['indelible_addon']);
  const [passed, failed] = withTests ? test(processor, folder) : [0, 0];
  sums[0] += passed;
  sums[1] += failed;
}
if (withTests) console.log(`${sums[0]} passed, ${sums[1]} failed`);
process.exitCode = sums[1] === 0 ? 0 : 1;
