/**
 * Builds the addons of the published package: prebuilds/linux-<processor>-glibc/indelible.node. One file
 * serves every Node.js of its processor (Node-API), and holds its own copy of the C++ library.
 *
 *   node native/prebuild.mjs [x64] [arm64] [--tests]
 *
 * Without a processor, all of them. `--tests` builds the C++ unit tests too, and runs them: those of another
 * processor than this one under qemu-user. Ends with "N passed, N failed" then.
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

function build(processor, targets) {
  const folder = path.join(ROOT, 'build-native', `prebuilt-${processor}`);
  const { triplet, system } = PROCESSORS[processor];
  const options = ['INDELIBLE_ADDON=ON', 'INDELIBLE_PREBUILT=ON', 'CMAKE_BUILD_TYPE=Release'];
  options.push('CMAKE_CXX_FLAGS_RELEASE=-O2', 'CMAKE_SYSTEM_NAME=Linux', `CMAKE_SYSTEM_PROCESSOR=${system}`);
  if (processor !== process.arch) options.push(`CMAKE_CXX_COMPILER=${triplet}-g++`);
  const stdio = ['ignore', 'ignore', 'inherit'];
  execFileSync('cmake', ['-S', ROOT, '-B', folder, ...options.map((option) => `-D${option}`)], { cwd: ROOT, stdio });
  const parallel = String(os.availableParallelism());
  execFileSync('cmake', ['--build', folder, '--parallel', parallel, '--target', ...targets], { cwd: ROOT, stdio });
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
const named = args.filter((argument) => argument !== '--tests');
const stranger = named.find((name) => PROCESSORS[name] === undefined);
if (stranger !== undefined) {
  console.error(`usage: node native/prebuild.mjs [${Object.keys(PROCESSORS).join('] [')}] [--tests]`);
  process.exit(2);
}
const sums = [0, 0];
for (const processor of named.length === 0 ? Object.keys(PROCESSORS) : named) {
  const folder = build(processor, withTests ? ['indelible_addon', 'native_tests'] : ['indelible_addon']);
  const [passed, failed] = withTests ? test(processor, folder) : [0, 0];
  sums[0] += passed;
  sums[1] += failed;
}
if (withTests) console.log(`${sums[0]} passed, ${sums[1]} failed`);
process.exitCode = sums[1] === 0 ? 0 : 1;
