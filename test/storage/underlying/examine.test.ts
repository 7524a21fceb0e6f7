/** What is claimed of each kind of place, from kernels that are described here. */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { claimOf } from '../../../lib/storage/underlying/claim.js';
import { groundOf } from '../../../lib/storage/underlying/examine.js';
import {
  KERNEL,
  type Kernel,
  type Mount,
  mountIn,
  type Place,
} from '../../../lib/storage/underlying/kernel.js';

interface Described {
  /** Device number of each kernel path of a block or character device. */
  readonly devices?: Readonly<Record<string, string>>;
  readonly texts?: Readonly<Record<string, string>>;
  readonly names?: Readonly<Record<string, readonly string[]>>;
  readonly places?: Readonly<Record<string, Place>>;
}

function kernelOf({ devices = {}, texts = {}, names = {}, places = {} }: Described): Kernel {
  return {
    read: (path) => texts[path],
    names: (directory) => names[directory] ?? [],
    resolve: (path) => devices[path],
    placeOf: (path) => places[path],
  };
}

function mount(fileSystem: string, source = 'none', ...options: string[]): Mount {
  return { fileSystem, source, options };
}

function file(device: string, on: Mount): Place {
  return { kind: 'file', device, mount: on };
}

const DISK = { '/sys/dev/block/8:1': '/sys/devices/pci0000:00/ata1/host0/block/sda/sda1' };
const SDA1 = { '/sys/devices/pci0000:00/ata1/host0/block/sda/sda1/partition': '1' };
const RAM = { '/sys/dev/block/1:0': '/sys/devices/virtual/block/ram0' };
const PMEM = '/sys/devices/platform/bus0/ndbus0/region0/namespace0.0/block/pmem0';

/** Of a store at /data, on ext4 unless described otherwise. */
function at(device: string, described: Described, on: Mount = mount('ext4', '/dev/x')): string {
  const kernel = kernelOf({ ...described, places: { '/data': file(device, on), ...described.places } });
  const { survives, forgets, shared } = groundOf('/data', kernel);
  return `${survives}${forgets ? ' forgets' : ''}${shared ? ' shared' : ''}`;
}

describe('file systems', () => {
  it.each(['tmpfs', 'ramfs', 'rootfs', 'devtmpfs', 'hugetlbfs'])('%s is memory', (name) => {
    expect(at('0:22', {}, mount(name))).toBe('process forgets');
  });

  it.each(['ext4', 'xfs', 'f2fs'])('%s on a disk survives loss of power', (name) => {
    expect(at('8:1', { devices: DISK, texts: SDA1 }, mount(name, '/dev/sda1', 'rw'))).toBe('power');
  });

  it.each(['nobarrier', 'barrier=0', 'fsync_mode=nobarrier'])('but not with %s', (option) => {
    expect(at('8:1', { devices: DISK, texts: SDA1 }, mount('ext4', '/dev/sda1', option))).toBe('process');
  });

  it.each(['nfs4', 'cifs', '9p', 'virtiofs', 'fuse', 'fuse.sshfs', 'ceph'])(
    '%s is shared, and its server unknown',
    (name) => {
      expect(at('0:50', {}, mount(name, 'server:/export'))).toBe('process shared');
    },
  );

  it('a cluster file system on a disk is shared and keeps', () => {
    expect(at('8:1', { devices: DISK, texts: SDA1 }, mount('ocfs2', '/dev/sda1'))).toBe('power shared');
  });

  it('what nobody knows is not claimed', () => {
    expect(at('0:9', {}, mount('zfs', 'pool/data'))).toBe('process');
    expect(at('0:9', {}, mount('newfs'))).toBe('process');
    expect(groundOf('/nowhere', kernelOf({})).survives).toBe('process');
  });

  it('overlay is what its upper directory lies on', () => {
    const overlay = mount('overlay', 'overlay', 'lowerdir=/l', 'upperdir=/upper', 'workdir=/w');
    const disk = file('8:1', mount('ext4'));
    const memory = file('0:5', mount('tmpfs'));
    expect(at('0:60', { devices: DISK, texts: SDA1, places: { '/upper': disk } }, overlay)).toBe('power');
    expect(at('0:60', { places: { '/upper': memory } }, overlay)).toBe('process forgets');
    expect(at('0:60', {}, overlay)).toBe('process');
    expect(at('0:60', {}, mount('overlay', 'overlay', 'lowerdir=/l'))).toBe('process');
    const careless = mount('overlay', 'overlay', 'upperdir=/upper', 'volatile');
    expect(at('0:60', { devices: DISK, texts: SDA1, places: { '/upper': disk } }, careless)).toBe(
      'process forgets',
    );
  });

  it('overlays upon themselves end', () => {
    const overlay = mount('overlay', 'overlay', 'upperdir=/data');
    expect(at('0:60', {}, overlay)).toBe('process');
  });

  it('btrfs is as its worst device', () => {
    const btrfs = mount('btrfs', '/dev/sda1');
    const places = { '/dev/sda1': { kind: 'block', device: '8:1', mount: undefined } as Place };
    const devices = { ...DISK, ...RAM };
    expect(at('0:31', { devices, texts: SDA1, places }, btrfs)).toBe('power');
    const names = { '/sys/fs/btrfs': ['u'], '/sys/fs/btrfs/u/devices': ['sda1', 'ram0'] };
    const texts = { ...SDA1, '/sys/class/block/sda1/dev': '8:1', '/sys/class/block/ram0/dev': '1:0' };
    expect(at('0:31', { devices, texts, names, places }, btrfs)).toBe('process forgets');
    expect(at('0:31', {}, btrfs)).toBe('process');
    // Others come first, and a device that does not tell its number is not known.
    const both = { ...names, '/sys/fs/btrfs': ['a', 'u'], '/sys/fs/btrfs/a/devices': ['sdb1'] };
    expect(at('0:31', { devices, texts, names: both, places }, btrfs)).toBe('process forgets');
    const alone = { '/sys/fs/btrfs': ['a'], '/sys/fs/btrfs/a/devices': ['sdb1'] };
    expect(at('0:31', { devices, texts, names: alone, places }, btrfs)).toBe('power');
    expect(at('0:31', { devices, texts: SDA1, names, places }, btrfs)).toBe('process');
  });

  it('another with a number of its own is as the one device that it names', () => {
    const bcachefs = mount('bcachefs', '/dev/sda1');
    const place = (kind: Place['kind']): Described => ({
      devices: DISK,
      texts: SDA1,
      places: { '/dev/sda1': { kind, device: '8:1', mount: undefined } },
    });
    expect(at('0:31', place('block'), bcachefs)).toBe('power');
    expect(at('0:31', place('file'), bcachefs)).toBe('process');
  });

  it('a device by itself is as that device, and a place in no mount is not known', () => {
    const itself = { '/data': { kind: 'block', device: '8:1', mount: undefined } as Place };
    expect(at('', { devices: DISK, texts: SDA1, places: itself })).toBe('power');
    const nowhere = { '/data': { kind: 'file', device: '8:1', mount: undefined } as Place };
    expect(at('', { devices: DISK, texts: SDA1, places: nowhere })).toBe('process');
  });
});

