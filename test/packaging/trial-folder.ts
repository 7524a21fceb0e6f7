/** A folder of its own, as a program of a user has it: Indelible is installed there, nothing else is. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import ts from 'typescript';
import { PROJECT_ROOT } from './sources.js';

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  lib: ['lib.es2023.d.ts'],
  types: ['node'],
  typeRoots: [path.join(PROJECT_ROOT, 'node_modules/@types')],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
};

export class TrialFolder {
  readonly path: string = fs.mkdtempSync(path.join(os.tmpdir(), 'indelible-trial-'));

  constructor() {
    this.write('package.json', '{ "name": "trial", "private": true, "type": "module" }\n');
    fs.mkdirSync(path.join(this.path, 'node_modules/.bin'), { recursive: true });
    fs.symlinkSync(PROJECT_ROOT, path.join(this.path, 'node_modules/indelible'));
    // As npm makes it: its link is to a program that may be executed.
    const program = `#!/bin/sh\nexec node ${path.join(PROJECT_ROOT, 'dist/cli/main.js')} "$@"\n`;
    fs.writeFileSync(path.join(this.path, 'node_modules/.bin/indelible'), program, { mode: 0o755 });
  }

  write(name: string, text: string): void {
    fs.writeFileSync(path.join(this.path, name), text);
  }

  /** Compiles a TypeScript file of the folder, strictly, next to itself. @returns what the compiler says */
  compile(name: string): string {
    const program = ts.createProgram([path.join(this.path, name)], OPTIONS);
    const { diagnostics } = program.emit();
    const all = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
    return all.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')).join('\n');
  }

  /** Runs a command of a shell. @returns all that it says, and its exit status if that is not 0 */
  run(command: string): string {
    const { stdout, stderr, status } = spawnSync('sh', ['-c', command], { cwd: this.path, encoding: 'utf8' });
    return `${stdout}${stderr}${status === 0 ? '' : `exit status ${status}\n`}`;
  }

  dispose(): void {
    fs.rmSync(this.path, { recursive: true });
  }
}
