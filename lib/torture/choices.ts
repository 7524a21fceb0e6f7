/**
 * Which choices of a value for each unit are tried, where a crash decides each unit by itself: the file
 * backend's counterpart of native/crash_states.h.
 *
 * 1. With few choices in all every one. Otherwise none, all, each value of a unit alone, all but each unit,
 *    prefixes and suffixes of the units' order, all of one kind and place, and random ones.
 * 2. No choice comes twice; equal units and seeds give equal choices in equal order.
 */
import { Random } from '../simulation/random.js';
import type { CrashUnit } from '../storage/file/recording-medium.js';

export type Pick = readonly number[];

export interface ChoiceOptions {
  readonly exhaustiveMax: number;
  readonly randomImages: number;
  readonly seed: number;
}

/** How many choices there are; Infinity above 2⁵³. */
export function choicesOf(units: readonly CrashUnit[]): number {
  return units.reduce((product, { values }) => product * values, 1);
}

export function* choices(units: readonly CrashUnit[], options: ChoiceOptions): Generator<Pick> {
  const seen = new Set<string>();
  for (const pick of candidates(units, options)) {
    const key = pick.join();
    if (seen.has(key)) continue;
    seen.add(key);
    yield pick;
  }
}

/** At most `images` of them: none, all, and random ones. */
export function* fewChoices(units: readonly CrashUnit[], images: number, seed: number): Generator<Pick> {
  yield units.map(() => 0);
  if (units.length === 0) return;
  yield units.map(({ values }) => values - 1);
  yield* randomChoices(units, images - 2, seed);
}

function* candidates(units: readonly CrashUnit[], options: ChoiceOptions): Generator<Pick> {
  const none = units.map(() => 0);
  const all = units.map(({ values }) => values - 1);
  yield none;
  yield all;
  if (choicesOf(units) <= options.exhaustiveMax) {
    yield* everyChoice(units);
    return;
  }
  for (const [unit, { values }] of units.entries()) {
    for (let value = 1; value < values; value++) yield none.with(unit, value);
    yield all.with(unit, all[unit]! - 1);
    yield all.map((value, at) => (at <= unit ? value : 0));
    yield all.map((value, at) => (at > unit ? value : 0));
  }
  for (const group of new Set(units.map(groupOf))) {
    yield all.map((value, at) => (groupOf(units[at]!) === group ? value : 0));
    yield all.map((value, at) => (groupOf(units[at]!) === group ? 0 : value));
  }
  yield* randomChoices(units, options.randomImages, options.seed);
}

/** What recovery reads as one: a file's sectors of one site, or the names. */
function groupOf({ what, site, path }: CrashUnit): string {
  return what === 'name' ? what : `${what} ${site} ${path}`;
}

function* everyChoice(units: readonly CrashUnit[]): Generator<Pick> {
  const pick = units.map(() => 0);
  for (let at = 0; at < units.length; ) {
    pick[at]!++;
    if (pick[at]! < units[at]!.values) {
      yield [...pick];
      at = 0;
    } else {
      pick[at++] = 0;
    }
  }
}

function* randomChoices(units: readonly CrashUnit[], images: number, seed: number): Generator<Pick> {
  const random = new Random(seed);
  for (let image = 0; image < images; image++) {
    const odds = random.chance(0.5) ? 0.5 : random.fraction();
    yield units.map(({ values }) => (random.chance(odds) ? 1 + random.below(values - 1) : 0));
  }
}
