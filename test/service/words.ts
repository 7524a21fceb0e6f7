/** Debian's word list, as the real input of the campaigns. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';

export const WORD_LIST = '/usr/share/dict/words';

export function readWords(): readonly string[] {
  return fs.readFileSync(WORD_LIST, 'utf8').trimEnd().split('\n');
}

/** A request as redis-cli --pipe takes it. */
export function encodeRequest(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

export interface ToolResult {
  readonly code: number | null;
  readonly out: string;
}

/** Runs one of Redis's own programs to its end, with `input` on its standard input. */
export function runTool(program: string, args: readonly string[], input = ''): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => {
        out += String(text);
      });
    }
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out }));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
