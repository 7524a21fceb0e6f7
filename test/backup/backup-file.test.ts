/**
 * The bytes of a back-up: whole or refused, and under its name only when whole, whatever happens meanwhile.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BackupFile } from '../../lib/backup/backup-file.js';
import { PartKind } from '../../lib/backup/backup-format.js';
import { BackupWriter, writeBackup } from '../../lib/backup/backup-writer.js';
import type { RecordingMedium } from '../../lib/storage/file/recording-medium.js';
import { seededRandom } from '../storage/file/random.js';
import {
  BASE,
  checkpointBytes,
  commandsVote,
  encoded,
  mediumFor,
  SAMPLE,
  sample,
  sampleFile,
  VOTES,
} from './sample.js';

const PATH = SAMPLE;
const INVALID = /^ERR_INDELIBLE_(BACKUP_INVALID|CHECKPOINT_INVALID|STORE_VERSION)$/;
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: { code?: string }) => error.code ?? String(error),
  );

describe('a back-up', () => {
  it('gives back the state, and every batch behind it', async () => {
    const file = await sampleFile();
    expect(Buffer.concat([...file.chunks()]).toString()).toBe('40');
    expect(file.meta.throughSlot).toBe(BASE);
    expect(file.throughSlot).toBe(7);
    for (const { slot, digest, kind, bytes } of [...VOTES].reverse()) {
      expect(file.batch(slot)).toMatchObject({ digest, kind });
      expect(Buffer.compare(file.batch(slot).bytes, bytes)).toBe(0);
    }
    expect(() => file.batch(8)).toThrow(/does not have slot 8/);
    await file.close();
  });

  it('without a log is the state alone', async () => {
    const file = await sampleFile([]);
    expect(file.throughSlot).toBe(BASE);
    expect(Buffer.concat([...file.chunks()]).toString()).toBe('40');
  });

  it('with any one byte changed, cut off anywhere, or longer than it was, is refused', async () => {
    const medium = await mediumFor();
    await (await sampleFile(VOTES, '40', medium)).close();
    const whole = Buffer.from(medium.bytesOf(PATH));
    const open = async (bytes: Uint8Array): Promise<string> => {
      const other = await mediumFor();
      const file = await other.open(PATH, 'create');
      await file.write(bytes, 0, 'backup');
      return codeOf(BackupFile.open(PATH, other));
    };
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 0x41;
      expect(await open(changed), `byte ${at}`).toMatch(INVALID);
      expect(await open(whole.subarray(0, at)), `cut at ${at}`).toMatch(INVALID);
    }
    expect(await open(Buffer.concat([whole, Buffer.alloc(1)]))).toMatch(INVALID);
    expect(await open(whole)).toBe('none');
  });

  it('of any bytes at all is refused with its code', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const medium = await mediumFor();
        await (await medium.open(PATH, 'create')).write(bytes, 0, 'backup');
        expect(await codeOf(BackupFile.open(PATH, medium))).toMatch(INVALID);
      }),
    );
  });
});

describe('what is written as a back-up', () => {
  const refused = async (
    change: (parts: (readonly [PartKind, Uint8Array])[]) => (readonly [PartKind, Uint8Array])[],
  ): Promise<string> => {
    const { description, parts } = await sample();
    const medium = await mediumFor();
    const code = await codeOf(writeBackup(PATH, description, change([...parts]), medium));
    expect(await medium.list('/d')).toEqual([]);
    return code;
  };

  it('leaves out no slot, and has none twice, nor another batch', async () => {
    const [first, second] = [encoded(VOTES.slice(0, 3)), encoded(VOTES.slice(3))];
    const other = encoded([commandsVote(7, 'add 2000')]);
    expect(await refused(([, ...rest]) => [[PartKind.log, second], ...rest.slice(1)])).toMatch(INVALID);
    expect(await refused((parts) => [[PartKind.log, first], ...parts])).toMatch(INVALID);
    expect(await refused(([head, , ...rest]) => [head!, [PartKind.log, other], ...rest])).toMatch(INVALID);
    expect(await refused(([head, , ...rest]) => [head!, ...rest])).toMatch(INVALID);
  });

  it('has a whole checkpoint, the one that was offered', async () => {
    const other = await checkpointBytes('41', 'e'.repeat(32));
    expect(await refused((parts) => parts.slice(0, -1))).toMatch(INVALID);
    expect(await refused((parts) => [...parts, parts.at(-1)!])).toMatch(INVALID);
    expect(await refused(([a, b]) => [a!, b!, [PartKind.checkpoint, other]])).toMatch(INVALID);
  });

  it('is given its name only when it is durable and was verified: at no crash is there half of one', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = seededRandom(seed);
      const medium = await mediumFor();
      const images: RecordingMedium[] = [];
      medium.onEvent = () => images.push(medium.powerCut(random), medium.killed());
      const { description, parts } = await sample();
      await writeBackup(PATH, description, parts, medium);
      // From the moment it is said to be there it is.
      for (let cut = 0; cut < 5; cut++) {
        expect(await codeOf(BackupFile.open(PATH, medium.powerCut(random))), `seed ${seed}`).toBe('none');
      }
      for (const image of images) {
        expect(await codeOf(BackupFile.open(PATH, image)), `seed ${seed}`).toMatch(/^(none|ENOENT)$/);
      }
    }
  });

  it('on a disk that is full or fails, at any write, sync or rename, is not there', async () => {
    const { description, parts } = await sample();
    for (const code of ['ENOSPC', 'EIO']) {
      for (let failing = 0; ; failing++) {
        const medium = await mediumFor();
        let events = 0;
        medium.onEvent = () => {
          if (events++ === failing) medium.failNext(code, 'backup');
        };
        const outcome = await codeOf(writeBackup(PATH, description, parts, medium));
        if (events <= failing) break;
        medium.onEvent = () => {};
        const isThere = (await medium.list('/d')).includes('sample.backup');
        // A directory that cannot be synced may still have the name: of a whole file.
        if (isThere) expect(await codeOf(BackupFile.open(PATH, medium))).toBe('none');
        else expect(outcome).toBe('ERR_INDELIBLE_STORE_IO');
      }
    }
  });

  it('is read back: what a disk has not kept is found before it has its name', async () => {
    const { description, parts } = await sample();
    const medium = await mediumFor();
    const writer = await BackupWriter.create(PATH, description, medium);
    for (const [kind, bytes] of parts) await writer.add(kind, bytes);
    const [aside] = await medium.list('/d');
    await (await medium.open(`/d/${aside}`, 'write')).sync('backup');
    medium.spoil(`/d/${aside}`, 300, Uint8Array.of(1, 2, 3, 4));
    expect(await codeOf(writer.finish())).toMatch(INVALID);
    expect(await medium.list('/d')).toEqual([]);
  });

  it('never takes the place of what is there', async () => {
    const { description, parts } = await sample();
    const medium = await mediumFor();
    await writeBackup(PATH, description, parts, medium);
    const before = Buffer.from(medium.bytesOf(PATH));
    expect(await codeOf(writeBackup(PATH, description, parts, medium))).toBe('ERR_INDELIBLE_STORE_EXISTS');
    expect(Buffer.compare(before, medium.bytesOf(PATH))).toBe(0);
  });
});
