/** The page of a run: goals, machine, plots, tables. One file without scripts or anything from elsewhere. */
import { figuresOf } from './plots.js';
import type { Report } from './report.js';
import { type Table, tablesOf } from './tables.js';
import { goalLine } from './text.js';

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: 13px; margin: 1rem 0 2rem; }
th, td { border-bottom: 1px solid #ccc; padding: .2rem .6rem; text-align: right; }
th:first-child, td:first-child { text-align: left; }
pre { background: #f4f4f4; padding: 1rem; overflow-x: auto; }
figure { margin: 1rem 0 2rem; }`;

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function tableHtml({ title, head, rows }: Table): string {
  const row = (tag: string, cells: readonly string[]): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  const body = rows.map((cells) => row('td', cells)).join('\n');
  return `<h2>${escaped(title)}</h2>\n<table>\n${row('th', head)}\n${body}\n</table>`;
}

export function pageOf(report: Report): string {
  const { machine, goals, startedAt, options } = report;
  const facts = Object.entries(machine).map(([name, value]) => `${name}: ${value}`);
  const figures = figuresOf(report).map(
    ({ title, svg }) => `<figure><figcaption>${escaped(title)}</figcaption>\n${svg}\n</figure>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Indelible: benchmark of ${escaped(startedAt)}</title>
<style>${STYLE}</style>
<h1>Indelible: benchmark of ${escaped(startedAt)}</h1>
<p>Medians of ${options.rounds} interleaved rounds; in brackets and as lines the least and the most.
docs/performance.md says what is measured, and how.</p>
<pre>${escaped(goals.map(goalLine).join('\n'))}</pre>
<pre>${escaped(facts.join('\n'))}</pre>
${figures.join('\n')}
${tablesOf(report).map(tableHtml).join('\n')}
</html>
`;
}
