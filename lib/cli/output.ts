/** Where a command's words go; tests put their own in place. */

export interface Output {
  /** A line of the result, or of progress. */
  line(text: string): void;
  /** A line about a failure. */
  problem(text: string): void;
  /** Whether somebody watches: colours, and lines that are rewritten. */
  readonly isTerminal: boolean;
}

export const STANDARD_OUTPUT: Output = {
  line: (text) => {
    process.stdout.write(`${text}\n`);
  },
  problem: (text) => {
    process.stderr.write(`${text}\n`);
  },
  isTerminal: process.stdout.isTTY === true,
};

/** Rows as columns: every column as wide as its widest cell, numbers to the right. */
export function tableLines(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const isNumeric = head.map((_, column) => rows.every((row) => /^[\d.,]*$/.test(row[column] ?? '')));
  const pad = (cell: string, column: number): string =>
    isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
  return all.map((row) => row.map(pad).join('  ').trimEnd());
}
