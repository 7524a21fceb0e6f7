/** What a run leaves for people: page, tables and picture, drawn from its numbers and from nothing else. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { comparisonOf } from '../../bench/report/comparison.js';
import { markdownOf } from '../../bench/report/markdown.js';
import { pageOf } from '../../bench/report/page.js';
import type { Report } from '../../bench/report/report.js';
import { PROJECT_ROOT } from '../packaging/sources.js';

const file = (name: string): string => readFileSync(join(PROJECT_ROOT, name), 'utf8');
const REFERENCE = 'bench/results/reference';
const reference = JSON.parse(file(`${REFERENCE}.json`)) as Report;

describe('the reference run', () => {
  it('has the page, the tables and the picture that are drawn from it (bench/redraw.ts)', () => {
    expect(file(`${REFERENCE}.html`)).toBe(pageOf(reference));
    expect(file(`${REFERENCE}.md`)).toBe(markdownOf(reference));
    expect(file('docs/benchmark.svg')).toBe(`${comparisonOf(reference, true)}\n`);
  });
});

describe('the page', () => {
  const page = pageOf(reference);

  it('begins with the machine in a line, the picture and the goals', () => {
    const at = ['class="machine', '<svg', 'id="goals"', 'id="figures"'].map((what) => page.indexOf(what));
    expect(at).toEqual([...at].sort((a, b) => a - b));
    expect(at[0]).toBeGreaterThan(0);
    expect(page).not.toContain('<pre>');
  });

  it('says each goal’s verdict in words', () => {
    const met = reference.goals.filter((goal) => goal.met).length;
    expect(page.match(/✓ met/g)).toHaveLength(met);
    expect(page.match(/✗ missed/g)).toHaveLength(reference.goals.length - met);
    expect(page).toContain(`Goals: ${met} of ${reference.goals.length} met`);
  });

  it('needs nothing from elsewhere, and has a name for every picture and table', () => {
    expect(page).not.toMatch(/<script|<link|src=|NaN|undefined/);
    const pictures = page.match(/<svg[^>]*>/g) ?? [];
    expect(pictures.filter((tag) => !/role="img"/.test(tag))).toEqual([]);
    expect(pictures.filter((tag) => !/aria-label(ledby)?="/.test(tag))).toEqual([]);
    expect(page.match(/role="region"/g)?.length).toBe(page.match(/<table>/g)?.length);
    expect(page).toContain('prefers-color-scheme: dark');
  });
});

describe('the comparison', () => {
  it('tells its numbers and what each medium survives in words, too', () => {
    const picture = comparisonOf(reference, true)!;
    expect(picture).toMatch(/<title[^>]*>Emulated persistent memory makes a vote durable \d+ times sooner/);
    expect(picture).toMatch(
      /<desc[^>]*>A vote is durable after, one replica: persistent memory \(emulated\)/,
    );
    expect(picture).toContain('power loss, in this emulation');
  });

  it('shows what was measured, and nothing where neither level was', () => {
    const { storage: _storage, ...clusterOnly } = reference;
    expect(comparisonOf(clusterOnly, false)).toMatch(
      /<title[^>]*>Emulated persistent memory answers a command/,
    );
    const { cluster: _cluster, ...nothing } = clusterOnly;
    expect(comparisonOf(nothing, false)).toBeUndefined();
    expect(pageOf(nothing)).not.toContain('NaN');
  });
});
