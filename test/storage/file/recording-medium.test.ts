/** The recording medium is what the crash tests trust: it must show every state a power cut can leave. */
import { describe, expect, it } from 'vitest';
import { RecordingMedium } from '../../../lib/storage/file/recording-medium.js';
import { seededRandom } from './random.js';

const PATH = '/d/file';
const page = (byte: number): Uint8Array => new Uint8Array(1024).fill(byte);

/**
 * The distinct contents (first byte of each sector) that power cuts leave of PATH; '-' where it is not
 * there.
 */
function imagesOf(medium: RecordingMedium, path: string = PATH): string[] {
  const seen = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    const image = medium.powerCut(seededRandom(seed));
    try {
      const bytes = image.bytesOf(path);
      seen.add(`${bytes[0] ?? ''},${bytes[512] ?? ''}`);
    } catch {
      seen.add('-');
    }
  }
  return [...seen].sort();
}

async function synced(): Promise<RecordingMedium> {
  const medium = new RecordingMedium();
  const file = await medium.open(PATH, 'create');
  await file.write(page(1), 0, 'group');
  await file.sync('group');
  await medium.syncDirectory('/d', 'group');
  return medium;
}

describe('a recording medium', () => {
  it('leaves each unsynced sector old or new, and synced ones new', async () => {
    const medium = await synced();
    expect(imagesOf(medium)).toEqual(['1,1']);
    const file = await medium.open(PATH, 'write');
    await file.write(page(2), 0, 'group');
    expect(imagesOf(medium)).toEqual(['1,1', '1,2', '2,1', '2,2']);
    await file.write(page(3), 0, 'group');
    expect(imagesOf(medium).length).toBe(9);
    await file.sync('group');
    expect(imagesOf(medium)).toEqual(['3,3']);
  });

  it('leaves unsynced names done or not, whatever the file is', async () => {
    const medium = await synced();
    await medium.rename(PATH, '/d/other', 'identity');
    expect(imagesOf(medium)).toEqual(['-', '1,1']);
    expect(imagesOf(medium, '/d/other')).toEqual(['-', '1,1']);
    await medium.syncDirectory('/d', 'identity');
    expect(imagesOf(medium)).toEqual(['-']);
    expect(imagesOf(medium, '/d/other')).toEqual(['1,1']);
  });

  it('may lose a synced file whose name was not synced', async () => {
    const medium = new RecordingMedium();
    const file = await medium.open(PATH, 'create');
    await file.write(page(1), 0, 'group');
    await file.sync('group');
    expect(imagesOf(medium)).toEqual(['-', '1,1']);
  });

  it('shows after the death of the process what is not durable yet', async () => {
    const medium = await synced();
    const file = await medium.open(PATH, 'write');
    await file.write(page(2), 0, 'group');
    const killed = medium.killed();
    expect(killed.bytesOf(PATH)[0]).toBe(2);
    expect(imagesOf(killed)).toEqual(['1,1', '1,2', '2,1', '2,2']);
    await (await killed.open(PATH, 'write')).sync('group');
    expect(imagesOf(killed)).toEqual(['2,2']);
    expect(imagesOf(medium).length).toBe(4);
  });

  it('makes a durable write durable only when it says so', async () => {
    const medium = await synced();
    const file = await medium.open(PATH, 'write');
    const done = new Promise<void>((resolve) => file.writeDurable(page(2), 0, 'group', () => resolve()));
    expect(imagesOf(medium).length).toBe(4);
    await done;
    expect(imagesOf(medium)).toEqual(['2,2']);
  });
});
