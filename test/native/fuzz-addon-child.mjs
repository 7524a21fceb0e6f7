/**
 * Calls every function of the addon with arguments that no caller should pass, as fast-check finds them. Run
 * by fuzz-addon.mjs, under AddressSanitizer; a crash ends this process, and the seed is in the progress file.
 *
 *   node --expose-gc fuzz-addon-child.mjs ADDON PROGRESS-FILE SEED CALLS [PATH]
 *
 * 1. A call returns, or throws an error with a code of ours, or what an argument of ours threw; nothing else.
 * 2. After any calls whatever, a new log does what a log does.
 * 3. A function that nobody described here is called, too, with anything.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { FORMAT_FIELDS, HOSTILE, SENTINEL, World } from './fuzz-addon-values.mjs';

const [addonPath, progress, firstSeed, calls, path] = process.argv.slice(2);
const addon = createRequire(import.meta.url)(addonPath);
const CASES_PER_SEED = 50;
let called = 0;

process.on('uncaughtException', (error) => {
  if (error === SENTINEL) return;
  console.error(error);
  process.exit(1);
});

const hostile = fc.constantFrom(...HOSTILE);
const small = fc.nat(200);
const image = fc.oneof(
  fc.constant('image'),
  small.map((seed) => `image/${seed}`),
);
const place = fc.constantFrom(
  'path/region',
  'path/short',
  'path/sparse',
  'path/none/at/all',
  'path/.',
  'path/new',
);
/** No number that would make a large file: those are for `formatImage`, which makes none. */
const someField = fc
  .tuple(fc.constantFrom(...FORMAT_FIELDS), hostile)
  .map((pair) => `format/${pair.join('/')}`);
const getter = fc.constantFrom(...FORMAT_FIELDS).map((field) => `format/getter/${field}`);
const format = fc.oneof(fc.constant('format'), someField, getter);
const harmlessFormat = format.filter((name) => !name.startsWith('format/logBytes/number'));
const fd = fc.constantFrom(
  'fd',
  'number:0',
  'number:2',
  'number:4',
  'number:19',
  'number:20',
  'number:25',
  'stranger:null',
);

const explorer = fc.constant('explorer');
/** What an exploration costs is what its options say: no large ones. */
const effort = fc.constantFrom(
  'options',
  'options',
  'options/kills/stranger:getters',
  'options/seed/number:0',
  'options/deepEvery/number:5',
);

/** What each function takes, where it is described. */
const SIGNATURES = {
  formatFile: [place, harmlessFormat],
  formatImage: [format],
  openFile: [place, fc.nat(3), fc.nat(1), fc.nat(1)],
  lockFile: [fc.constantFrom('path/lock', 'path/short')],
  openRecording: [image, image, fc.nat(1), fc.nat(1)],
  exploreFormat: [explorer, effort, image, format],
  distinctImages: [explorer],
  digestOf: [fc.constantFrom('stranger:bytes', 'stranger:view'), small, small],
  inspect: [fc.oneof(place, image)],
  openFlusher: [fc.constantFrom('callback', 'callback/throws')],
  append: [fc.constant('stranger:arrayBuffer')],
  makeRoom: [fc.nat(5000), fc.nat(2)],
  trim: [small, small],
  readVote: [small],
  close: [fc.nat(1)],
  crashImage: [small],
  record: [fc.nat(1)],
  explore: [explorer, effort],
  exploreAtFences: [explorer, effort, fc.nat(2)],
  submit: [fd, fc.constantFrom('stranger:bytes', 'stranger:emptyBytes'), small],
};

/** Arguments that are not replaced: they decide where bytes go, or how many images are made. */
const FIXED = { formatFile: [0, 1], submit: [0], explore: [1], exploreAtFences: [1], exploreFormat: [1, 3] };

const functionsOf = (object) => Object.keys(object).filter((name) => typeof object[name] === 'function');

function argumentsOf(name) {
  const taken = SIGNATURES[name] ?? [hostile, hostile];
  const fixed = FIXED[name] ?? [];
  const each = taken.map((usual, index) =>
    fixed.includes(index)
      ? usual
      : fc.oneof({ weight: 3, arbitrary: usual }, { weight: 2, arbitrary: hostile }),
  );
  return fc.tuple(fc.tuple(...each), fc.nat(9)).map(([args, few]) => (few === 0 ? args.slice(0, -1) : args));
}

const style = fc.constantFrom('own', 'own', 'own', 'nothing', 'foreign', 'primitive', 'new');
const which = fc.nat(3);
const record = (kind, extra) => fc.record({ kind: fc.constant(kind), ...extra });
const call = (kind, name) => record(kind, { name: fc.constant(name), args: argumentsOf(name), style, which });

/** A directory that nobody else has, nor can foresee; its world removes it. */
function scratch() {
  return mkdtempSync(join(tmpdir(), 'indelible-arguments-'));
}

