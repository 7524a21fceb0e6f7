/** The example of the README, as it stands there: what is published is what is run. */
import fs from 'node:fs';
import path from 'node:path';
import { PROJECT_ROOT } from './sources.js';

export function libraryExample(): string {
  const text = fs.readFileSync(path.join(PROJECT_ROOT, 'README.md'), 'utf8');
  const example = /^```js\n(import [\s\S]*?)^```$/m.exec(text)?.[1];
  if (example === undefined) throw new Error('README.md has no example that begins with an import');
  return example;
}
