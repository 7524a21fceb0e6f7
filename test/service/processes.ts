/** Processes as the system shows them, whatever they say of themselves. */
import fs from 'node:fs';

function read(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** True until the last thread of the process has ended, waited for or not. */
export function runs(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return false;
  // Behind the command: the state, Z for a zombie; and, 17 fields on, the number of threads.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] !== 'Z' || Number(fields[17]) > 1;
}

/** Sends a signal; one that has ended by itself meanwhile is none the worse for it. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export function childrenOf(pid: number): readonly number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`) ?? '';
  return children
    .split(' ')
    .filter((text) => text !== '')
    .map(Number);
}

/** The program and its arguments, with an empty one behind the last. */
export function argumentsOf(pid: number): readonly string[] {
  return (read(`/proc/${pid}/cmdline`) ?? '').split('\0');
}

/**
 * Programs of Node.js that were started with `path` in one of their arguments: all of them, where the list of
 * a parent's children may leave some out while others end.
 */
export function programsOn(path: string): readonly number[] {
  const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    const [program, ...args] = argumentsOf(pid);
    return pid !== process.pid && program!.endsWith('node') && args.some((arg) => arg.includes(path));
  });
}

/** Anonymous memory of the process in bytes: what it took for itself, the mapped log left out. */
export function ownMemoryBytes(pid: number): number {
  const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return Number(kibibytes ?? 0) * 1024;
}
