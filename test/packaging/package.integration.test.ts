/**
 * What `npm publish` would ship: what is in it, that tools can resolve it, that it loads without the addon.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { checkPackage, Package } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { describe, expect, it } from 'vitest';
import { npmPackList } from './packed.js';
import { PROJECT_ROOT } from './sources.js';
import { surfaceOf } from './surface.js';

const { version: VERSION } = JSON.parse(fs.readFileSync(path.join(PROJECT_ROOT, 'package.json'), 'utf8')) as {
  version: string;
};

function runNode(script: string, env: NodeJS.ProcessEnv = {}): string {
  const args = ['--input-type=module', '--eval', script];
  return execFileSync(process.execPath, args, {
    cwd: PROJECT_ROOT,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}

describe('the package', () => {
  const files = npmPackList();

  it('holds what a user needs', () => {
    for (const needed of ['package.json', 'LICENSE', 'README.md', 'CHANGELOG.md', 'docs/redis.md']) {
      expect(files).toContain(needed);
    }
    expect(files).toContain('dist/index.js');
    expect(files).toContain('dist/index.d.ts');
    expect(files).toContain('dist/cli/main.js');
    expect(files).toContain('page/index.html');
    expect(files).toContain('commonjs/index.cjs');
    expect(files).toContain('commonjs/index.d.cts');
  });

  it('holds nothing else', () => {
    const strangers = files.filter((file) =>
      /(^|\/)(test|data|node_modules|build|bench|\.ci)\/|\.(log|tsbuildinfo|map|cc|gyp)$/.test(file),
    );
    expect(strangers).toEqual([]);
  });

  it('runs no script when it is installed', () => {
    const { scripts, gypfile } = JSON.parse(
      fs.readFileSync(path.join(PROJECT_ROOT, 'package.json'), 'utf8'),
    ) as { scripts: Record<string, string>; gypfile: boolean };
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
    expect(gypfile).toBe(false);
  });

  it('is resolved alike by all tools', async () => {
    const { messages, pkg } = await publint({ pkgDir: PROJECT_ROOT, pack: false, level: 'warning' });
    expect(messages.map((message) => formatMessage(message, pkg ?? {}))).toEqual([]);
  });

  it('has types for import and for require, whichever way TypeScript resolves them', async () => {
    const packed = Object.fromEntries(
      files.map((file) => [
        `/node_modules/indelible/${file}`,
        new Uint8Array(fs.readFileSync(path.join(PROJECT_ROOT, file))),
      ]),
    );
    const analysis = await checkPackage(new Package(packed, 'indelible', VERSION));
    if (analysis.types === false) throw new Error('the package has no types');
    // TypeScript's resolution of 2012 knows no "exports", and so finds no entry but the main one.
    const problems = analysis.problems.filter(
      (problem) => !('resolutionKind' in problem && problem.resolutionKind === 'node10'),
    );
    expect(problems).toEqual([]);
  });

  it('gives require the very same values as import', () => {
    const script = `
      import { createRequire } from 'node:module';
      const require = createRequire(import.meta.url);
      for (const name of ['indelible', 'indelible/simulation']) {
        const [required, imported] = [require(name), await import(name)];
        const same = (key) => required[key] === imported[key];
        console.log(Object.keys(imported).every(same), Object.keys(imported).length > 0);
      }`;
    expect(runNode(script)).toBe('true true\ntrue true\n');
  });

  it('declares for require what it declares for import', () => {
    const file = fs.readFileSync(path.join(PROJECT_ROOT, 'commonjs/index.d.cts'), 'utf8');
    const declared = (pattern: RegExp): string[] =>
      [...file.matchAll(pattern)].map(([, name]) => name!).sort();
    const index = fs.readFileSync(path.join(PROJECT_ROOT, 'lib/index.ts'), 'utf8');
    const { values, types } = surfaceOf(index);
    expect(declared(/^export declare const (\w+):/gm)).toEqual(values);
    expect(declared(/^export type (\w+) =/gm)).toEqual(expect.arrayContaining([...types]));
  });

  it('is imported where there is no addon', () => {
    const missing = path.join(PROJECT_ROOT, 'build', 'no-such-addon.node');
    const script = "const { Replica } = await import('indelible'); console.log(typeof Replica.open);";
    expect(runNode(script, { INDELIBLE_ADDON: missing }).trim()).toBe('function');
  });

  it('says what is missing when a region is opened without the addon', () => {
    const missing = path.join(PROJECT_ROOT, 'build', 'no-such-addon.node');
    const cli = path.join(PROJECT_ROOT, 'dist', 'cli', 'main.js');
    const script = `
      import { spawnSync } from 'node:child_process';
      const { status, stderr } = spawnSync(process.execPath, [${JSON.stringify(cli)}, 'inspect', 'package.json']);
      console.log(status, String(stderr));`;
    const said = runNode(script, { INDELIBLE_ADDON: missing });
    expect(said).toMatch(/^1 error ERR_INDELIBLE_NATIVE_MISSING: /);
    expect(said).toMatch(/npm run setup/);
  });
});
