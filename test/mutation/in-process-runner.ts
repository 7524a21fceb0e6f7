/**
 * Runs unit tests in the process that Stryker starts for it: every file is loaded once, every mutant then
 * runs the tests that reach it.
 *
 * 1. A mutant that code runs while it is loaded gets a process of its own.
 * 2. Properties draw the same cases for every mutant.
 * 3. What is thrown outside of a test while it runs fails that test, and so does waiting for nothing.
 */
import { register } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { INSTRUMENTER_CONSTANTS, type MutantCoverage, type StrykerOptions } from '@stryker-mutator/api/core';
import { commonTokens, tokens } from '@stryker-mutator/api/plugin';
import {
  type DryRunOptions,
  type DryRunResult,
  DryRunStatus,
  determineHitLimitReached,
  type MutantRunOptions,
  type MutantRunResult,
  type TestResult,
  type TestRunner,
  type TestRunnerCapabilities,
  TestStatus,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner';
import fc from 'fast-check';
import { beginFile, type CollectedTest, collected, hooksOf } from './test-api.js';

const SEED = 1;
/** More turns than a test lets pass on purpose. */
const IDLE_TURNS_MAX = 5000;
/** An import of Vitest gets test-api.ts. */
const TEST_API = JSON.stringify(new URL('./test-api.ts', import.meta.url).href);
const HOOK = `export const resolve = (name, context, next) =>
  name === 'vitest' ? { url: ${TEST_API}, shortCircuit: true }
    : next(name, context);`;

/** What the changed code and its runner know of one another. */
interface Context {
  activeMutant?: string | undefined;
  currentTestId?: string | undefined;
  hitCount?: number | undefined;
  hitLimit?: number | undefined;
  mutantCoverage?: MutantCoverage;
}

const shared = globalThis as unknown as Record<string, Context | undefined>;
shared[INSTRUMENTER_CONSTANTS.NAMESPACE] ??= {};
const context: Context = shared[INSTRUMENTER_CONSTANTS.NAMESPACE]!;

/** What may call back into this process, by kind. */
function sources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo())
    if (kind !== 'Immediate') counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** The end of a test, or an error once nothing is left that could wake it: a mutant may wait for ever. */
async function endOf(running: unknown): Promise<void> {
  if (!(running instanceof Promise)) return;
  const before = sources();
  let isOver = false;
  const watched = running.finally(() => {
    isOver = true;
  });
  watched.catch(() => {});
  for (let idleTurns = 0; !isOver && idleTurns < IDLE_TURNS_MAX; ) {
    await new Promise((resolve) => setImmediate(resolve));
    const mayWake = [...sources()].some(([kind, count]) => count > (before.get(kind) ?? 0));
    idleTurns = mayWake ? 0 : idleTurns + 1;
    if (mayWake && !isOver) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  if (!isOver) throw new Error('it waits for what cannot come any more');
  await watched;
}

export class InProcessRunner implements TestRunner {
  static readonly inject = tokens(commonTokens.options);
  private readonly files: readonly string[];
  /** How the names of tests end that are not run. */
  private readonly leftOut: readonly string[];
  private readonly ignoresStatic: boolean;
  private readonly strays: unknown[] = [];
  private isLoaded = false;
  private readonly entered = new Set<unknown>();
  /** How long each test took the last time: the quick ones go first, as the first that fails is enough. */
  private readonly durationsMs = new Map<string, number>();

  constructor(options: StrykerOptions) {
    const { files, leftOut } = options['inProcess'] as { files: string[]; leftOut: string[] };
    this.files = files;
    this.leftOut = leftOut;
    this.ignoresStatic = options.ignoreStatic;
  }

  /** With what only loading reaches left out, what is loaded is never changed, and needs no loading anew. */
  capabilities(): TestRunnerCapabilities {
    return { reloadEnvironment: this.ignoresStatic };
  }

  async init(): Promise<void> {
    register(`data:text/javascript,${encodeURIComponent(HOOK)}`);
    fc.configureGlobal({ seed: SEED });
    for (const event of ['uncaughtException', 'unhandledRejection'])
      process.on(event, (error: unknown) => this.strays.push(error));
  }

  async dryRun(_options: DryRunOptions): Promise<DryRunResult> {
    context.activeMutant = undefined;
    await this.load();
    const tests = await this.run(this.wanted(), false);
    return { status: DryRunStatus.Complete, tests, mutantCoverage: context.mutantCoverage! };
  }

  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    const { activeMutant, hitLimit, mutantActivation, testFilter } = options;
    context.hitCount = 0;
    context.hitLimit = hitLimit;
    context.activeMutant = mutantActivation === 'static' ? activeMutant.id : undefined;
    await this.load();
    context.activeMutant = activeMutant.id;
    const wanted = testFilter === undefined ? undefined : new Set(testFilter);
    const chosen = this.wanted()
      .filter(({ id }) => wanted === undefined || wanted.has(id))
      .sort((a, b) => this.durationMs(a) - this.durationMs(b));
    const tests = await this.run(chosen, true);
    context.activeMutant = undefined;
    const limited = determineHitLimitReached(context.hitCount, hitLimit);
    context.hitLimit = undefined;
    return toMutantRunResult(limited ?? { status: DryRunStatus.Complete, tests });
  }

  private wanted(): CollectedTest[] {
    return collected.filter(({ name }) => !this.leftOut.some((ending) => name.endsWith(ending)));
  }

  private async load(): Promise<void> {
    if (this.isLoaded) return;
    this.isLoaded = true;
    for (const file of this.files) {
      beginFile(file);
      await import(pathToFileURL(path.resolve(file)).href);
    }
  }

  private async run(tests: readonly CollectedTest[], stopsAtFailure: boolean): Promise<TestResult[]> {
    const results: TestResult[] = [];
    for (const test of tests) {
      const result = await this.runOne(test);
      results.push(result);
      if (stopsAtFailure && result.status === TestStatus.Failed) break;
    }
    return results;
  }

  private durationMs({ id }: CollectedTest): number {
    return this.durationsMs.get(id) ?? 0;
  }

  private async runOne(test: CollectedTest): Promise<TestResult> {
    const startedMs = performance.now();
    const { id, name, file } = test;
    this.strays.length = 0;
    context.currentTestId = id;
    const errors: unknown[] = [];
    try {
      for (const hook of hooksOf(test, 'beforeAll')) {
        if (!this.entered.has(hook)) await hook();
        this.entered.add(hook);
      }
      for (const hook of hooksOf(test, 'before')) await hook();
      await endOf(test.body());
    } catch (error) {
      errors.push(error);
    }
    for (const hook of hooksOf(test, 'after')) {
      try {
        await hook();
      } catch (error) {
        errors.push(error);
      }
    }
    // Promises that nobody has waited for are found to be so behind the tasks of this turn.
    await new Promise((resolve) => setImmediate(resolve));
    errors.push(...this.strays);
    context.currentTestId = undefined;
    const given = { id, name, fileName: file, timeSpentMs: performance.now() - startedMs };
    this.durationsMs.set(id, given.timeSpentMs);
    if (errors.length === 0) return { ...given, status: TestStatus.Success };
    const failureMessage = errors
      .map((error) => (error instanceof Error ? error.stack : String(error)))
      .join('\n');
    return { ...given, status: TestStatus.Failed, failureMessage };
  }
}
