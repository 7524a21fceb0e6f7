import { describe, expect, it } from 'vitest';
import { formatSize, parseSize } from '../../lib/cli/size.js';

describe('a size', () => {
  it.each([
    ['4096', 4096],
    ['64KiB', 65_536],
    ['64k', 65_536],
    ['1.5 GiB', 1_610_612_736],
    ['2tib', 2_199_023_255_552],
    [' 1M ', 1_048_576],
  ])('is read from %j', (text, bytes) => {
    expect(parseSize(text, '--region-size')).toBe(bytes);
  });

  it.each(['', 'MiB', '-1', '1MB', '1e9', '0.3B', '99999999TiB', 'ten'])('is not read from %j', (text) => {
    expect(() => parseSize(text, '--region-size')).toThrow(/--region-size must be a size like/);
  });

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [65_536, '64 KiB'],
    [1_610_612_736, '1.5 GiB'],
  ])('of %d is shown as %j', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });
});
