/**
 * The fail-over level: how long a client at a surviving port gets no answer when the leader is killed,
 * paused, cut off, made mute or deaf, or closed; and how often a leader changes under full load without any
 * fault.
 *
 * It needs root, and leave to make network and mount namespaces: links are cut as cables are, silently. On a
 * machine without, the level says so and measures nothing.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { missing, program, type Requirement, SANDBOX } from '../../test/rigs/requirements.js';
import type { BenchOptions } from '../options.js';
import type { Progress } from '../progress.js';
import { removeScratch, scratchDirectory } from '../scratch.js';
import { FAULTS, type FailoverArgument, type FailoverFigures, type FailoverNews, LOADS } from './messages.js';

const PROGRAM = fileURLToPath(new URL('failover-program.ts', import.meta.url));
const NEEDED: readonly Requirement[] = [
  SANDBOX,
  program('ip', 'makes a network for each replica, and the links between them'),
  program('tc', 'cuts links'),
  program('setpriv', 'ends everything with the benchmark'),
];
const NAMESPACES = [
  'unshare',
  '--mount',
  '--net',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
  'setsid',
];

/** Two runs of full load without a fault, and each fault as often as asked for, idle and under load. */
export function failoverSteps({ faults }: BenchOptions): number {
  return 2 + FAULTS.length * LOADS.length * faults;
}

/** @returns why nothing was measured, where the machine lacks something */
export async function measureFailoverLevel(
  options: BenchOptions,
  progress: Progress,
): Promise<FailoverFigures | string> {
  const lacking = missing(NEEDED);
  if (lacking.length > 0) return `not measured: this machine lacks ${lacking.join('; ')}`;
  const directory = scratchDirectory(options.regionDirectory);
  const { regionBytes, faults, restMs, calmSeconds, busyLoops } = options;
  const argument: FailoverArgument = { directory, regionBytes, faults, restMs, calmSeconds, busyLoops };
  const node = [process.execPath, '--import', 'tsx', PROGRAM, JSON.stringify(argument)];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...NAMESPACES, ...node], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  });
  let figures: FailoverFigures | undefined;
  child.on('message', (news: FailoverNews) => {
    if (news.kind === 'step') progress.step(news.title);
    if (news.kind === 'figures') figures = news.figures;
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  removeScratch(directory);
  if (code !== 0 || figures === undefined)
    throw new Error(`the program of the fail-overs ended with ${code}`);
  return figures;
}
