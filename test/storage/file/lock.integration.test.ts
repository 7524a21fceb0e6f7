import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockDirectory } from '../../../lib/storage/file/lock.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'indelible-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const statOf = (pid: number): readonly string[] =>
  readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');

it('keeps a second process out while the holder runs, and lets it in when it has let go', async () => {
  const release = await lockDirectory(directory);
  await expect(lockDirectory(directory)).rejects.toMatchObject({ code: 'ERR_INDELIBLE_STORE_LOCKED' });
  await release();
  await (await lockDirectory(directory))();
});

it('takes no notice of a holder that was killed, even if nobody has waited for it yet', async () => {
  // The shell becomes a sleep that never waits for the child it has; only then may the child end.
  const parent = spawn('sh', ['-c', 'cat <&3 & echo $!; exec sleep 600 3<&-'], {
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
  });
  try {
    const [line] = await createInterface({ input: parent.stdout! })
      [Symbol.asyncIterator]()
      .next()
      .then(({ value }) => [String(value)]);
    const zombie = Number(line);
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    while (readFileSync(`/proc/${parent.pid}/comm`, 'utf8') !== 'sleep\n') await turn();
    (parent.stdio[3] as Writable).end();
    while (statOf(zombie)[0] !== 'Z') await turn();
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().replaceAll('-', '');
    writeFileSync(join(directory, `lock-${zombie}-${statOf(zombie)[19]}-${boot}-1`), '');
    await (await lockDirectory(directory))();
  } finally {
    parent.kill('SIGKILL');
  }
});
