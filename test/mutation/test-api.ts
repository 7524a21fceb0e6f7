/**
 * The part of Vitest's interface that unit tests use, over an array of tests that one process loads once and
 * runs as often as there are mutants. A worker of Vitest's own is started anew for each mutant, which takes
 * thirty times as long as the tests that a mutant needs.
 */
import { chai, JestAsymmetricMatchers, JestChaiExpect, JestExtend } from '@vitest/expect';

type Body = (...values: unknown[]) => unknown;

interface Suite {
  readonly name: string;
  readonly above: Suite | undefined;
  readonly before: Body[];
  readonly after: Body[];
  readonly beforeAll: Body[];
}

export interface CollectedTest {
  readonly id: string;
  readonly name: string;
  readonly file: string;
  readonly suite: Suite;
  readonly body: Body;
}

export const collected: CollectedTest[] = [];
let file = '';
let current: Suite = suiteNamed('', undefined);

function suiteNamed(name: string, above: Suite | undefined): Suite {
  return { name, above, before: [], after: [], beforeAll: [] };
}

/** What is declared from now on is in this file. */
export function beginFile(path: string): void {
  file = path;
  current = suiteNamed('', undefined);
}

function declareTest(name: string, ...rest: unknown[]): void {
  const names = [name];
  for (let suite: Suite | undefined = current; suite?.above !== undefined; suite = suite.above)
    names.unshift(suite.name);
  const fullName = names.join(' ');
  const alike = collected.filter((each) => each.file === file && each.name.startsWith(fullName)).length;
  const id = `${file}#${fullName}${alike > 0 ? ` (${alike + 1})` : ''}`;
  const body = rest.find((each) => typeof each === 'function') as Body;
  collected.push({ id, name: id.slice(file.length + 1), file, suite: current, body });
}

function declareSuite(name: string, ...rest: unknown[]): void {
  const outer = current;
  current = suiteNamed(name, outer);
  (rest.find((each) => typeof each === 'function') as Body)();
  current = outer;
}

/** `each(values)(name, body)`: one test for each value, or for each array of values. */
function each(values: readonly unknown[]): (name: string, body: Body) => void {
  return (name, body) => {
    for (const value of values) {
      const given = Array.isArray(value) ? value : [value];
      declareTest(`${name} ${JSON.stringify(given).slice(0, 100)}`, () => body(...given));
    }
  };
}

/** The hooks of a suite and of those around it, the outermost first. */
export function hooksOf(test: CollectedTest, kind: 'before' | 'after' | 'beforeAll'): Body[] {
  const hooks: Body[][] = [];
  for (let suite: Suite | undefined = test.suite; suite !== undefined; suite = suite.above)
    hooks.unshift(suite[kind]);
  return hooks.flat();
}

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);
const unreachable = (sentence?: string): never => chai.assert.fail(sentence ?? 'was reached');

export const expect: unknown = Object.assign(chai.expect, { unreachable });
export const test: unknown = Object.assign(declareTest, { each });
export const it: unknown = Object.assign(declareTest.bind(undefined), { each });
export const describe: unknown = declareSuite;
export const beforeEach = (hook: Body): unknown => current.before.push(hook);
export const afterEach = (hook: Body): unknown => current.after.unshift(hook);
export const beforeAll = (hook: Body): unknown => current.beforeAll.push(hook);