/** The names are asked of the addon itself, so that nothing it has is left out. */
function steps() {
  const world = new World(addon, scratch());
  const log = addon.openRecording(world.make('image'), world.make('image'), 0, 0);
  const flusher = addon.openFlusher(() => undefined);
  world.logs.push(log);
  world.flushers.push(flusher);
  const weighted = (kind, object, weight) =>
    functionsOf(object).map((name) => ({
      weight: /^explore/.test(name) ? 1 : weight,
      arbitrary: call(kind, name),
    }));
  const all = [
    ...weighted('addon', addon, 3),
    ...weighted('log', log, 4),
    ...weighted('flusher', flusher, 2),
    {
      weight: 14,
      arbitrary: record('row', {
        which,
        row: fc.nat(20),
        column: fc.nat(7),
        value: fc.oneof(small, hostile),
      }),
    },
    { weight: 12, arbitrary: record('group', { which, votes: fc.nat(4), length: fc.nat(600) }) },
    { weight: 1, arbitrary: record('transfer', { which, name: fc.constantFrom('table', 'gauges') }) },
    { weight: 1, arbitrary: record('forget', { which }) },
    { weight: 1, arbitrary: record('collect', {}) },
  ];
  world.end();
  return fc.array(fc.oneof(...all), { minLength: 5, maxLength: 60, size: 'max' });
}

function invoke(target, { name, args, style: how }, world) {
  const values = args.map((each) => world.make(each));
  called++;
  if (how === 'new') return new target[name](...values);
  const self = { own: target, nothing: undefined, foreign: new Map(), primitive: 5 }[how];
  return Reflect.apply(target[name], self, values);
}

/**
 * A group of votes for consecutive slots as the library writes one: head, rows, and one run
 * (native/binding.h).
 */
function appendGroup(log, votes, length) {
  const source = new ArrayBuffer(length);
  const digest = addon.digestOf(new Uint8Array(source), 0, length);
  const slot = log.recovered().highestVoted + 1;
  log.table.set([votes, 0, 1, 0]);
  for (let index = 0; index < votes; index++) {
    log.table.set([digest, length], 4 + 2 * index);
  }
  log.table.set([slot, 65537, 1, 0], 4 + 2 * log.recordItemsMax);
  called++;
  log.append(source);
}

/** Where a number of the table is that means something: its head, the first rows, the first runs. */
function placeInTable(log, { row, column }) {
  if (row < 5) return row % 3;
  if (row < 12) return 4 + 2 * (row % 4) + (column % 2);
  return 4 + 2 * log.recordItemsMax + 4 * (row % 3) + (column % 4);
}

function take(step, world) {
  const log = world.logs[step.which % Math.max(1, world.logs.length)];
  const flusher = world.flushers[step.which % Math.max(1, world.flushers.length)];
  switch (step.kind) {
    case 'addon':
      return keep(invoke(addon, step, world), world);
    case 'log':
      return log?.[step.name] && invoke(log, step, world);
    case 'flusher':
      return flusher && invoke(flusher, step, world);
    case 'group':
      return log && appendGroup(log, step.votes, step.length);
    case 'row': {
      const value = world.make(step.value);
      if (log && typeof value === 'number') log.table[placeInTable(log, step)] = value;
      return undefined;
    }
    case 'transfer':
      return log && structuredClone(log[step.name].buffer, { transfer: [log[step.name].buffer] });
    case 'forget':
      return world.logs.splice(step.which, 1);
    default:
      return globalThis.gc();
  }
}

function keep(made, world) {
  if (typeof made !== 'object' || made === null) return;
  const list =
    typeof made.append === 'function'
      ? world.logs
      : typeof made.submit === 'function'
        ? world.flushers
        : undefined;
  if (list === undefined) return;
  if (list.push(made) > 4) list.shift().close(0);
}

function isExpected(error, step) {
  if (error === SENTINEL) return true;
  if (step.kind === 'transfer' || step.style === 'new') return error instanceof Error;
  // A typed array of ours that was transferred, and a group on a closed log, are the case's own doing.
  if (step.kind === 'group' && (error instanceof RangeError || error.message.includes('detached')))
    return true;
  if (error instanceof TypeError && error.message.includes('a proxy that has been revoked')) return true;
  if (error instanceof RangeError && /allocation failed|Invalid typed array length/.test(error.message))
    return true;
  return error instanceof Error && typeof error.code === 'string' && error.code.startsWith('ERR_INDELIBLE_');
}

function roundTrip() {
  const world = new World(addon, scratch());
  const log = addon.openRecording(world.make('image'), world.make('image'), 0, 0);
  world.logs.push(log);
  appendGroup(log, 2, 100);
  assert.equal(log.readVote(2).length, 100);
  assert.deepEqual([...log.recovered().votes.filter((_, index) => index % 6 === 0)], [1, 2]);
  world.end();
}

const property = fc.property(steps(), (sequence) => {
  const world = new World(addon, scratch());
  try {
    for (const step of sequence) {
      try {
        take(step, world);
      } catch (error) {
        if (!isExpected(error, step)) throw error;
      }
    }
  } finally {
    world.end();
  }
});

for (let seed = Number(firstSeed); called < Number(calls); seed++) {
  writeFileSync(progress, String(seed));
  fc.assert(property, {
    seed,
    numRuns: CASES_PER_SEED,
    ...(path === undefined ? {} : { path, endOnFailure: true }),
  });
  roundTrip();
  if (path !== undefined) break;
  writeFileSync(progress, String(seed + 1));
}
console.log(`called ${called}`);
