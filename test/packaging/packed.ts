/** What `npm publish` would ship. */
import { execFileSync } from 'node:child_process';
import { PROJECT_ROOT } from './sources.js';

/** Paths from the package's root. */
export function npmPackList(): readonly string[] {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const json = execFileSync('npm', args, { cwd: PROJECT_ROOT, encoding: 'utf8', stdio: 'pipe' });
  const parsed = JSON.parse(json) as unknown;
  const [pack] = Object.values(parsed as Record<string, { files: { path: string }[] }>);
  return (pack?.files ?? []).map(({ path: file }) => file);
}
