/** Faults under the mapping of a region that is open: files cut off while in use raise real SIGBUS. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { formatPmem, openPmem } from '../../lib/storage/pmem.js';
import { ballotOf, SHAPE, stage } from '../contract/storage.js';

const directories: string[] = [];
const LOG_AT_BYTES = 0x4000;

function freshRegion(): string {
  const directory = mkdtempSync(join(tmpdir(), 'indelible-faults-'));
  directories.push(directory);
  const path = join(directory, 'region');
  formatPmem({ ...SHAPE, path });
  return path;
}

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

const withCode = (code: string): unknown => expect.objectContaining({ code });

/** How a process ends that runs `script` as a module that can open regions. */
function fateOf(script: string, env: Record<string, string> = {}): Promise<string> {
  const imports = `import { openPmem } from '${new URL('../../lib/storage/pmem.ts', import.meta.url)}';`;
  return new Promise((resolve) => {
    const args = ['--import', 'tsx', '--input-type=module', '--eval', `${imports}\n${script}`];
    execFile(process.execPath, args, { env: { ...process.env, ...env } }, (error, stdout) => {
      resolve(error?.signal ?? `${stdout.trim()}${error === null ? '' : ` exit ${error.code}`}`);
    });
  });
}

describe('a region cut off while it is open', () => {
  it.each(['two-fence', 'fused'] as const)(
    'poisons the log at the next append (%s), with a code and where',
    async (pipeline) => {
      const path = freshRegion();
      const storage = openPmem({ path, mode: 'emulated', pipeline });
      const failures: Error[] = [];
      storage.onFailure = (error) => failures.push(error);
      stage(storage, 1, ballotOf(1), 500);
      storage.commit(0);
      storage.drain();
      truncateSync(path, LOG_AT_BYTES);
      stage(storage, 2, ballotOf(1), 500);
      expect(() => storage.commit(0)).toThrow(withCode('ERR_INDELIBLE_STORE_IO'));
      expect(failures).toHaveLength(1);
      expect(failures[0]!.message).toMatch(
        /bytes \d+ to \d+ of the region can no longer be reached \(SIGBUS\)/,
      );
      expect(storage.durableThrough).toBe(1);
      const poisoned = withCode('ERR_INDELIBLE_STORE_POISONED');
      expect(() => stage(storage, 3, ballotOf(1), 8)).toThrow(poisoned);
      expect(() => storage.readVote(1)).toThrow(poisoned);
      await storage.close();
    },
  );

  it('poisons it at the next read', async () => {
    const path = freshRegion();
    const storage = openPmem({ path, mode: 'emulated' });
    stage(storage, 1, ballotOf(1), 500);
    storage.commit(0);
    truncateSync(path, LOG_AT_BYTES);
    expect(() => storage.readVote(1)).toThrow(withCode('ERR_INDELIBLE_STORE_IO'));
    expect(() => storage.stagePromise(ballotOf(2))).toThrow(withCode('ERR_INDELIBLE_STORE_POISONED'));
    await storage.close();
    expect(() => openPmem({ path, mode: 'emulated' })).toThrow(withCode('ERR_INDELIBLE_STORE_FOREIGN'));
  });

  it('leaves other signals as they were: a SIGBUS that is not of a region ends the process', async () => {
    const path = freshRegion();
    const script = `openPmem({ path: ${JSON.stringify(path)}, mode: 'emulated' });
      process.kill(process.pid, 'SIGBUS'); setInterval(() => {}, 1000);`;
    expect(await fateOf(script)).toBe('SIGBUS');
  });
});

describe('an environment that lies about persistent memory', () => {
  it.each(['PMEM_IS_PMEM_FORCE', 'PMEM_NO_FLUSH'])(
    'is refused, also when %s is gone by the time',
    async (name) => {
      const path = freshRegion();
      const script = `const path = ${JSON.stringify(path)};
      await openPmem({ path, mode: 'emulated' }).close();
      const tries = [];
      for (const gone of [false, true]) {
        if (gone) delete process.env['${name}'];
        try { openPmem({ path, mode: 'pmem' }); tries.push('opened'); } catch (error) { tries.push(error.code); }
      }
      console.log(tries.join(' '));`;
      const refused = 'ERR_INDELIBLE_NOT_PERSISTENT_MEMORY';
      expect(await fateOf(script, { [name]: '1' })).toBe(`${refused} ${refused}`);
    },
  );
});
