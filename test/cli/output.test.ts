import { describe, expect, it } from 'vitest';
import { tableLines } from '../../lib/cli/output.js';

describe('a table', () => {
  it('aligns words to the left and numbers to the right', () => {
    expect(
      tableLines(
        ['name', 'count'],
        [
          ['one', '1'],
          ['twelve', '12'],
        ],
      ),
    ).toEqual(['name    count', 'one         1', 'twelve     12']);
  });

  it('takes rows shorter than its head', () => {
    expect(tableLines(['a', 'b', 'c'], [['1', 'gone']])).toEqual(['a  b     c', '1  gone']);
  });
});
