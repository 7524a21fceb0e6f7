/**
 * One replica's process: `serve`, started with an IPC channel, its output appended to a file.
 *
 * The channel is its lifeline: when this process ends, however, the channel ends, and the replica closes.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import type { IndelibleError } from '../errors.js';
import { openLogFile, rotate } from './log-file.js';
import type { FromReplica } from './process-messages.js';
import type { ReplicaProcess } from './supervisor.js';

/** Milliseconds between two looks at the length of the log file. */
const ROTATION_MS = 10_000;

/** As long as nobody listens. */
const UNHEARD: Pick<ReplicaProcess, 'onMessage' | 'onExit'> = { onMessage: () => {}, onExit: () => {} };

/**
 * @param args what follows `node`, program first
 * @param logFile where the process's output is appended to; where that cannot be opened, the process fails
 */
export function startChild(args: readonly string[], logFile: string): ReplicaProcess {
  let log: number;
  try {
    log = openLogFile(logFile);
  } catch (error) {
    return notStarted(error as IndelibleError);
  }
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    stdio: ['ignore', log, log, 'ipc'],
  });
  fs.closeSync(log);
  const handle: ReplicaProcess = {
    pid: child.pid,
    send: (message) => {
      if (child.connected) child.send(message, () => {});
    },
    kill: () => child.kill('SIGKILL'),
    ...UNHEARD,
  };
  const rotation = setInterval(() => rotate(logFile), ROTATION_MS);
  rotation.unref();
  let ended = false;
  const end = (how: string): void => {
    clearInterval(rotation);
    if (!ended) handle.onExit(how);
    ended = true;
  };
  child.on('message', (message) => handle.onMessage(message as FromReplica));
  child.on('error', (error) => end(`could not be started: ${error.message}`));
  child.on('exit', (code, signal) => end(signal === null ? `exit code ${code}` : `signal ${signal}`));
  return handle;
}

/** A process that failed before it ran; it says so as soon as somebody listens. */
function notStarted({ code, message }: IndelibleError): ReplicaProcess {
  const handle: ReplicaProcess = { pid: undefined, send: () => {}, kill: () => {}, ...UNHEARD };
  setImmediate(() => {
    handle.onMessage({ kind: 'failed', code, message });
    handle.onExit('could not be started');
  });
  return handle;
}
