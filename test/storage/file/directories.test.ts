/** The name of a directory is durable before anything in it is, whoever was killed while it was made. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeDurableDirectory } from '../../../lib/storage/file/directories.js';
import type { FileMedium } from '../../../lib/storage/file/medium.js';
import { RecordingMedium } from '../../../lib/storage/file/recording-medium.js';

const DIRECTORY = '/a/b/c';

/** A power cut that keeps nothing that it need not keep. */
function worstCut(medium: RecordingMedium): RecordingMedium {
  return medium.cut(medium.units().map(() => 0));
}

/** `medium`, of whose changes and syncs only the first `steps` happen; then the process is killed. */
function killedAfter(medium: RecordingMedium, steps: number): FileMedium {
  let left = steps;
  const step = (): void => {
    if (left-- === 0) throw new Error('killed');
  };
  return new Proxy(medium, {
    get: (target, name) => {
      const method = (target as unknown as Record<PropertyKey, (...rest: unknown[]) => unknown>)[name]!;
      return (...rest: unknown[]) => {
        step();
        return method.apply(target, rest);
      };
    },
  });
}

describe('a durable directory', () => {
  it('is there after a power cut, with those above it', async () => {
    const medium = new RecordingMedium();
    await makeDurableDirectory(medium, DIRECTORY);
    expect(await worstCut(medium).list(DIRECTORY)).toEqual([]);
  });

  it('is not, as the medium has it, before the directory above it is synced', async () => {
    const medium = new RecordingMedium();
    await medium.makeDirectory('/a');
    const file = await medium.open('/a/file', 'create');
    await file.sync('group');
    await medium.syncDirectory('/a', 'group');
    await expect(worstCut(medium).list('/a')).rejects.toThrow('ENOENT');
    expect(() => worstCut(medium).bytesOf('/a/file')).toThrow('ENOENT');
    await medium.syncDirectory('/', 'directory');
    expect(await worstCut(medium).list('/a')).toEqual(['file']);
  });

  it('is there too if processes were killed at any step while they made it', async () => {
    const steps = fc.array(fc.nat({ max: 9 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(steps, async (kills) => {
        let medium = new RecordingMedium();
        for (const kill of kills) {
          await makeDurableDirectory(killedAfter(medium, kill), DIRECTORY).catch(() => {});
          medium = medium.killed();
        }
        await makeDurableDirectory(medium, DIRECTORY);
        expect(await worstCut(medium).list(DIRECTORY)).toEqual([]);
      }),
    );
  });
});
