/** The house's style as tests: what a reviewer should never have to say. */
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { type SourceFile, sourceFiles } from './sources.js';

const FILE_BYTES_MAX = 20_000;
const LINE_CHARACTERS_MAX = 110;
/** C++ qualifies its names, and gets a little more. */
const CPP_LINE_CHARACTERS_MAX = 120;
/** Rows of tables in comments, patterns, and lines with string literals: no formatter breaks them. */
const UNBREAKABLE = /^\s*\* \||^\s*\/[^*/]|^[^*]*['"`]/;
const FUNCTION_LINES_MAX = 70;

/** What would make the core depend on anything but its inputs. */
const IMPURE_NAMES = new Set(
  `Date Promise Buffer console process performance globalThis require setTimeout setInterval setImmediate
   clearTimeout queueMicrotask fetch crypto WeakRef FinalizationRegistry Atomics Intl`.split(/\s+/),
);

/** What would make a replica depend on a clock or a timer in whose place a simulation cannot put its own. */
const TIMELY_CALLS = new Set(
  'setTimeout setInterval setImmediate clearTimeout clearInterval queueMicrotask'.split(' '),
);
const TIMELY_PROPERTIES = new Set(
  'Date.now performance.now process.nextTick process.hrtime Math.random crypto.randomBytes'.split(' '),
);

const FILES = sourceFiles();
const LIBRARY = FILES.filter(({ path }) => path.startsWith('lib/'));

function parse({ path, text }: SourceFile): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

function place(file: ts.SourceFile, node: ts.Node): string {
  return `${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1}`;
}

/** Lines of a function's body, signature included, comments before it not. */
function lineCount(file: ts.SourceFile, node: ts.Node): number {
  const line = (position: number) => file.getLineAndCharacterOfPosition(position).line;
  return line(node.end) - line(node.getStart(file)) + 1;
}

function impurities(source: SourceFile): string[] {
  const found: string[] = [];
  const file = parse(source);
  walk(file, (node) => {
    if (ts.isIdentifier(node) && IMPURE_NAMES.has(node.text)) found.push(`${place(file, node)} ${node.text}`);
    if (ts.isPropertyAccessExpression(node) && node.getText(file) === 'Math.random') {
      found.push(`${place(file, node)} Math.random`);
    }
    if (node.kind === ts.SyntaxKind.AsyncKeyword || ts.isAwaitExpression(node)) {
      found.push(`${place(file, node)} async`);
    }
  });
  return found;
}

/** Clocks, timers, phases of the event loop and chance that do not come out of lib/runtime.ts. */
function ownTimes(source: SourceFile): string[] {
  const found: string[] = [];
  const file = parse(source);
  walk(file, (node) => {
    if (ts.isPropertyAccessExpression(node)) {
      const text = node.getText(file);
      if (TIMELY_PROPERTIES.has(text)) found.push(`${place(file, node)} ${text}`);
    } else if (ts.isCallExpression(node) && TIMELY_CALLS.has(node.expression.getText(file))) {
      found.push(`${place(file, node)} ${node.expression.getText(file)}`);
    }
  });
  return found;
}

function isBarrel(source: SourceFile): boolean {
  const { statements } = parse(source);
  const forwards = statements.filter(
    (statement) => ts.isExportDeclaration(statement) && statement.moduleSpecifier,
  );
  const own = statements.filter(
    (statement) => !ts.isExportDeclaration(statement) && !ts.isImportDeclaration(statement),
  );
  return forwards.length > 0 && own.length === 0;
}

describe('source files', () => {
  it('are there', () => {
    expect(LIBRARY.length).toBeGreaterThan(10);
  });

  it(`hold at most ${FILE_BYTES_MAX} bytes each`, () => {
    const tooLarge = FILES.filter(({ sizeBytes }) => sizeBytes > FILE_BYTES_MAX);
    expect(tooLarge.map(({ path, sizeBytes }) => `${path} ${sizeBytes}`)).toEqual([]);
  });

  it(`have lines of at most ${LINE_CHARACTERS_MAX} characters, in C++ ${CPP_LINE_CHARACTERS_MAX}`, () => {
    const tooLong = FILES.flatMap(({ path, text }) =>
      text.split('\n').flatMap((line, index) => {
        const max = /\.(cc|h)$/.test(path) ? CPP_LINE_CHARACTERS_MAX : LINE_CHARACTERS_MAX;
        return [...line].length > max && !UNBREAKABLE.test(line) ? [`${path}:${index + 1}`] : [];
      }),
    );
    expect(tooLong).toEqual([]);
  });

  it('leave nothing for later', () => {
    const marker = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`);
    const marked = FILES.filter(({ text }) => marker.test(text));
    expect(marked.map(({ path }) => path)).toEqual([]);
  });

  it('are named after one concept, not after a drawer', () => {
    const drawers = LIBRARY.filter(({ path }) =>
      /\/(utils?|helpers?|common|misc|shared|index)\.ts$/.test(path),
    );
    expect(drawers.map(({ path }) => path).filter((path) => path !== 'lib/index.ts')).toEqual([]);
  });

  it('begin with what they are', () => {
    const silent = LIBRARY.filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text));
    expect(silent.map(({ path }) => path)).toEqual([]);
  });
});

describe('TypeScript files', () => {
  it('are no barrels, but for lib/index.ts', () => {
    const barrels = LIBRARY.filter(isBarrel).map(({ path }) => path);
    expect(barrels.filter((path) => path !== 'lib/index.ts')).toEqual([]);
  });

  it(`have functions of fewer than ${FUNCTION_LINES_MAX} lines`, () => {
    const long: string[] = [];
    for (const source of LIBRARY) {
      const file = parse(source);
      walk(file, (node) => {
        const isFunction = ts.isFunctionLike(node) && 'body' in node && node.body !== undefined;
        if (isFunction && lineCount(file, node) >= FUNCTION_LINES_MAX) {
          long.push(`${place(file, node)} ${lineCount(file, node)} lines`);
        }
      });
    }
    expect(long).toEqual([]);
  });

  it('depend on nothing but their inputs in lib/paxos', () => {
    const core = LIBRARY.filter(({ path }) => path.startsWith('lib/paxos/'));
    expect(core.length).toBeGreaterThan(3);
    expect(core.flatMap(impurities)).toEqual([]);
  });
});

describe('time and chance', () => {
  it('come out of the runtime in lib/replica and lib/transport', () => {
    const timed = LIBRARY.filter(({ path }) => /^lib\/(replica|transport)\//.test(path));
    expect(timed.length).toBeGreaterThan(20);
    expect(timed.flatMap(ownTimes)).toEqual([]);
  });
});

describe('tests', () => {
  it('are all run: none skipped, none singled out', () => {
    const pattern = /\b(describe|it|test|suite)\.(skip|only|todo|fails|skipIf|runIf)\b/;
    const tests = FILES.filter(({ path }) => path.startsWith('test/') && !path.endsWith('style.test.ts'));
    const tamed = tests.filter(({ text }) => pattern.test(text) || /\bretry:\s*\d/.test(text));
    expect(tamed.map(({ path }) => path)).toEqual([]);
  });
});
