import { describe, expect, it } from 'vitest';
import type { ClusterFile } from '../../lib/cluster/cluster-file.js';
import { decideFormation, type Wish } from '../../lib/cluster/formation.js';
import { drawPlan } from '../../lib/cluster/plan.js';

const NO_WISH: Wish = { replicas: undefined, backend: undefined, sync: undefined, regionBytes: undefined };

function fileWith(state: ClusterFile['state']): ClusterFile {
  return { ...drawPlan(3), state, backend: 'file', sync: 'none', regionBytes: 1 << 20 };
}

function codeOf(act: () => unknown): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

describe('the formation of an empty directory', () => {
  it('draws three replicas on emulated persistent memory, all of them to be formatted', () => {
    const { file, isNew, missing } = decideFormation('data', undefined, [], NO_WISH);
    expect(isNew).toBe(true);
    expect(missing).toEqual([1, 2, 3]);
    expect(file).toMatchObject({
      state: 'forming',
      backend: 'emulated',
      sync: 'none',
      regionBytes: 128 << 20,
    });
  });

  it('does as it is told', () => {
    const wish: Wish = { replicas: 5, backend: 'file', sync: undefined, regionBytes: 1 << 20 };
    const { file, missing } = decideFormation('data', undefined, [], wish);
    expect(missing).toEqual([1, 2, 3, 4, 5]);
    expect(file).toMatchObject({ backend: 'file', regionBytes: 1 << 20 });
  });

  it.each([
    ['a log too small', { regionBytes: 4096 }],
    ['a log of half a page more', { regionBytes: (1 << 20) + 2048 }],
    ['msync for files', { backend: 'file', sync: 'msync' }],
  ] as const)('refuses %s before anything is written', (_, wish) => {
    const decide = () => decideFormation('data', undefined, [], { ...NO_WISH, ...wish });
    expect(codeOf(decide)).toBe('ERR_INDELIBLE_ARGUMENT');
  });

  it('refuses stores that nothing says the owner of', () => {
    expect(codeOf(() => decideFormation('data', undefined, [2], NO_WISH))).toBe(
      'ERR_INDELIBLE_STORE_FOREIGN',
    );
  });
});

describe('the formation of a directory that holds a cluster', () => {
  it('counts who is replaced and who replaces it as one', () => {
    const formed = fileWith('formed');
    const heir = { id: 4, storeUuid: '4'.repeat(32) };
    const file: ClusterFile = {
      ...formed,
      members: [...formed.members, heir],
      replacement: { gone: [3], heir, phase: 'joining' },
    };
    const wish: Wish = { ...NO_WISH, replicas: 3 };
    expect(decideFormation('data', file, [1, 4], wish)).toEqual({ file, isNew: false, missing: [] });
    expect(codeOf(() => decideFormation('data', file, [3, 4], wish))).toBe('ERR_INDELIBLE_STORE_MISSING');
  });

  it('has nothing to do when all stores are there', () => {
    const file = fileWith('formed');
    expect(decideFormation('data', file, [1, 2, 3], NO_WISH)).toEqual({ file, isNew: false, missing: [] });
  });

  it('goes on with the same plan where formatting was interrupted', () => {
    const file = fileWith('forming');
    expect(decideFormation('data', file, [1], NO_WISH)).toEqual({ file, isNew: false, missing: [2, 3] });
  });

  it('never formats anew a store that may have voted: the others go on, if they are a majority', () => {
    const file = fileWith('formed');
    expect(decideFormation('data', file, [1, 3], NO_WISH)).toEqual({ file, isNew: false, missing: [] });
    const decide = () => decideFormation('data', file, [3], NO_WISH);
    expect(codeOf(decide)).toBe('ERR_INDELIBLE_STORE_MISSING');
    expect(decide).toThrow(/replica 1, 2/);
  });

  it('accepts a wish that agrees with the data', () => {
    const wish: Wish = { replicas: 3, backend: 'file', sync: 'none', regionBytes: 1 << 20 };
    expect(decideFormation('data', fileWith('formed'), [1, 2, 3], wish).missing).toEqual([]);
  });

  it.each([
    ['--replicas 3, not 5', { replicas: 5 }],
    ['--backend file, not pmem', { backend: 'pmem' }],
    ['--sync none, not msync', { sync: 'msync' }],
    ['--region-size 1048576, not 4096', { regionBytes: 4096 }],
  ] as const)('refuses a wish that does not: %s', (sentence, wish) => {
    const decide = () => decideFormation('data', fileWith('formed'), [1, 2, 3], { ...NO_WISH, ...wish });
    expect(codeOf(decide)).toBe('ERR_INDELIBLE_STORE_FOREIGN');
    expect(decide).toThrow(sentence);
  });
});
