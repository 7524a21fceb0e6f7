import { describe, expect, it } from 'vitest';
import { parseRedisCsv } from '../../../bench/cluster/redis-benchmark.js';

const HEAD = ['avg', 'min', 'p50', 'p95', 'p99', 'max'].map((name) => `"${name}_latency_ms"`).join(',');
const CSV = `"test","rps",${HEAD}
"SET","303030.31","1.848","0.208","0.991","4.623","4.751","9.815"
"GET","588235.25","0.994","0.112","0.495","4.719","4.863","4.903"
`;

describe('what redis-benchmark prints', () => {
  it('is read by the names of its columns', () => {
    expect(parseRedisCsv(CSV)).toEqual([
      { test: 'SET', requestsPerSecond: 303030.31, p50Microseconds: 991, p99Microseconds: 4751 },
      { test: 'GET', requestsPerSecond: 588235.25, p50Microseconds: 495, p99Microseconds: 4863 },
    ]);
  });

  it('may have other lines around it', () => {
    expect(parseRedisCsv(`WARNING: whatever\n${CSV}\n`)).toHaveLength(2);
  });

  it('is refused without those columns', () => {
    expect(() => parseRedisCsv('')).toThrow(RangeError);
    expect(() => parseRedisCsv('"test","rps"\n"SET","1"')).toThrow(RangeError);
  });
});
