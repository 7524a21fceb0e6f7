/** The project's own source files, read once, for the tests that hold them to the house's style. */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT_ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

const CODE_FOLDERS = ['lib', 'test', 'native', 'bench', 'examples'];
const CODE_FILE = /\.(ts|mjs|cjs|js|cc|h)$/;

export interface SourceFile {
  /** Relative to the project's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly sizeBytes: number;
}

function readSource(relative: string): SourceFile {
  const bytes = fs.readFileSync(path.join(PROJECT_ROOT, relative));
  return { path: relative, text: bytes.toString('utf8'), sizeBytes: bytes.length };
}

/** Code files of the folders above and of the root, by path. Built and installed files are not among them. */
export function sourceFiles(): readonly SourceFile[] {
  const paths = fs.readdirSync(PROJECT_ROOT).filter((name) => CODE_FILE.test(name));
  for (const folder of CODE_FOLDERS) {
    const absolute = path.join(PROJECT_ROOT, folder);
    if (!fs.existsSync(absolute)) continue;
    for (const entry of fs.readdirSync(absolute, { recursive: true, withFileTypes: true })) {
      const file = path.relative(PROJECT_ROOT, path.join(entry.parentPath, entry.name));
      if (entry.isFile() && CODE_FILE.test(entry.name) && !/(^|\/)(build[^/]*|out)\//.test(file))
        paths.push(file);
    }
  }
  return paths.sort().map(readSource);
}
