import { describe, expect, it } from 'vitest';
import { Histogram } from '../../lib/observe/histogram.js';
import { formatMetrics, single } from '../../lib/observe/metric.js';

describe('the text of metrics', () => {
  it('has help, type, and a line for each sample', () => {
    const samples = [
      { labels: { peer: '2' }, value: 1 },
      { labels: { peer: '3' }, value: 0.25 },
    ];
    const text = formatMetrics([{ type: 'gauge', name: 'up', help: 'Whether it is up', samples }], {
      replica: '1',
    });
    expect(text).toBe(
      '# HELP up Whether it is up\n# TYPE up gauge\nup{replica="1",peer="2"} 1\nup{replica="1",peer="3"} 0.25\n',
    );
  });

  it('counts the buckets of a histogram up', () => {
    const histogram = new Histogram(1, 1);
    for (const value of [1, 2, 2, 50]) histogram.record(value);
    const metric = { type: 'histogram', name: 'h', help: 'H', histogram: histogram.values() } as const;
    expect(formatMetrics([metric]).split('\n').slice(2)).toEqual([
      'h_bucket{le="1"} 1',
      'h_bucket{le="2"} 3',
      'h_bucket{le="+Inf"} 4',
      'h_sum 55',
      'h_count 4',
      '',
    ]);
  });

  it('escapes what would end a label or a line, and names what is no number', () => {
    const samples = [{ labels: { text: 'a"b\\c\nd' }, value: Number.NaN }];
    const text = formatMetrics([{ type: 'gauge', name: 'x', help: 'one\ntwo', samples }]);
    expect(text).toContain('# HELP x one\\ntwo\n');
    expect(text).toContain('x{text="a\\"b\\\\c\\nd"} NaN\n');
    expect(formatMetrics([single('gauge', 'y', 'Y', Number.POSITIVE_INFINITY)])).toContain('y +Inf\n');
  });
});
