/**
 * Asks the kernel what a path lies on, and so what a store there may claim to survive.
 *
 * | file system                              | keeps what is synced                                     |
 * |------------------------------------------|----------------------------------------------------------|
 * | ext4, xfs, btrfs … on a device           | as the device does (device.ts); not with `nobarrier`     |
 * | tmpfs, ramfs …                           | no: memory                                               |
 * | overlay                                  | as the directory that writes go to; not with `volatile`  |
 * | nfs, cifs, 9p, fuse …                    | not known: the server's part                             |
 * | zfs, others                              | not known                                                |
 *
 * What is not known is not claimed: a store there says `process`. The claim is about loss of power and death
 * of the machine; media that fail are another matter.
 */
import { blockGround, characterGround } from './device.js';
import { type Ground, memory, unknown, weakest } from './ground.js';
import { KERNEL, type Kernel, type Mount, type Place } from './kernel.js';

const IN_MEMORY: ReadonlySet<string> = new Set(['tmpfs', 'ramfs', 'rootfs', 'devtmpfs', 'hugetlbfs']);

const ON_DEVICES: ReadonlySet<string> = new Set([
  ...['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs', 'jfs', 'reiserfs', 'bcachefs', 'nilfs2'],
  ...['vfat', 'exfat', 'ntfs3', 'gfs2', 'ocfs2'],
]);

/** Of these another machine may have the same files; of the first two the device is here as well. */
const SHARED: ReadonlySet<string> = new Set([
  ...['gfs2', 'ocfs2', 'nfs', 'nfs4', 'cifs', 'smb3', 'smbfs', 'ceph', 'afs', 'coda', '9p', 'virtiofs'],
  ...['lustre', 'gpfs', 'beegfs', 'orangefs', 'pvfs2', 'vboxsf', 'prl_fs', 'fuse'],
]);

/** Options that keep a file system from asking the device to write what it holds back. */
const WITHOUT_FLUSHES: ReadonlySet<string> = new Set([
  ...['nobarrier', 'barrier=0', 'barrier=none', 'fsync_mode=nobarrier', 'nointegrity'],
]);

/** Files that lie in files that lie in files: deeper than any sane machine. */
const NESTING_MAX = 8;

/**
 * What bytes at `path`, a directory, a file or a device that is there, lie on. Never throws: what cannot be
 * found out is not claimed.
 */
export function groundOf(path: string, kernel: Kernel = KERNEL, nesting = 0): Ground {
  if (nesting > NESTING_MAX) return unknown(`${path} lies on too much else`);
  const place = kernel.placeOf(path);
  if (place === undefined) return unknown(`what ${path} lies on cannot be found out here`);
  const below = (inner: string): Ground => groundOf(inner, kernel, nesting + 1);
  if (place.kind === 'character') return characterGround(kernel, place.device);
  if (place.kind === 'block') return blockGround(kernel, place.device, below);
  if (place.mount === undefined) return unknown(`what ${path} lies on cannot be found out here`);
  const ground = mountGround(kernel, place, place.mount, below);
  return isShared(place.mount) ? { ...ground, shared: true } : ground;
}

function isShared({ fileSystem }: Mount): boolean {
  return SHARED.has(fileSystem) || fileSystem.startsWith('fuse.');
}

function mountGround(kernel: Kernel, place: Place, mount: Mount, below: (path: string) => Ground): Ground {
  const { fileSystem, options } = mount;
  if (IN_MEMORY.has(fileSystem)) return memory(fileSystem);
  if (fileSystem === 'overlay') return overlayGround(options, below);
  if (ON_DEVICES.has(fileSystem)) {
    const careless = options.find((option) => WITHOUT_FLUSHES.has(option));
    if (careless !== undefined) return unknown(`${fileSystem} is mounted with ${careless}`);
    return weakest(devicesOf(kernel, place, mount).map((device) => blockGround(kernel, device, below)));
  }
  if (isShared(mount)) return unknown(`what a server of ${fileSystem} keeps is not known here`);
  return unknown(`what ${fileSystem} keeps is not known here`);
}

/** Writes go to the upper directory, whose path is that of whoever mounted it: maybe of another namespace. */
function overlayGround(options: readonly string[], below: (path: string) => Ground): Ground {
  if (options.includes('volatile')) {
    return { ...memory(''), reason: 'overlay is mounted with volatile: nothing is synced' };
  }
  const upper = options.find((option) => option.startsWith('upperdir='))?.slice('upperdir='.length);
  if (upper === undefined) return unknown('overlay does not tell where writes go');
  const { reason, ...ground } = below(upper);
  return { ...ground, reason: reason && `overlay on ${upper}: ${reason}` };
}

/** The numbers of the devices a file system lies on; one that is not known makes the claim unknown. */
function devicesOf(kernel: Kernel, place: Place, { source, fileSystem }: Mount): readonly string[] {
  if (!place.device.startsWith('0:')) return [place.device];
  // Some, as btrfs, have a number of their own in the place of the device's, and may have several.
  const device = kernel.placeOf(source);
  const number = device?.kind === 'block' ? device.device : '0:0';
  if (fileSystem !== 'btrfs') return [number];
  const name = kernel.resolve(`/sys/dev/block/${number}`)?.split('/').at(-1) ?? '';
  for (const volume of kernel.names('/sys/fs/btrfs')) {
    const names = kernel.names(`/sys/fs/btrfs/${volume}/devices`);
    if (!names.includes(name)) continue;
    return names.map((one) => kernel.read(`/sys/class/block/${one}/dev`) ?? '0:0');
  }
  return [number];
}
