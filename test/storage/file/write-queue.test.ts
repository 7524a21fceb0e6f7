/** The order of durable writes: what begins when, and what never begins. */
import { describe, expect, it } from 'vitest';
import { type MediumEvent, RecordingMedium } from '../../../lib/storage/file/recording-medium.js';
import { SerialQueue } from '../../../lib/storage/file/write-queue.js';
import { formatFile, openFile } from '../../../lib/storage/file.js';
import { ballotOf, SHAPE, stage, until } from '../../contract/storage.js';

const PATH = '/d/file';
const DIRECTORY = '/d/store';

/** What happens to groups and roots, in order, with what `note` adds. */
function eventsOf(medium: RecordingMedium): string[] {
  const events: string[] = [];
  medium.onEvent = ({ what, site }: MediumEvent) => {
    if (site === 'group' || site === 'root') events.push(`${what} ${site}`);
  };
  return events;
}

async function setUp() {
  const medium = new RecordingMedium();
  const file = await medium.open(PATH, 'create');
  await file.write(new Uint8Array(8192), 0, 'group');
  const events = eventsOf(medium);
  const queue = new SerialQueue();
  const write = (byte: number): Promise<Error | undefined> =>
    new Promise((resolve) => {
      queue.write(file, new Uint8Array(4096).fill(byte), 0, 'group', (error) => {
        events.push(`done ${byte}`);
        resolve(error);
      });
    });
  return { medium, events, queue, write };
}

describe('a queue of durable writes', () => {
  it('begins a write when the one before is durable, and before its owner hears', async () => {
    const { events, write } = await setUp();
    await Promise.all([write(1), write(2), write(3)]);
    expect(events).toEqual([
      ...['write group', 'sync group'],
      ...['write group', 'done 1', 'sync group'],
      ...['write group', 'done 2', 'sync group', 'done 3'],
    ]);
  });

  it('begins nothing after a failure', async () => {
    const { medium, events, write } = await setUp();
    medium.failNext('EIO', 'group');
    const [first, second, third] = await Promise.all([write(1), write(2), write(3)]);
    expect(first).toMatchObject({ code: 'EIO' });
    expect([second, third, await write(4)]).toEqual([first, first, first]);
    expect(events).toEqual(['write group', 'sync group', 'done 1', 'done 2', 'done 3', 'done 4']);
  });

  it('begins nothing after something else failed, and lets what is under way end', async () => {
    const { events, queue, write } = await setUp();
    const writes = [write(1), write(2)];
    queue.halt(new Error('elsewhere'));
    expect(await Promise.all(writes)).toEqual([undefined, new Error('elsewhere')]);
    expect(events).toEqual(['write group', 'sync group', 'done 1', 'done 2']);
  });
});

describe('the file log and its queue', () => {
  async function opened() {
    const medium = new RecordingMedium();
    await formatFile(DIRECTORY, SHAPE, medium);
    const storage = await openFile(DIRECTORY, medium);
    const events = eventsOf(medium);
    storage.onDurable = (through) => events.push(`durable ${through}`);
    const vote = (slot: number): void => {
      expect(stage(storage, slot, ballotOf(1), 100)).toBe(true);
      storage.commit(0);
    };
    return { medium, storage, events, vote };
  }

  it('has the next group ready when one becomes durable, and gathers the rest', async () => {
    const { storage, events, vote } = await opened();
    for (let slot = 1; slot <= 4; slot++) vote(slot);
    await until(() => storage.durableThrough === 4);
    expect(events).toEqual([
      ...['write group', 'sync group'],
      ...['write group', 'durable 1', 'sync group'],
      ...['write group', 'durable 2', 'sync group', 'durable 4'],
    ]);
    await storage.close();
  });

  it('writes a root when no group is under way, and no group while it writes one', async () => {
    const { storage, events, vote } = await opened();
    vote(1);
    vote(2);
    storage.trim(1, 1);
    vote(3);
    await until(() => storage.durableThrough === 3);
    expect(events).toEqual([
      ...['write group', 'sync group'],
      ...['write group', 'durable 1', 'sync group'],
      ...['write root', 'durable 2', 'sync root', 'write root', 'sync root'],
      ...['write group', 'sync group', 'durable 3'],
    ]);
    await storage.close();
  });

  it('never begins the group that was sealed behind one that failed', async () => {
    const { medium, storage, events, vote } = await opened();
    const failures: Error[] = [];
    storage.onFailure = (error) => failures.push(error);
    vote(1);
    vote(2);
    medium.failNext('EIO', 'group');
    await until(() => failures.length > 0);
    await storage.close();
    expect(events).toEqual(['write group', 'sync group']);
    expect(failures).toMatchObject([{ code: 'ERR_INDELIBLE_STORE_IO' }]);
    const again = await openFile(
      DIRECTORY,
      medium.powerCut(() => 0),
    );
    expect(again.recovered).toMatchObject({ outcome: 'intact', votes: [] });
    await again.close();
  });
});
