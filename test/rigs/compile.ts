/** Programs of the rigs as plain JavaScript over `dist/`: they start faster, and where there is no tsx. */
import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { PROJECT_ROOT } from '../packaging/sources.js';

const HERE: string = path.join(PROJECT_ROOT, 'test', 'rigs');

/**
 * Compiles TypeScript files of this folder into a directory, each at its own place with `.js`.
 * @param sources relative to this folder
 * @param library where the programs find the built library; `dist/` of this checkout unless told otherwise
 */
export function compilePrograms(
  sources: readonly string[],
  directory: string,
  library: string = path.join(PROJECT_ROOT, 'dist'),
): void {
  fs.mkdirSync(directory, { recursive: true });
  fs.writeFileSync(path.join(directory, 'package.json'), '{"type":"module"}');
  for (const source of sources) {
    const text = fs.readFileSync(path.join(HERE, source), 'utf8');
    const { outputText } = ts.transpileModule(text, {
      compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
      fileName: source,
    });
    const output = path.join(directory, source.replace(/\.ts$/, '.js'));
    fs.mkdirSync(path.dirname(output), { recursive: true });
    fs.writeFileSync(output, outputText.replaceAll(/(['"])(?:\.\.\/)+lib\//g, `$1${library}/`));
  }
}
