import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { KnownStoresFile } from '../../lib/storage/known-stores.js';

const directory = (): string => mkdtempSync(join(tmpdir(), 'known-'));

it('remembers the opening met last of each peer, over restarts', () => {
  const at = directory();
  const known = new KnownStoresFile(at);
  expect(known.of(2)).toBeUndefined();
  known.remember(2, { incarnation: 7, generation: 1, nonce: 3 });
  known.remember(3, { incarnation: 8, generation: 5, nonce: 4 });
  known.remember(2, { incarnation: 7, generation: 2, nonce: 9 });
  const again = new KnownStoresFile(at);
  expect(again.of(2)).toEqual({ incarnation: 7, generation: 2, nonce: 9 });
  expect(again.of(3)).toEqual({ incarnation: 8, generation: 5, nonce: 4 });
});

it('writes nothing for an opening that it has met, and writes for one of another incarnation', () => {
  const at = directory();
  const known = new KnownStoresFile(at);
  const written = (): number => statSync(join(at, 'known-stores')).ino;
  known.remember(2, { incarnation: 7, generation: 1, nonce: 3 });
  const first = written();
  for (let times = 0; times < 3; times++) known.remember(2, { incarnation: 7, generation: 1, nonce: 3 });
  expect(written()).toBe(first);
  known.remember(2, { incarnation: 8, generation: 1, nonce: 3 });
  expect(new KnownStoresFile(at).of(2)?.incarnation).toBe(8);
});

it('sets aside a file that holds something else, and begins anew', () => {
  for (const text of ['', '{"2":', '{"2":{"incarnation":1}}', '[7]', 'null']) {
    const at = directory();
    writeFileSync(join(at, 'known-stores'), text);
    const known = new KnownStoresFile(at);
    expect([text, known.of(2)]).toEqual([text, undefined]);
    expect(readFileSync(join(at, 'known-stores.damaged'), 'utf8')).toBe(text);
    known.remember(2, { incarnation: 7, generation: 1, nonce: 3 });
    expect(new KnownStoresFile(at).of(2)?.generation).toBe(1);
  }
});

it('goes on in memory where the disk takes nothing', () => {
  const at = join(directory(), 'gone');
  const known = new KnownStoresFile(at);
  known.remember(2, { incarnation: 7, generation: 1, nonce: 3 });
  expect(known.of(2)?.generation).toBe(1);
  expect(existsSync(at)).toBe(false);
});
