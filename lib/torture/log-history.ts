/** Which workload a seed is: sixteen seeds in a row meet every one of them. Needs the addon. */
import type { HistoryOptions, HistoryResult } from './history.js';
import { crowdedWorkload } from './log-crowded-workload.js';
import { formatWorkload } from './log-format-workload.js';
import { randomWorkload } from './log-random-workload.js';
import { reserveWorkload } from './log-reserve-workload.js';
import { groupsWorkload, lengthsWorkload, wrapWorkload } from './log-sweep-workloads.js';
import { volatileWorkload } from './log-volatile-workload.js';

const CYCLE = 8;
/** Seeds of its kind that share a sweep. */
const LENGTH_PARTS = 9;
const GROUP_PARTS = 5;
const WRAP_PARTS = 8;
const RANDOM_OPERATIONS = 40;

export function runLogHistory(options: HistoryOptions): HistoryResult {
  const turn = Math.floor(options.seed / CYCLE);
  switch (options.seed % CYCLE) {
    case 1:
      return turn % 2 === 0 ? crowdedWorkload(options) : reserveWorkload(options);
    case 2:
      return wrapWorkload(options, turn % WRAP_PARTS, WRAP_PARTS);
    case 3:
      return formatWorkload(options);
    case 4:
      return lengthsWorkload(options, turn % LENGTH_PARTS, LENGTH_PARTS);
    case 5:
      return groupsWorkload(options, turn % GROUP_PARTS, GROUP_PARTS);
    case 6:
      return turn % 2 === 0 ? volatileWorkload(options) : randomWorkload(options, RANDOM_OPERATIONS);
    default:
      return randomWorkload(options, RANDOM_OPERATIONS);
  }
}
