/**
 * The page of a run. First the answer people come for, as one picture, with the machine in a line and the
 * goals as a table; then every figure and every number. One file without scripts or anything from elsewhere,
 * dark and light.
 */
import type { Goal } from '../goals.js';
import { comparisonOf, DARK_PALETTE, PALETTE } from './comparison.js';
import { figuresOf } from './plots.js';
import type { Report } from './report.js';
import { type Table, tablesOf } from './tables.js';
import { escaped, number } from './text.js';

const STYLE = `
:root { color-scheme: light dark; ${PALETTE} }
@media (prefers-color-scheme: dark) { :root { ${DARK_PALETTE} } }
* { box-sizing: border-box }
body { font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--ground); margin: 0 }
main { max-width: 68rem; margin: 0 auto; padding: 1.6rem 1.2rem 4rem }
h1 { font-size: 1.05rem; font-weight: 600; margin: 0; color: var(--quiet) }
h2 { font-size: 1.25rem; margin: 2.6rem 0 .6rem }
p { max-width: 78ch; margin: .5rem 0 }
.quiet, figcaption { color: var(--quiet) }
.machine { margin: .15rem 0 1rem; max-width: none; font-size: .9rem }
a { color: var(--memory) }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1.3rem; margin: 1rem 0 0 }
figure { margin: 0 0 1.6rem }
figcaption { font-weight: 600; margin-bottom: .4rem }
svg { display: block; max-width: 100%; height: auto }
.first svg { width: 100% }
.scroll { overflow-x: auto; margin-bottom: 1rem }
.scroll:focus-visible, a:focus-visible { outline: 3px solid var(--memory); outline-offset: 2px }
table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; width: 100% }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .7rem .3rem 0; text-align: right;
  vertical-align: top }
th { font-weight: 600; color: var(--quiet) }
th:first-child, td:first-child { text-align: left }
tbody tr:hover { background: var(--band) }
.met { color: var(--good); font-weight: 650; white-space: nowrap }
.missed { color: var(--bad); font-weight: 650; white-space: nowrap }
@media print { .scroll { overflow: visible } nav { display: none } }`;

function tableHtml({ title, head, rows }: Table): string {
  const cells = (row: readonly string[]): string => row.map((cell) => `<td>${cell}</td>`).join('');
  const names = head.map((name) => `<th scope="col">${escaped(name)}</th>`).join('');
  const body = rows.map((row) => `<tr>${cells(row)}</tr>`).join('\n');
  return `<div class="scroll" role="region" tabindex="0" aria-label="${escaped(title)}">
<table><thead><tr>${names}</tr></thead>
<tbody>
${body}
</tbody></table></div>`;
}

function escapedTable({ title, head, rows }: Table): Table {
  return { title, head, rows: rows.map((row) => row.map(escaped)) };
}

function goalsTable(goals: readonly Goal[]): string {
  const rows = goals.map(({ what, value, unit, comparison, bound, met }) => {
    const verdict = met ? '<span class="met">✓ met</span>' : '<span class="missed">✗ missed</span>';
    return [escaped(what), `${comparison} ${number(bound)}`, `${number(value)} ${escaped(unit)}`, verdict];
  });
  return tableHtml({ title: 'Goals', head: ['goal', 'bound', 'reached', ''], rows });
}

/** The machine in a line. */
function machineLine({ machine, startedAt, options }: Report): string {
  const { cpu, cores, memoryBytes, virtualised, kernel, node, regionFilesystem, diskFilesystem } = machine;
  const memory = `${Math.round(memoryBytes / 2 ** 30)} GiB`;
  return [
    `${cpu}, ${cores} cores, ${memory}${virtualised ? ', virtual machine' : ''}`,
    `Linux ${kernel}, Node.js ${node.slice(1)}`,
    `emulated memory on ${regionFilesystem.replace(/^(\w+) on \1$/, '$1')}, files on ${diskFilesystem}`,
    `${startedAt.slice(0, 10)}, ${options.rounds} rounds, revision ${machine.gitRevision.slice(0, 7)}`,
  ].join(' · ');
}

export function pageOf(report: Report): string {
  const { machine, goals, startedAt } = report;
  const facts = Object.entries(machine).map(([name, value]) => [name, String(value)]);
  const figures = figuresOf(report).map(
    ({ title, svg }) => `<figure><figcaption>${escaped(title)}</figcaption>\n${svg}\n</figure>`,
  );
  const tables = tablesOf(report).map(
    (table) => `<h2>${escaped(table.title)}</h2>\n${tableHtml(escapedTable(table))}`,
  );
  const met = goals.filter((goal) => goal.met).length;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Indelible: benchmark of ${escaped(startedAt.slice(0, 10))}</title>
<style>${STYLE}</style>
<main>
<h1>Indelible: benchmark</h1>
<p class="machine quiet">${escaped(machineLine(report))}</p>
<figure class="first">
${comparisonOf(report, false) ?? ''}
</figure>
<nav aria-label="On this page"><a href="#goals">Goals: ${met} of ${goals.length} met</a>
<a href="#figures">Figures</a> <a href="#numbers">Numbers</a> <a href="#machine">Machine</a></nav>
<h2 id="goals">Goals: ${met} of ${goals.length} met</h2>
${goalsTable(goals)}
<h2 id="figures">Figures</h2>
<p class="quiet">A bar is the median over the rounds; the thin line spans the lowest and the highest round.
docs/performance.md says what is measured, and how.</p>
${figures.join('\n')}
<div id="numbers">
${tables.join('\n')}
</div>
<h2 id="machine">Machine</h2>
${tableHtml(escapedTable({ title: 'Machine', head: ['what', 'value'], rows: facts }))}
</main>
</html>
`;
}
