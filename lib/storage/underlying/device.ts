/**
 * What a block device, or a DAX device, is made of. The kernel's own tree under /sys says it:
 *
 * | device                                             | keeps what is flushed                  |
 * |----------------------------------------------------|----------------------------------------|
 * | of a bus (nvme, sd, vd, mmcblk …)                  | yes, as far as the device keeps its word |
 * | ram, zram, nullb, scsi_debug                       | no: memory                             |
 * | pmem, dax                                          | yes; no over memory that only plays it |
 * | dm, md, bcache: anything with devices below it     | as the worst of those                  |
 * | loop                                               | as the file it is made of              |
 * | nbd, other devices without hardware                | not known                              |
 */
import { type Ground, KEEPS, memory, unknown, weakest } from './ground.js';
import type { Kernel } from './kernel.js';

/** How deep devices are followed that lie on devices. */
const LEVELS_MAX = 16;

/** Whether the kernel was told to call ordinary memory persistent (`memmap=nG!sG`). */
function playsMemory(kernel: Kernel): boolean {
  return /(^|\s)memmap=\S*!/.test(kernel.read('/proc/cmdline') ?? '');
}

/** The provider of the memory bus a device hangs on; undefined for what is on none. */
function memoryProvider(kernel: Kernel, device: string): string | undefined {
  const parts = device.split('/');
  const region = parts.findIndex((part) => /^region\d+$/.test(part));
  return region < 0 ? undefined : kernel.read(`${parts.slice(0, region).join('/')}/provider`);
}

function persistentMemory(kernel: Kernel, name: string, provider: string): Ground {
  // Firmware that knows an old kind of NVDIMM has the provider e820 too, but needs no word from outside.
  if (provider === 'e820' && playsMemory(kernel))
    return memory(`${name} (memmap on the kernel's command line)`);
  if (/^(nfit_test|ndtest)/.test(provider)) return memory(`${name}, a device of the kernel's tests,`);
  return KEEPS;
}

/** A DAX device by itself; without a bus that calls it persistent it is ordinary memory. */
export function characterGround(kernel: Kernel, device: string): Ground {
  const path = kernel.resolve(`/sys/dev/char/${device}`);
  const name = path?.split('/').at(-1) ?? `device ${device}`;
  const provider = path && memoryProvider(kernel, path);
  return provider ? persistentMemory(kernel, name, provider) : memory(name);
}

/** @param groundOf of the file that a loop device is made of */
export function blockGround(
  kernel: Kernel,
  device: string,
  groundOf: (path: string) => Ground,
  level = 0,
): Ground {
  const path = kernel.resolve(`/sys/dev/block/${device}`);
  if (path === undefined) return unknown(`the kernel does not tell here what device ${device} is`);
  if (level > LEVELS_MAX) return unknown(`device ${device} lies on too many others`);
  // A partition is a folder in that of its disk.
  const disk = kernel.read(`${path}/partition`) === undefined ? path : path.slice(0, path.lastIndexOf('/'));
  const name = disk.slice(disk.lastIndexOf('/') + 1);
  const below = kernel.names(`${path}/slaves`).concat(disk === path ? [] : kernel.names(`${disk}/slaves`));
  if (below.length > 0) {
    return weakest(
      below.map((lower) => {
        const number = kernel.read(`/sys/class/block/${lower}/dev`);
        if (number === undefined) return unknown(`${name} lies on ${lower}, of which nothing is known`);
        return blockGround(kernel, number, groundOf, level + 1);
      }),
    );
  }
  return leafGround(kernel, disk, name, groundOf);
}

function leafGround(kernel: Kernel, disk: string, name: string, groundOf: (path: string) => Ground): Ground {
  if (/^(ram|zram|nullb)\d+$/.test(name)) return memory(name);
  if (kernel.read(`${disk}/device/model`)?.startsWith('scsi_debug')) return memory(`${name} (scsi_debug)`);
  if (name.startsWith('loop')) {
    const file = kernel.read(`${disk}/loop/backing_file`);
    if (file === undefined) return unknown(`${name} does not tell what file it is made of`);
    const { reason, ...ground } = groundOf(file);
    return { ...ground, shared: false, reason: reason && `${name} is made of ${file}: ${reason}` };
  }
  const provider = memoryProvider(kernel, disk);
  if (provider !== undefined) return persistentMemory(kernel, name, provider);
  if (name.startsWith('pmem')) return unknown(`${name} does not tell what memory it is`);
  if (name.startsWith('nbd')) return unknown(`${name} is a device of another machine`);
  // Heads of NVMe paths stand beside the hardware they lead to; all else here has none.
  if (disk.includes('/devices/virtual/') && !disk.includes('/nvme-subsystem/')) {
    return unknown(`${name} is a device without hardware of its own`);
  }
  return KEEPS;
}
