/**
 * What `npm publish` would ship: what is in it, that tools can resolve it, that it loads without the addon.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from './sources.js';

function npmPackList(): readonly string[] {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const json = execFileSync('npm', args, { cwd: PROJECT_ROOT, encoding: 'utf8', stdio: 'pipe' });
  const parsed = JSON.parse(json) as unknown;
  const [pack] = Object.values(parsed as Record<string, { files: { path: string }[] }>);
  return (pack?.files ?? []).map(({ path: file }) => file);
}

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

  it('holds what a user needs, and how to build it', () => {
    for (const needed of ['package.json', 'LICENSE', 'README.md', 'binding.gyp', 'setup.mjs']) {
      expect(files).toContain(needed);
    }
    expect(files).toContain('dist/index.js');
    expect(files).toContain('dist/index.d.ts');
    expect(files).toContain('dist/cli/main.js');
    expect(files.some((file) => file.startsWith('native/') && file.endsWith('.cc'))).toBe(true);
  });

  it('holds nothing else', () => {
    const strangers = files.filter((file) =>
      /(^|\/)(test|data|node_modules|build|\.ci)\/|\.(log|tsbuildinfo)$/.test(file),
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
