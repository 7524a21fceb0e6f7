/** The guest's NVDIMMs: what becomes of them once, and how they are used after each boot. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import type { Target } from './guest-lines.js';

/** One NVDIMM a target; which is whose does not matter, as they are alike. */
const NAMESPACES: Readonly<Record<Target, string>> = {
  ext4: 'namespace0.0',
  xfs: 'namespace1.0',
  devdax: 'namespace2.0',
};
const DEVICES: Readonly<Record<Target, string>> = {
  ext4: '/dev/pmem0',
  xfs: '/dev/pmem1',
  devdax: '/dev/dax2.0',
};
/** No reflink: with it some kernels refuse DAX. */
const MAKE: Readonly<Record<'ext4' | 'xfs', readonly string[]>> = {
  ext4: ['mke2fs', '-q', '-t', 'ext4', '-b', '4096', '-m', '0'],
  xfs: ['mkfs.xfs', '-q', '-m', 'reflink=0'],
};

export function run(program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

/** A link to the DAX device, as a replica's directory has it for its region; made anew after each boot. */
export function linkToDevice(): string {
  const link = '/run/region';
  fs.rmSync(link, { force: true });
  fs.symlinkSync(DEVICES.devdax, link);
  return link;
}

export function mountPointOf(target: Target): string {
  return `/mnt/${target}`;
}

/** A namespace that can be mapped on each NVDIMM: raw ones refuse DAX. @returns what ndctl says of them */
export function makeNamespaces(): string {
  for (const target of ['ext4', 'xfs', 'devdax'] as const) {
    const mode = target === 'devdax' ? 'devdax' : 'fsdax';
    run('ndctl', 'create-namespace', '-f', '-e', NAMESPACES[target], '-m', mode, '-M', 'mem');
  }
  const namespaces = JSON.parse(run('ndctl', 'list', '-N')) as { dev: string; mode: string; size: number }[];
  return namespaces.map(({ dev, mode, size }) => `${dev} ${mode} ${size >> 20} MiB`).join(', ');
}

export function makeFileSystem(target: 'ext4' | 'xfs'): void {
  const [program, ...args] = MAKE[target];
  run(program!, ...args, DEVICES[target]);
}

/**
 * Mounts with DAX for every file. What the block device's own cache holds of an earlier life of the machine
 * is dropped first: the machine may have been resumed from a state saved before the medium changed.
 */
export function mount(target: 'ext4' | 'xfs'): void {
  run('blockdev', '--flushbufs', DEVICES[target]);
  fs.mkdirSync(mountPointOf(target), { recursive: true });
  run('mount', '-t', target, '-o', 'dax=always', DEVICES[target], mountPointOf(target));
}

export function unmount(target: 'ext4' | 'xfs'): void {
  run('umount', mountPointOf(target));
}