describe('devices', () => {
  it.each(['ram0', 'zram1', 'nullb0'])('%s is memory', (name) => {
    expect(at('1:0', { devices: { '/sys/dev/block/1:0': `/sys/devices/virtual/block/${name}` } })).toBe(
      'process forgets',
    );
  });

  it.each(['nbd0', 'odd0', 'pmem9'])('%s is not known', (name) => {
    expect(at('43:0', { devices: { '/sys/dev/block/43:0': `/sys/devices/virtual/block/${name}` } })).toBe(
      'process',
    );
  });

  it('a device that the kernel does not show is not known', () => {
    expect(at('8:1', {})).toBe('process');
  });

  it('a disk of scsi_debug is memory', () => {
    const sda = '/sys/devices/pseudo_0/adapter0/host1/block/sda';
    const texts = { [`${sda}/device/model`]: 'scsi_debug' };
    expect(at('8:0', { devices: { '/sys/dev/block/8:0': sda }, texts })).toBe('process forgets');
  });

  it('the head of NVMe paths keeps', () => {
    const head = '/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1';
    expect(at('259:0', { devices: { '/sys/dev/block/259:0': head } })).toBe('power');
  });

  it('a mapped device is as the worst below it, however deep', () => {
    const devices = {
      ...DISK,
      ...RAM,
      '/sys/dev/block/253:0': '/sys/devices/virtual/block/dm-0',
      '/sys/dev/block/253:1': '/sys/devices/virtual/block/dm-1',
    };
    const texts = {
      ...SDA1,
      '/sys/class/block/sda1/dev': '8:1',
      '/sys/class/block/ram0/dev': '1:0',
      '/sys/class/block/dm-1/dev': '253:1',
    };
    const slaves = (first: string[], second: string[]): Described['names'] => ({
      '/sys/devices/virtual/block/dm-0/slaves': first,
      '/sys/devices/virtual/block/dm-1/slaves': second,
    });
    expect(at('253:0', { devices, texts, names: slaves(['dm-1'], ['sda1'])! })).toBe('power');
    expect(at('253:0', { devices, texts, names: slaves(['sda1', 'dm-1'], ['ram0'])! })).toBe(
      'process forgets',
    );
    expect(at('253:0', { devices, texts, names: slaves([], [])! })).toBe('process');
    expect(at('253:0', { devices, texts, names: slaves(['sdq'], [])! })).toBe('process');
    expect(at('253:0', { devices, texts, names: slaves(['dm-1'], ['dm-1'])! })).toBe('process');
  });

  it('a loop device is as the file it is made of', () => {
    const devices = { ...DISK, '/sys/dev/block/7:0': '/sys/devices/virtual/block/loop0' };
    const texts = { ...SDA1, '/sys/devices/virtual/block/loop0/loop/backing_file': '/image' };
    const over = (place: Place): string => at('7:0', { devices, texts, places: { '/image': place } });
    expect(over(file('8:1', mount('ext4')))).toBe('power');
    expect(over(file('0:2', mount('tmpfs')))).toBe('process forgets');
    expect(over(file('0:2', mount('nfs4')))).toBe('process');
    expect(at('7:0', { devices, texts })).toBe('process');
    expect(at('7:0', { devices })).toBe('process');
  });

  it('persistent memory keeps, unless the kernel was told to play it', () => {
    const devices = { '/sys/dev/block/259:0': PMEM };
    const provider = '/sys/devices/platform/bus0/ndbus0/provider';
    const told = { '/proc/cmdline': 'quiet memmap=4G!8G ro' };
    expect(at('259:0', { devices, texts: { [provider]: 'ACPI.NFIT', ...told } })).toBe('power');
    expect(at('259:0', { devices, texts: { [provider]: 'e820' } })).toBe('power');
    expect(at('259:0', { devices, texts: { [provider]: 'e820', ...told } })).toBe('process forgets');
    expect(at('259:0', { devices, texts: { [provider]: 'nfit_test.0' } })).toBe('process forgets');
  });

  it('a DAX device on no bus of persistent memory is memory', () => {
    const places = { '/data': { kind: 'character', device: '252:0', mount: undefined } as Place };
    const region = '/sys/devices/LNXSYSTM:00/ndbus0/region0/dax0.0/dax/dax0.0';
    const texts = { '/sys/devices/LNXSYSTM:00/ndbus0/provider': 'ACPI.NFIT' };
    expect(at('', { devices: { '/sys/dev/char/252:0': region }, places, texts })).toBe('power');
    const hmem = { '/sys/dev/char/252:0': '/sys/devices/platform/hmem.0/dax0.0' };
    expect(at('', { devices: hmem, places })).toBe('process forgets');
    expect(groundOf('/data', kernelOf({ places })).reason).toContain('device 252:0');
  });
});

