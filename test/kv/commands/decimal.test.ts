import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDecimals, type Decimal, formatDecimal, parseDecimal } from '../../../lib/kv/commands/decimal.js';
import { seeded } from '../random.js';

const FILE = 'test/kv/commands/decimal.test.ts';

function parse(text: string): Decimal | undefined {
  const bytes = Buffer.from(text);
  return parseDecimal(bytes, 0, bytes.length);
}

function sum(a: string, b: string): string | undefined {
  return formatDecimal(addDecimals(parse(a)!, parse(b)!));
}

describe('decimal fractions', () => {
  it.each([
    ['0.1', '0.2', '0.3'],
    ['3.0', '1.10', '4.1'],
    ['-0.5', '0.5', '0'],
    ['1e3', '-1e-3', '999.999'],
    ['1.', '.5', '1.5'],
    ['0', '0.000000000000000005', '0'],
    ['0', '0.000000000000000015', '0.00000000000000002'],
    ['0', '-0.000000000000000016', '-0.00000000000000002'],
    ['1e300', '1', `1${'0'.repeat(299)}1`],
  ])('%s + %s = %s', (a, b, expected) => {
    expect(sum(a, b)).toBe(expected);
  });

  it.each([
    '',
    '.',
    'e1',
    '1e',
    'inf',
    '-nan',
    '0x1',
    '1 ',
    ' 1',
    '1,5',
    '--1',
    '1e99999',
    '1e401',
    '1e-401',
  ])('are not %j', (text) => {
    expect(parse(text)).toBeUndefined();
  });

  it('lose nothing when added and taken away again', () => {
    const number = fc
      .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.nat(17))
      .map(([units, places]) => formatDecimal({ units, places })!);
    fc.assert(
      fc.property(number, number, (a, b) => {
        const there = sum(a, b)!;
        const back = b.startsWith('-') ? b.slice(1) : `-${b}`;
        expect(sum(there, back)).toBe(a);
        expect(sum(b, a)).toBe(there);
      }),
      seeded(FILE, 250),
    );
  });

  it('are refused when they grow past the bound', () => {
    expect(sum(`${'9'.repeat(400)}`, '1')).toBeUndefined();
  });
});
