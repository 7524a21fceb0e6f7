/** An output that keeps what a command printed. */
import type { Output } from '../../lib/cli/output.js';

export interface RecordedOutput {
  readonly lines: string[];
  readonly problems: string[];
  readonly output: Output;
}

export function recordedOutput(): RecordedOutput {
  const lines: string[] = [];
  const problems: string[] = [];
  return {
    lines,
    problems,
    output: { line: (text) => lines.push(text), problem: (text) => problems.push(text), isTerminal: false },
  };
}
