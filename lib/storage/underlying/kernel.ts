/**
 * What the kernel tells of a path: the mount it is in, the device it is on. All of it can be asked by any
 * user; what cannot be read is not known, and never an error.
 */
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, realpathSync } from 'node:fs';

export interface Mount {
  /** As the kernel names it: ext4, tmpfs, overlay … */
  readonly fileSystem: string;
  /** The device of a file system that has one, or whatever the file system calls itself. */
  readonly source: string;
  /** Of the mount and of the file system; `name` or `name=value`. */
  readonly options: readonly string[];
}

export interface Place {
  readonly kind: 'file' | 'block' | 'character';
  /** major:minor; of the device itself where the path is one, else of the file system it lies in. */
  readonly device: string;
  readonly mount: Mount | undefined;
}

/** The kernel's view, so that tests can show another one. */
export interface Kernel {
  /** The text of a file of /proc or /sys. */
  read(path: string): string | undefined;
  names(directory: string): readonly string[];
  /** The path behind symbolic links. */
  resolve(path: string): string | undefined;
  placeOf(path: string): Place | undefined;
}

/** In mountinfo a blank is \040, and so on. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** The mount with an id, from the text of /proc/self/mountinfo. */
export function mountIn(mountinfo: string, id: string): Mount | undefined {
  const line = mountinfo.split('\n').find((one) => one.startsWith(`${id} `));
  const [own, behind] = line?.split(' - ') ?? [];
  const [fileSystem, source, options] = behind?.split(' ') ?? [];
  if (own === undefined || fileSystem === undefined || source === undefined) return undefined;
  const ofMount = own.split(' ')[5] ?? '';
  const all = `${ofMount},${options ?? ''}`.split(',').filter((option) => option !== '');
  return { fileSystem, source: unescaped(source), options: all.map(unescaped) };
}

/** major:minor, as the C library packs them into one number. */
function deviceName(device: bigint): string {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xffff_f000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffff_ff00n);
  return `${major}:${minor}`;
}

/** Finds the place and opens nothing: no right to read is needed, and no device hears of it. */
const O_PATH = 0o10000000;

function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

export const KERNEL: Kernel = {
  read: (path) => attempt(() => readFileSync(path, 'utf8').trim()),
  names: (directory) => attempt(() => readdirSync(directory)) ?? [],
  resolve: (path) => attempt(() => realpathSync(path)),
  placeOf: (path) =>
    attempt(() => {
      const descriptor = openSync(path, O_PATH);
      try {
        const about = fstatSync(descriptor, { bigint: true });
        const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1];
        const mountinfo = readFileSync('/proc/self/mountinfo', 'utf8');
        const kind = about.isBlockDevice() ? 'block' : about.isCharacterDevice() ? 'character' : 'file';
        return {
          kind,
          device: deviceName(kind === 'file' ? about.dev : about.rdev),
          mount: id === undefined ? undefined : mountIn(mountinfo, id),
        };
      } finally {
        closeSync(descriptor);
      }
    }),
};
