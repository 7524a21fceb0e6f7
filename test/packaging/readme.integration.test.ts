/** The README keeps what it promises: its program runs, its commands exist, its links lead somewhere. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { npmPackList } from './packed.js';
import { libraryExample } from './readme.js';
import { PROJECT_ROOT } from './sources.js';
import { TrialFolder } from './trial-folder.js';

const read = (name: string): string => fs.readFileSync(path.join(PROJECT_ROOT, name), 'utf8');
const readme = read('README.md');
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

/** Targets of links and pictures, without what is behind a #. */
function linksOf(text: string): readonly string[] {
  return [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target]) => target!);
}

describe('the README', () => {
  let folder: TrialFolder;
  beforeAll(() => {
    folder = new TrialFolder();
  });
  afterAll(() => folder.dispose());

  it('has a program that prints 5', () => {
    folder.write('example.mjs', libraryExample());
    expect(folder.run('node example.mjs')).toBe('5\n');
  });

  it('names scripts that there are', () => {
    const named = [...readme.matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name]) => name!);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  it('names commands of indelible, with options, that there are', () => {
    const named = [...readme.matchAll(/npx indelible ([a-z]+)((?: --[a-z-]+)*)/g)];
    expect(named.length).toBeGreaterThan(4);
    for (const [, command, options] of named) {
      const help = folder.run(`node_modules/.bin/indelible ${command} --help`);
      expect(help, command).not.toMatch(/exit status/);
      for (const option of options!.split(' ').filter((word) => word !== '')) {
        expect(help, command).toContain(option);
      }
    }
    const help =
      folder.run('node_modules/.bin/indelible cluster --help') +
      folder.run('node_modules/.bin/indelible serve --help');
    for (const option of ['--backend', '--watch']) expect(help).toContain(option);
  });

  it('links to files of the package, or to pages with an address', () => {
    const packed = new Set(npmPackList());
    const lost = linksOf(readme).filter((target) => !/^https:/.test(target) && !packed.has(target));
    expect(lost).toEqual([]);
    const own = linksOf(readme).flatMap(
      (target) => /indelible\/(?:blob|tree)\/main\/(.+)$/.exec(target)?.[1] ?? [],
    );
    expect(own.filter((file) => !fs.existsSync(path.join(PROJECT_ROOT, file)))).toEqual([]);
  });
});

describe('the documents', () => {
  const documents = ['.', 'docs', 'docs/decisions'].flatMap((folder) =>
    fs
      .readdirSync(path.join(PROJECT_ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => path.join(folder, name)),
  );

  it.each(documents)('%s links to files that there are', (document) => {
    const folder = path.dirname(path.join(PROJECT_ROOT, document));
    const lost = linksOf(read(document)).filter((target) => {
      return !/^(https?|mailto):/.test(target) && !fs.existsSync(path.join(folder, target));
    });
    expect(lost).toEqual([]);
  });
});
