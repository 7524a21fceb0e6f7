/**
 * The tables of planted bugs in docs/testing.md: each bug's name, and what killed it when the table was
 * written. A table lies between two marks that name it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PAGE = fileURLToPath(new URL('../../docs/testing.md', import.meta.url));
const WHY_CHARACTERS_MAX = 110;

/** The page around a table, and the table. @throws when a mark is missing. */
function split(name) {
  const text = readFileSync(PAGE, 'utf8');
  const [begin, end] = [`<!-- ${name} -->\n`, `\n<!-- end of ${name} -->`];
  const from = text.indexOf(begin) + begin.length;
  const to = text.indexOf(end);
  if (from < begin.length || to < 0) throw new Error(`${PAGE} has no table "${name}"`);
  return { before: text.slice(0, from), table: text.slice(from, to), after: text.slice(to) };
}

/** Writes the table anew from rows of `{ name, why }`. */
export function writeTable(table, rows) {
  const { before, after } = split(table);
  const lines = [...rows]
    .sort((a, b) => a.name.localeCompare(b.name))
    .map(({ name, why }) => `| \`${name}\` | ${shortened(why.replaceAll('|', '\\|'))} |`);
  writeFileSync(PAGE, [before, '| planted bug | killed by |', '|---|---|', ...lines, after].join('\n'));
}

function shortened(text) {
  return text.length <= WHY_CHARACTERS_MAX ? text : `${text.slice(0, WHY_CHARACTERS_MAX).trimEnd()} …`;
}

/** @returns what `table` has too much or too little for the bugs `names`, empty if nothing. */
export function staleness(table, names) {
  const listed = new Set([...split(table).table.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]));
  const missing = names.filter((name) => !listed.has(name)).map((name) => `lacks ${name}`);
  const left = [...listed].filter((name) => !names.includes(name)).map((name) => `still has ${name}`);
  return [...missing, ...left].join(', ');
}
