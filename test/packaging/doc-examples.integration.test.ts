/**
 * The examples of the docstrings, compiled and run as they stand there. One that imports nothing is a piece
 * of a program: it finds a replica of a counter, and the cluster's key. What a line prints stands behind it,
 * or in the line below, as a comment.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PROJECT_ROOT, sourceFiles } from './sources.js';
import { TrialFolder } from './trial-folder.js';

const EXAMPLE = /^ *\* @example[^\n]*\n *\* ```ts\n([\s\S]*?)\n *\* ```$/gm;
const PRINTED = /^.*\bconsole\.log\(.*\);(?:\n)?\s*\/\/ (.*)$/gm;

const PRELUDE = `
import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { Client, clientKeyOf, ErrorCode, formatStore, IndelibleError, memoryStorage, newClusterKey, Replica }
  from 'indelible';
import { Counter } from './counter.js';
const hex = () => randomBytes(16).toString('hex');
const identity = { clusterId: hex(), replicaId: 1, storeUuid: hex() };
const [key, storage, directory] = [newClusterKey(), memoryStorage(), mkdtempSync('./replica-')];
const configuration = { number: 1, members: [{ id: 1, storeUuid: identity.storeUuid }] };
const shape = { identity, logBytes: 1 << 20, recordBytesMax: 1 << 16 };
await formatStore(directory, storage, shape, configuration);
const stateMachine = new Counter();
const place = { directory, storage, listen: '127.0.0.1:0', peers: new Map() };
const replica = await Replica.open({ ...place, stateMachine, key });
await replica.waitForLeader();
`;
const ENDING = '\nawait replica.close();\n';

interface Example {
  readonly where: string;
  readonly text: string;
}

const examples: readonly Example[] = sourceFiles()
  .filter((file) => file.path.startsWith('lib/'))
  .flatMap(({ path: where, text }) =>
    [...text.matchAll(EXAMPLE)].map((match, index): Example => {
      return { where: `${where}, example ${index + 1}`, text: match[1]!.replace(/^ *\* ?/gm, '') };
    }),
  );

let folder: TrialFolder;
beforeAll(() => {
  folder = new TrialFolder();
  const counter = fs.readFileSync(path.join(PROJECT_ROOT, 'examples/counter.ts'), 'utf8');
  folder.write('counter.ts', counter.replace('../lib/index.js', 'indelible'));
});
afterAll(() => folder.dispose());

it('the main entry points have one', () => {
  const files = new Set(examples.map(({ where }) => where.replace(/,.*/, '')));
  for (const file of ['replica/replica', 'client/client', 'replica/log-kinds', 'replica/memory-storage']) {
    expect(files).toContain(`lib/${file}.ts`);
  }
  expect(examples.filter(({ where }) => where.startsWith('lib/replica/replica.ts')).length).toBe(7);
});

it.each(examples)('$where: compiles, runs, and prints what it says', ({ where, text }) => {
  const name = where.replace(/\W+/g, '-');
  const isWhole = /^import /m.test(text);
  folder.write(`${name}.ts`, isWhole ? text : `${PRELUDE}${text}${ENDING}`);
  expect(folder.compile(`${name}.ts`)).toBe('');
  const printed = [...text.matchAll(PRINTED)].map((match) => `${match[1]}\n`).join('');
  expect(printed).not.toBe('');
  expect(folder.run(`node ${name}.js`)).toBe(printed);
});
