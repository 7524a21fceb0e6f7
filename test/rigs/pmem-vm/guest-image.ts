/**
 * The guest as one file: Debian's kernel, and an initramfs of busybox, this machine's Node.js, ndctl, mke2fs
 * and mkfs.xfs with the libraries they load, the built library, the addon, and the rig's programs.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { PROJECT_ROOT } from '../../packaging/sources.js';
import { compilePrograms } from '../compile.js';

/** In an order in which each finds what it needs; what comes along with them is found in modules.dep. */
const MODULES = [
  ...['virtio_pci', 'virtio_console', 'crc32c_generic', 'crc32c-intel'],
  ...['nfit', 'nd_pmem', 'device_dax', 'dax_pmem', 'ext4', 'xfs'],
];
const PROGRAMS = ['ndctl', 'mke2fs', 'mkfs.xfs'];
const LIBRARIES = ['libpmem.so.1', 'libisal.so.2'];
const LIBRARY_PLACES = ['/usr/lib/x86_64-linux-gnu', '/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib'];
const SOURCES = [
  ...['guest-program', 'guest-cluster', 'nvdimms', 'number-set', 'replica-program'].map(
    (n) => `pmem-vm/${n}.ts`,
  ),
  'vote-bytes.ts',
  'vote-writer.ts',
];

const INIT = `#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t tmpfs none /run
mount -t tmpfs none /tmp
mount -t tmpfs none /mnt
for module in $(cat /modules/order); do insmod /modules/$module || echo "no module $module"; done
while [ ! -e /dev/vport0p1 ]; do sleep 0.1; done
hostname guest
cd /project
exec /bin/node /project/rigs/pmem-vm/guest-program.js
`;

export interface Kernel {
  /** Where Debian's kernel package was unpacked, with modules.dep made. */
  readonly root: string;
  readonly version: string;
}

export interface GuestImage {
  readonly kernel: string;
  readonly initramfs: string;
}

export function capture(program: string, args: readonly string[], cwd?: string): string {
  const options = { encoding: 'utf8', maxBuffer: 1 << 28, ...(cwd === undefined ? {} : { cwd }) } as const;
  const { status, stdout, stderr, error } = spawnSync(program, args, options);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

function find(name: string, places: readonly string[]): string {
  const found = places.map((place) => path.join(place, name)).find((file) => fs.existsSync(file));
  if (found === undefined) throw new Error(`${name} is in none of ${places.join(', ')}`);
  return found;
}

/** What the dynamic linker loads for a program or library. */
function librariesOf(file: string): readonly string[] {
  return [...capture('ldd', [file]).matchAll(/(\/\S+) \(0x/g)].map(([, library]) => library!);
}

function modulesInOrder({ root, version }: Kernel): readonly string[] {
  const directory = path.join(root, 'lib', 'modules', version);
  const needs = new Map<string, readonly string[]>();
  for (const line of fs.readFileSync(path.join(directory, 'modules.dep'), 'utf8').trim().split('\n')) {
    const [module, rest = ''] = line.split(':');
    needs.set(module!, rest.trim() === '' ? [] : rest.trim().split(' '));
  }
  const order: string[] = [];
  const add = (module: string): void => {
    if (order.includes(module)) return;
    // modules.dep lists a module's needs with the deepest last.
    for (const need of [...(needs.get(module) ?? [])].reverse()) add(need);
    order.push(module);
  };
  for (const name of MODULES) {
    const module = [...needs.keys()].find((file) => path.basename(file) === `${name}.ko`);
    if (module !== undefined) add(module);
  }
  return order.map((module) => path.join(directory, module));
}

function copy(from: string, to: string): void {
  fs.mkdirSync(path.dirname(to), { recursive: true });
  fs.copyFileSync(from, to);
}

function fillTree(tree: string, kernel: Kernel): void {
  for (const place of ['proc', 'sys', 'dev', 'run', 'tmp', 'mnt', 'bin', 'etc']) {
    fs.mkdirSync(path.join(tree, place), { recursive: true });
  }
  const busybox = find('busybox', ['/bin', '/usr/bin']);
  copy(busybox, path.join(tree, 'bin', 'busybox'));
  const onPath = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  const programs = PROGRAMS.map((name) => find(name, onPath));
  const libraries = LIBRARIES.map((name) => find(name, LIBRARY_PLACES));
  const addon = path.join(PROJECT_ROOT, 'build', 'Release', 'indelible.node');
  for (const program of programs) copy(program, path.join(tree, 'bin', path.basename(program)));
  copy(process.execPath, path.join(tree, 'bin', 'node'));
  const linked = [process.execPath, addon, ...programs, ...libraries].flatMap(librariesOf);
  for (const library of new Set([...libraries, ...linked])) copy(library, path.join(tree, library));
  const modules = modulesInOrder(kernel);
  for (const module of modules) copy(module, path.join(tree, 'modules', path.basename(module)));
  const order = modules.map((module) => path.basename(module)).join('\n');
  fs.writeFileSync(path.join(tree, 'modules', 'order'), order);
  fs.writeFileSync(path.join(tree, 'init'), INIT, { mode: 0o755 });
  copy(addon, path.join(tree, 'project', 'build', 'Release', 'indelible.node'));
  copy(path.join(PROJECT_ROOT, 'package.json'), path.join(tree, 'project', 'package.json'));
  const isCode = (from: string): boolean => !/\.(map|d\.ts|tsbuildinfo)$/.test(from);
  fs.cpSync(path.join(PROJECT_ROOT, 'dist'), path.join(tree, 'project', 'dist'), {
    recursive: true,
    filter: isCode,
  });
  compilePrograms(SOURCES, path.join(tree, 'project', 'rigs'), '/project/dist');
}

/** Builds it in `directory`, which must be there. */
export function buildGuestImage(directory: string, kernel: Kernel): GuestImage {
  const tree = path.join(directory, 'tree');
  fillTree(tree, kernel);
  const initramfs = path.join(directory, 'initramfs');
  capture('sh', ['-c', `find . | cpio -o -H newc -R 0:0 --quiet > '${initramfs}'`], tree);
  fs.rmSync(tree, { recursive: true });
  return { kernel: path.join(kernel.root, 'boot', `vmlinuz-${kernel.version}`), initramfs };
}