describe('what this kernel shows', () => {
  it('names tmpfs memory', () => {
    expect(groundOf('/dev/shm')).toMatchObject({ survives: 'process', forgets: true });
  });

  it('reads mount lines, blanks and all', () => {
    const text =
      '26 1 254:0 / / rw,noatime shared:1 - ext4 /dev/a\\040b rw,nobarrier\n27 1 0:1 / /x rw - proc proc rw';
    expect(mountIn(text, '26')).toEqual({
      fileSystem: 'ext4',
      source: '/dev/a b',
      options: ['rw', 'noatime', 'rw', 'nobarrier'],
    });
    expect(mountIn(text, '2')).toBe(undefined);
    // Fewer fields than a kernel writes are as many as there are.
    expect(mountIn('26 - ext4 /dev/a', '26')).toEqual({ fileSystem: 'ext4', source: '/dev/a', options: [] });
    expect(mountIn('26 1 254:0 / / rw - ext4', '26')).toBe(undefined);
  });

  it('tells devices from files, with their own numbers', () => {
    expect(KERNEL.placeOf('/dev/null')).toMatchObject({ kind: 'character', device: '1:3' });
    expect(KERNEL.placeOf('/dev')).toMatchObject({ kind: 'file' });
    for (const name of KERNEL.names('/sys/class/block').filter((one) => existsSync(`/dev/${one}`))) {
      const device = KERNEL.read(`/sys/class/block/${name}/dev`);
      expect(KERNEL.placeOf(`/dev/${name}`)).toMatchObject({ kind: 'block', device });
    }
  });

  it('has nothing to say of what is not there', () => {
    expect(KERNEL.names('/sys/absent')).toEqual([]);
    expect([KERNEL.read('/sys/absent'), KERNEL.resolve('/sys/absent')]).toEqual([undefined, undefined]);
    expect(KERNEL.placeOf('/absent')).toBe(undefined);
  });
});

describe('claims', () => {
  const KEEPS = { survives: 'power', forgets: false, shared: false, reason: '' } as const;
  const FORGETS = { survives: 'process', forgets: true, shared: false, reason: 'memory' } as const;

  it('are those of the place for files and msync', () => {
    for (const mode of ['file', 'msync'] as const) {
      expect(claimOf(mode, KEEPS, 'arm64')).toMatchObject({ durability: 'power', reason: '' });
      expect(claimOf(mode, FORGETS, 'x64')).toMatchObject({ durability: 'process', forgets: true });
    }
  });

  it('the emulation survives the process alone', () => {
    expect(claimOf('emulated', KEEPS, 'x64').durability).toBe('process');
  });

  it('persistent memory needs fences that reach it: no claim on arm64', () => {
    expect(claimOf('pmem', KEEPS, 'x64')).toMatchObject({ durability: 'power' });
    expect(claimOf('pmem', KEEPS, 'arm64')).toMatchObject({ durability: 'process', forgets: true });
    expect(claimOf('pmem', KEEPS, 'riscv64').durability).toBe('process');
    expect(claimOf('pmem', FORGETS, 'x64').durability).toBe('process');
  });
});
