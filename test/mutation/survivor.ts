/** A mutant that no test has noticed, named so that it is known again when lines above it come and go. */
import fs from 'node:fs';
import path from 'node:path';
import type { MutantResult } from '@stryker-mutator/api/core';
import { PROJECT_ROOT } from '../packaging/sources.js';

export interface Name {
  /** Relative to the project's root. */
  readonly file: string;
  /** The line it begins in, without the space around it. */
  readonly line: string;
  readonly mutator: string;
  readonly original: string;
  readonly replacement: string;
}

export interface Survivor {
  readonly name: Name;
  readonly lineNumber: number;
}

const ORIGINAL_CHARACTERS_MAX = 60;
const sources = new Map<string, readonly string[]>();

/** The lines of a file as it was when first asked for: before its mutants are tried, as it may change. */
export function linesOf(file: string): readonly string[] {
  let lines = sources.get(file);
  if (lines === undefined) {
    lines = fs.readFileSync(path.join(PROJECT_ROOT, file), 'utf8').split('\n');
    sources.set(file, lines);
  }
  return lines;
}

function shortened(text: string): string {
  const plain = text.replaceAll(/\s+/g, ' ').trim();
  return plain.length <= ORIGINAL_CHARACTERS_MAX ? plain : `${plain.slice(0, ORIGINAL_CHARACTERS_MAX)} …`;
}

export function survivorOf({ fileName, location, mutatorName, replacement }: MutantResult): Survivor {
  const file = path.relative(PROJECT_ROOT, path.resolve(fileName));
  const { start, end } = location;
  const text = linesOf(file).slice(start.line - 1, end.line);
  text[text.length - 1] = text.at(-1)!.slice(0, end.column - 1);
  text[0] = text[0]!.slice(start.column - 1);
  const name = {
    file,
    line: linesOf(file)[start.line - 1]!.trim(),
    mutator: mutatorName,
    original: shortened(text.join('\n')),
    replacement: shortened(replacement ?? ''),
  };
  return { name, lineNumber: start.line };
}

export function keyOf({ file, line, mutator, original, replacement }: Name): string {
  return [file, line, mutator, original, replacement].join('\n');
}
