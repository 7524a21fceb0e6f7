/** Numbers and lines for people. */
import type { Goal } from '../goals.js';
import type { Series } from '../series.js';

/** Three digits that matter, thousands apart. */
export function number(value: number): string {
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en', { maximumFractionDigits: Math.min(digits, 3) });
}

/** The median, then the least and the most. */
export function spread({ median, least, most }: Series): string {
  return `${number(median)} (${number(least)} – ${number(most)})`;
}

export function goalLine({ what, value, unit, comparison, bound, met }: Goal): string {
  return `${met ? 'PASS' : 'MISS'}  ${what}: ${number(value)} ${unit} (${comparison} ${number(bound)})`;
}

/** For HTML and SVG. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
