/** The figures of a run as Markdown, for reading where the repository is read. */
import type { Report } from './report.js';
import { type Table, tablesOf } from './tables.js';
import { number } from './text.js';

function tableMarkdown({ title, head, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [`## ${title}`, '', line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

export function markdownOf(report: Report): string {
  const { machine, goals, options, startedAt } = report;
  const facts = Object.entries(machine).map(([name, value]) => [name, String(value)]);
  const lines = goals.map(({ what, value, unit, comparison, bound, met }) => {
    return [what, `${comparison} ${number(bound)}`, `${number(value)} ${unit}`, met ? 'PASS' : 'MISS'];
  });
  const tables = [
    { title: 'Goals', head: ['goal', 'bound', 'reached', ''], rows: lines },
    { title: 'Machine', head: ['', ''], rows: facts },
    ...tablesOf(report),
  ];
  return `# Benchmark of ${startedAt}

Medians of ${options.rounds} interleaved rounds; in brackets the least and the most. docs/performance.md says
what is measured, and how. Written by \`npm run bench\`.

${tables.map(tableMarkdown).join('\n\n')}
`;
}
