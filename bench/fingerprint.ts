/** The machine a result was measured on: without it a number means nothing. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';

export interface Fingerprint {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** Of the frequency governor; "unknown" where the system does not say, as most virtual machines do not. */
  readonly governor: string;
  readonly virtualised: boolean;
  readonly kernel: string;
  readonly node: string;
  readonly v8: string;
  readonly glibc: string;
  /** Where emulated regions lay, and where files did: "type on device". */
  readonly regionFilesystem: string;
  readonly diskFilesystem: string;
  readonly gitRevision: string;
  /** True when the working tree had changes that the revision does not have. */
  readonly gitDirty: boolean;
  /** Average of runnable processes over the last minute, before the first measurement. */
  readonly loadAverage: number;
}

const GOVERNOR = '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor';

export function fingerprint(root: string, regionDirectory: string, diskDirectory: string): Fingerprint {
  const cpuinfo = readFileSync('/proc/cpuinfo', 'utf8');
  const header = (process.report.getReport() as { header: Record<string, string> }).header;
  return {
    cpu: /^model name\s*: (.*)$/m.exec(cpuinfo)?.[1] ?? os.arch(),
    cores: os.cpus().length,
    memoryBytes: os.totalmem(),
    governor: existsSync(GOVERNOR) ? readFileSync(GOVERNOR, 'utf8').trim() : 'unknown',
    virtualised: /^flags\s*:.*\bhypervisor\b/m.test(cpuinfo),
    kernel: os.release(),
    node: process.version,
    v8: process.versions.v8,
    glibc: header['glibcVersionRuntime'] ?? 'none',
    regionFilesystem: filesystemOf(regionDirectory),
    diskFilesystem: filesystemOf(diskDirectory),
    gitRevision: git(root, 'rev-parse', 'HEAD') || 'unknown',
    gitDirty: git(root, 'status', '--porcelain', '--untracked-files=no') !== '',
    loadAverage: os.loadavg()[0] ?? 0,
  };
}

/** The mount that holds `directory`: the longest mount point that is a prefix of it. */
function filesystemOf(directory: string): string {
  let best = { point: '', text: 'unknown' };
  for (const line of readFileSync('/proc/mounts', 'utf8').split('\n')) {
    const [device = '', point = '', type = ''] = line.split(' ');
    const holds = point !== '' && `${directory}/`.startsWith(point === '/' ? '/' : `${point}/`);
    if (holds && point.length >= best.point.length) best = { point, text: `${type} on ${device}` };
  }
  return best.text;
}

function git(root: string, ...args: string[]): string {
  try {
    return execFileSync('git', args, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return '';
  }
}
