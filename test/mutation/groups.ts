/** What is mutated, and the tests that have to notice: a folder's own, not those of what stands on it. */
import fs from 'node:fs';
import path from 'node:path';
import { PROJECT_ROOT } from '../packaging/sources.js';

export interface Group {
  readonly name: string;
  /** Relative to the project's root, as the tests. */
  readonly sources: readonly string[];
  readonly tests: readonly string[];
  /** How the names of tests end that are left out. */
  readonly leftOut?: readonly string[];
}

/** A leader without room proposes for two minutes of its time: too long for each of a thousand mutants. */
const SLOW = ['test/paxos/held.test.ts'];

/**
 * Campaigns over every power cut, every bit and every death: minutes with the counters of mutants in the
 * code. What they reach the other tests of the same files reach, too.
 */
const STORAGE_CAMPAIGNS = [
  'are old or new, and whole, at every point of a write at which the power is cut',
  'goes on after any power cut where what arrived is as it was sent, and is then whole',
  'fall back to the older one when the newer has rotted, wherever it rotted',
  'leaves a power cut during format nothing that stops the next one',
  'leaves bytes that are seen and not durable: what recovery reports survives a power cut',
];

const REPLICA = ['executor', 'growth', 'outbox', 'pledges', 'queries', 'submissions'];
const REPLICA_TESTS = [
  ...REPLICA,
  ...['executor-rules', 'queries-rules', 'submissions-model', 'submissions-sessions'],
  ...['sessions/sessions', 'skip-record', 'skipping'],
  ...['backlog', 'turns', 'unplaced', 'withdrawal'],
];

function filesIn(folder: string, ending: string): string[] {
  const names = fs.readdirSync(path.join(PROJECT_ROOT, folder)).filter((name) => name.endsWith(ending));
  return names.map((name) => `${folder}/${name}`).sort();
}

function testsIn(folder: string): string[] {
  const files = filesIn(folder, '.test.ts');
  return files.filter((file) => !file.endsWith('.integration.test.ts') && !SLOW.includes(file));
}

export const groups: readonly Group[] = [
  {
    name: 'paxos',
    sources: filesIn('lib/paxos', '.ts'),
    tests: [
      ...testsIn('test/paxos'),
      ...testsIn('test/paper'),
      'test/simulation/schedules.test.ts',
      'test/mutation/histories.ts',
    ],
  },
  {
    name: 'replica',
    sources: REPLICA.map((name) => `lib/replica/${name}.ts`),
    tests: REPLICA_TESTS.map((name) => `test/replica/${name}.test.ts`),
  },
  {
    name: 'storage',
    sources: filesIn('lib/storage', '.ts'),
    tests: [...testsIn('test/storage'), ...testsIn('test/storage/file')],
    leftOut: STORAGE_CAMPAIGNS,
  },
  { name: 'wire', sources: filesIn('lib/wire', '.ts'), tests: testsIn('test/wire') },
];
