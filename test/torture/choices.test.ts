import { describe, expect, it } from 'vitest';
import type { CrashUnit } from '../../lib/storage/file/recording-medium.js';
import { choices, choicesOf, fewChoices } from '../../lib/torture/choices.js';

function units(count: number, values = 2): CrashUnit[] {
  return Array.from({ length: count }, (_, at) => {
    return { what: 'sector', site: 'group', path: '/d/a', position: at * 512, values };
  });
}

const OPTIONS = { exhaustiveMax: 4096, randomImages: 5, seed: 7 };

describe('choices of a crash', () => {
  it.each([
    [0, 2, 1],
    [1, 2, 2],
    [12, 2, 4096],
    [3, 3, 27],
  ])('are all of them for %i units of %i values', (count, values, all) => {
    const picks = [...choices(units(count, values), OPTIONS)];
    expect(choicesOf(units(count, values))).toBe(all);
    expect(new Set(picks.map(String)).size).toBe(all);
    expect(picks.length).toBe(all);
  });

  it('of many units hold none, all, singles, all but one, prefixes and suffixes, each once', () => {
    const count = 20;
    const picks = [...choices(units(count), OPTIONS)].map((pick) => pick.join(''));
    expect(new Set(picks).size).toBe(picks.length);
    for (let at = 0; at < count; at++) {
      const single = `${'0'.repeat(at)}1${'0'.repeat(count - at - 1)}`;
      const butOne = `${'1'.repeat(at)}0${'1'.repeat(count - at - 1)}`;
      const prefix = '1'.repeat(at) + '0'.repeat(count - at);
      const suffix = '0'.repeat(at) + '1'.repeat(count - at);
      for (const wanted of [single, butOne, prefix, suffix]) expect(picks).toContain(wanted);
    }
  });

  it('are the same for the same seed', () => {
    expect([...choices(units(30), OPTIONS)]).toEqual([...choices(units(30), OPTIONS)]);
    expect([...fewChoices(units(30), 6, 3)].length).toBe(6);
  });
});
