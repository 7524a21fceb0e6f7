/**
 * The guide docs/embedding.md, followed word by word in an empty folder: its files are those of
 * examples/job-queue, its commands run in their order and print what stands there.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PROJECT_ROOT } from './sources.js';
import { TrialFolder } from './trial-folder.js';

const EXAMPLE = path.join(PROJECT_ROOT, 'examples/job-queue');
const BLOCK = /^```(\w+)(?: file=(\S+))?\n([\s\S]*?)^```$/gm;

interface Command {
  readonly command: string;
  readonly prints: string;
}

interface Block {
  readonly language: string;
  readonly file: string | undefined;
  readonly text: string;
}

const guide = fs.readFileSync(path.join(PROJECT_ROOT, 'docs/embedding.md'), 'utf8');
const blocks = [...guide.matchAll(BLOCK)].map(([, language, file, text]): Block => {
  return { language: language!, file, text: text! };
});

function commandsOf(text: string): readonly Command[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command, ...prints] = part.split('\n');
      return { command: command!, prints: prints.join('\n') };
    });
}

let folder: TrialFolder;
beforeAll(() => {
  folder = new TrialFolder();
});

afterAll(() => {
  for (const name of fs.readdirSync(folder.path).filter((file) => file.endsWith('.pid'))) {
    folder.run(`kill -9 $(cat ${name})`);
  }
  folder.dispose();
});

it('has nothing but files and commands, and every file of the example', () => {
  const odd = blocks.filter(({ language, file }) => language !== 'console' && file === undefined);
  expect(odd).toEqual([]);
  const files = blocks.flatMap(({ file }) => file ?? []);
  expect(files.sort()).toEqual(
    fs
      .readdirSync(EXAMPLE)
      .filter((name) => name.endsWith('.mjs'))
      .sort(),
  );
});

it('works, step by step', { timeout: 240_000 }, () => {
  for (const { file, text } of blocks) {
    if (file !== undefined) {
      expect(text, file).toBe(fs.readFileSync(path.join(EXAMPLE, file), 'utf8'));
      folder.write(file, text);
      continue;
    }
    for (const { command, prints } of commandsOf(text)) {
      // The folder has it: this checkout, as the registry would have it.
      if (command === 'npm install indelible') continue;
      const said = folder.run(command);
      expect(said, command).not.toMatch(/exit status/);
      if (prints !== '') expect(said, command).toBe(prints);
    }
  }
});
