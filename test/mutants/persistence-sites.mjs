/**
 * Every place in the log, its recovery, its formatting, its scrub, the mapped medium and the file backend
 * that stores, flushes, fences, writes, syncs or renames, found in the sources; and for each the mutant that
 * leaves it out.
 *
 *   node test/mutants/persistence-sites.mjs        prints them
 *
 * A site is a call with its name as an argument: `Site::…` in C++, the string in TypeScript; where such a
 * call ends in the mapped medium, and where a region's file is made, it is any call of libpmem or the kernel
 * that stores or makes durable, named after the function around it. So a call that is added is listed, and
 * dropped, without anybody remembering to plant it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What makes stores durable, rather than asking for it. */
const NATIVE_MEDIA = /^(medium|mapped_medium|recording_medium|crash_|power_monitor|binding|log_outcome)/;
const NATIVE_CALL = new RegExp(
  String.raw`\b(?:\w+\s*(?:\.|->)\s*)?(write|store64|flush|reflush|fence|settle|set_magic)\s*\(` +
    String.raw`(?=\s*(?:medium,\s*)?(?:Site::(\w+)|site\b))`,
  'g',
);
/** What a dropped call leaves in its place; the others are statements. */
const NATIVE_STATUS = new Set(['fence', 'settle']);

/** Where the calls of libpmem and the kernel are, and which of them a dropped one is a success of. */
const MAPPED_FILES = ['mapped_medium.cc', 'region_file.cc'];
const MAPPED_CALL = new RegExp(
  String.raw`(?:pmem_->(?:memcpy_nodrain|flush|drain)|::(?:msync|fsync|renameat2)|\bword\.store|` +
    String.raw`\bstd::memcpy(?=\(base_)|\b(?:note|flush|fence|write_all)(?=\((?:offset|site|fd)\b))\(`,
  'g',
);
const MAPPED_RESULTS = { '::': '0', fence: 'Status::good()', write_all: 'Status::good()' };
const NATIVE_FUNCTION = /^\w.*?(\w+)\([^;]*\{$/gm;

const FILE_MEDIA = /\/(medium|real-medium|recording-medium|flusher-queue|write-queue)\.ts$/;
const FILE_SITES = new Set([
  'directory',
  'identity',
  'root',
  'group',
  'segment.prefill',
  'segment.rename',
  'segment.refill',
  'segment.recovered',
]);
const FILE_CALLS = new Set(['write', 'sync', 'rename', 'remove', 'syncDirectory']);

/** The place behind the parenthesis that closes the one at `open`. */
function closing(text, open) {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === '(') depth++;
    if (text[at] === ')' && --depth === 0) return at + 1;
  }
  throw new Error('a parenthesis is not closed');
}

function lineOf(text, at) {
  return text.slice(0, at).split('\n').length;
}

function nativeSites() {
  const sites = [];
  for (const name of readdirSync(join(ROOT, 'native')).sort()) {
    if (!/\.(cc|h)$/.test(name) || NATIVE_MEDIA.test(name)) continue;
    const text = readFileSync(join(ROOT, 'native', name), 'utf8');
    for (const match of text.matchAll(NATIVE_CALL)) {
      const [call, operation, site] = match;
      const end = closing(text, match.index + call.length - 1);
      const replacement = NATIVE_STATUS.has(operation) ? 'Status::good()' : 'static_cast<void>(0)';
      sites.push({
        file: `native/${name}`,
        line: lineOf(text, match.index),
        operation,
        site: site ?? 'each',
        start: match.index,
        end,
        replacement,
      });
    }
  }
  return sites;
}

/** The function of a source that the place `at` is in. */
function functionAround(text, at) {
  return [...text.slice(0, at).matchAll(NATIVE_FUNCTION)].at(-1)[1];
}

function mappedSites() {
  return MAPPED_FILES.flatMap((name) => {
    const text = readFileSync(join(ROOT, 'native', name), 'utf8');
    return [...text.matchAll(MAPPED_CALL)].map(({ 0: call, index }) => {
      const operation = call.replace(/^(pmem_->|::|std::|word\.)|\($/g, '');
      const result = MAPPED_RESULTS[call.startsWith('::') ? '::' : operation];
      return {
        file: `native/${name}`,
        line: lineOf(text, index),
        operation,
        site: functionAround(text, index),
        start: index,
        end: closing(text, index + call.length - 1),
        replacement: result ?? 'static_cast<void>(0)',
      };
    });
  });
}

function fileSites() {
  const folder = join(ROOT, 'lib', 'storage');
  const names = readdirSync(join(folder, 'file')).map((name) => `lib/storage/file/${name}`);
  const sites = [];
  for (const file of ['lib/storage/file.ts', ...names.sort()]) {
    if (!file.endsWith('.ts') || FILE_MEDIA.test(file)) continue;
    const text = readFileSync(join(ROOT, file), 'utf8');
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true);
    const visit = (node) => {
      ts.forEachChild(node, visit);
      if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return;
      const operation = node.expression.name.text;
      const site = node.arguments.find(
        (argument) => ts.isStringLiteral(argument) && FILE_SITES.has(argument.text),
      );
      if (site === undefined || !FILE_CALLS.has(operation)) return;
      // A queued write says that it is done; the others return a promise.
      const last = node.arguments.at(-1);
      const replacement = last === site ? 'Promise.resolve()' : `setImmediate(${last.getText(source)})`;
      const start = node.getStart(source);
      sites.push({
        file,
        line: lineOf(text, start),
        operation,
        site: site.text,
        start,
        end: node.end,
        replacement,
      });
    };
    visit(source);
  }
  return sites.sort((a, b) => a.file.localeCompare(b.file) || a.start - b.start);
}

/** @returns every site with a name of its own: `drop file.cc write format_body 2`. */
export function persistenceSites() {
  const seen = new Map();
  return [...nativeSites(), ...mappedSites(), ...fileSites()].map((site) => {
    const place = site.file.replace(/^.*\//, '');
    const name = `drop ${place} ${site.operation} ${site.site}`;
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return { ...site, name: count === 1 ? name : `${name} ${count}` };
  });
}

/** The text of a file without the site's call. */
export function withoutSite(text, { start, end, replacement }) {
  return text.slice(0, start) + replacement + text.slice(end);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { name, file, line } of persistenceSites())
    console.log(`${`${file}:${line}`.padEnd(42)} ${name}`);
}
