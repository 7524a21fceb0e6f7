/** Processor time of other processes, as Linux accounts for it. */
import { readFileSync } from 'node:fs';

/** Linux counts in ticks of a hundredth of a second, whatever its own clock is. */
const SECONDS_PER_TICK = 0.01;
const UTIME = 11;
const STIME = 12;

/** Seconds that the process has used since it began, in user mode and in the kernel. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field, the name, may hold spaces; everything is counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[UTIME]) + Number(fields[STIME])) * SECONDS_PER_TICK;
}
