/** A thread that runs histories, one for every message. */
import { parentPort } from 'node:worker_threads';
import type { HistoryOptions } from './history.js';
import { runHistory, type TortureBackend } from './torture.js';

parentPort?.on('message', ({ backend, ...options }: HistoryOptions & { backend: TortureBackend }) => {
  void runHistory(backend, options).then((result) => parentPort?.postMessage(result));
});
