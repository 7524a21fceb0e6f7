import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { errorLines } from '../../lib/cli/error-report.js';
import { exitCodeOf, isLasting } from '../../lib/cli/exit-code.js';
import { argumentError, ErrorCode, IndelibleError } from '../../lib/errors.js';

describe('an error', () => {
  it('is printed with its code, its sentence, and what to do', () => {
    const error = new IndelibleError(ErrorCode.storeLocked, 'replica 1 runs already');
    expect(errorLines(error)).toEqual([
      'error ERR_INDELIBLE_STORE_LOCKED: replica 1 runs already',
      '  Stop the other process first, or choose another --dir.',
    ]);
  });

  it('of the system gets the advice of its cause', () => {
    const cause = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    const error = new IndelibleError(ErrorCode.storeIo, 'cannot write', { cause });
    expect(errorLines(error)[1]).toMatch(/Free some space/);
  });

  it('that nobody foresaw comes with its stack', () => {
    expect(errorLines(new Error('what')).join('\n')).toMatch(/^error ERR_UNEXPECTED: what\n.* at /s);
  });
});

describe('the exit code', () => {
  it.each([
    [2, argumentError('no')],
    [2, new CommanderError(1, 'commander.unknownOption', "error: unknown option '--colour'")],
    [0, new CommanderError(0, 'commander.help', '')],
    [3, new IndelibleError(ErrorCode.storeForeign, 'of another cluster')],
    [3, new IndelibleError(ErrorCode.storeExists, 'there is one')],
    [3, new IndelibleError(ErrorCode.storeMissing, 'there is none')],
    [3, new IndelibleError(ErrorCode.storeVersion, 'of a later format')],
    [1, new IndelibleError(ErrorCode.network, 'in use')],
    [1, new Error('what')],
  ])('is %d for %s', (code, error) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  it('tells what would fail again from what may not', () => {
    expect(isLasting(ErrorCode.storeForeign)).toBe(true);
    expect(isLasting(ErrorCode.network)).toBe(true);
    expect(isLasting(ErrorCode.stopped)).toBe(false);
  });
});
