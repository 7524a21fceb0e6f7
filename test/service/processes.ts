/** Processes as the system shows them, whatever they say of themselves. */
import fs from 'node:fs';

function read(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** What the system's line about a process says behind its command: its state, …; undefined if it is gone. */
function stateOf(pid: number): readonly string[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** True until the last thread of the process has ended, waited for or not. */
export function runs(pid: number): boolean {
  const fields = stateOf(pid);
  if (fields === undefined) return false;
  // Z is a zombie; 17 fields on there is the number of threads.
  return fields[0] !== 'Z' || Number(fields[17]) > 1;
}

/** True once SIGSTOP, some time after it was sent, has taken effect: from then on it starts no other. */
export function isStopped(pid: number): boolean {
  return !runs(pid) || stateOf(pid)?.[0] === 'T';
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

export function argumentsOf(pid: number): readonly string[] {
  return (read(`/proc/${pid}/cmdline`) ?? '').split('\0');
}

/** Programs of Node.js that were started with `path` in one of their arguments. */
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
