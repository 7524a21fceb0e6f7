/**
 * Debian's kernel for the guest: downloaded and unpacked, not installed, so that this machine keeps its own.
 * Kept in node_modules/.cache for the next time.
 */
import fs from 'node:fs';
import path from 'node:path';
import { PROJECT_ROOT } from '../../packaging/sources.js';
import { capture, type Kernel } from './guest-image.js';

const META_PACKAGE = 'linux-image-amd64';
const CACHE: string = path.join(PROJECT_ROOT, 'node_modules', '.cache', 'indelible');

/** The package that the meta package stands for now. @throws without package lists */
function packageName(): string {
  const line = /Depends: (linux-image-\S+)/.exec(capture('apt-cache', ['depends', META_PACKAGE]));
  if (line === null) throw new Error(`apt knows no ${META_PACKAGE}: run apt-get update`);
  return line[1]!;
}

/**
 * Finds it, or downloads it; once more behind `apt-get update` where the package lists are missing or older
 * than what the archive has.
 * @param scratch where it is unpacked before it is moved to its place
 * @throws when it cannot be had
 */
export function debianKernel(scratch: string): Kernel {
  try {
    return fetchKernel(scratch);
  } catch {
    capture('apt-get', ['update']);
    return fetchKernel(scratch);
  }
}

function fetchKernel(scratch: string): Kernel {
  const name = packageName();
  const version = name.replace('linux-image-', '');
  const root = path.join(CACHE, `guest-${name}`);
  if (fs.existsSync(root)) return { root, version };
  const directory = path.join(scratch, 'kernel');
  fs.rmSync(directory, { recursive: true, force: true });
  fs.mkdirSync(directory, { recursive: true });
  capture('apt-get', ['download', name], directory);
  const archive = fs.readdirSync(directory).find((file) => file.endsWith('.deb'));
  if (archive === undefined) throw new Error(`apt-get downloaded no ${name}`);
  const unpacked = path.join(directory, 'root');
  capture('dpkg', ['-x', archive, unpacked], directory);
  capture('depmod', ['-b', unpacked, version]);
  fs.mkdirSync(CACHE, { recursive: true });
  fs.cpSync(unpacked, `${root}.${process.pid}`, { recursive: true });
  try {
    fs.renameSync(`${root}.${process.pid}`, root);
  } catch {
    // Another run was quicker: what it left is as good.
    fs.rmSync(`${root}.${process.pid}`, { recursive: true });
  }
  fs.rmSync(directory, { recursive: true });
  return { root, version };
}
