/** The lock between real processes, from dist/: namespaces, deaths, workers that are terminated. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const DIST = new URL('../../../dist/', import.meta.url).href;
const ADDON = fileURLToPath(new URL('../../../build/Release/indelible.node', import.meta.url));

const SHAPE = `{
  identity: { clusterId: '01'.repeat(16), storeUuid: '02'.repeat(16), replicaId: 1 },
  logBytes: 1 << 20,
  recordBytesMax: 1 << 16,
}`;

/** Formats the store in `directory` if there is none, opens it, writes a vote, says so and stays. */
const HOLD = `
  import { formatFile, openFile } from '${DIST}storage/file.js';
  import { digestOf } from '${DIST}storage/crc64.js';
  const directory = process.env.DIRECTORY;
  await formatFile(directory, ${SHAPE}).catch((error) => {
    if (error.code !== 'ERR_INDELIBLE_STORE_EXISTS') throw error;
  });
  const store = await openFile(directory);
  const bytes = new Uint8Array(64).fill(5);
  const slot = store.recovered.highestVoted + 1;
  store.stageVote(slot, 65537, 1, digestOf(bytes, 0, 64), bytes, 0, 64);
  await new Promise((resolve) => { store.onDurable = resolve; store.commit(0); });
`;
const SAY = "process.stdout.write('open ' + slot + '\\n'); setInterval(() => {}, 1000);";

const NAMESPACE = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

let directory: string;
let running: ChildProcess[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'indelible-lock-'));
});
afterEach(async () => {
  for (const child of running) child.kill('SIGKILL');
  running = [];
  rmSync(directory, { recursive: true });
});

interface Outcome {
  readonly output: string;
  readonly errors: string;
}

/** Runs until it says that the store is open, or ends. */
function hold(prefix: readonly string[], addon: boolean): Promise<Outcome> {
  const [command, ...args] = [...prefix, process.execPath, '--input-type=module', '--eval', HOLD + SAY];
  const env = { ...process.env, DIRECTORY: directory, INDELIBLE_ADDON: addon ? ADDON : '/nonexistent' };
  const child = spawn(command!, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  let output = '';
  let errors = '';
  child.stderr!.on('data', (text) => {
    errors += String(text);
  });
  return new Promise((resolve) => {
    child.stdout!.on('data', (text) => {
      output += String(text);
      if (output.endsWith('\n')) resolve({ output, errors });
    });
    child.on('close', () => resolve({ output, errors }));
  });
}

/** Names and bytes of everything the first has. */
function contents(): ReadonlyMap<string, string> {
  const names = readdirSync(directory).filter((name) => name !== 'root');
  return new Map(names.map((name) => [name, readFileSync(join(directory, name)).toString('base64')]));
}

async function death(child: ChildProcess): Promise<void> {
  const dead = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await dead;
}

describe.each([
  ['the addon', true],
  ['flock(1)', false],
])('the store, locked by %s', (_, addon) => {
  it.each([
    ['two processes', []],
    ['two PID namespaces', NAMESPACE],
  ])('is not opened by a second of %s, which changes nothing', async (__, prefix) => {
    expect((await hold(prefix, addon)).output).toBe('open 1\n');
    const before = contents();
    const second = await hold(prefix, addon);
    expect(second.output).toBe('');
    expect(second.errors).toContain('ERR_INDELIBLE_STORE_LOCKED');
    expect(contents()).toEqual(before);
    await death(running[0]!);
    expect((await hold([], addon)).output).toBe('open 2\n');
  });

  it('is kept from the other way of locking too', async () => {
    expect((await hold([], addon)).output).toBe('open 1\n');
    expect((await hold([], !addon)).errors).toContain('ERR_INDELIBLE_STORE_LOCKED');
  });
});

describe('a store opened in a worker that is terminated', () => {
  it.each([
    ['the addon', ADDON],
    ['flock(1)', '/nonexistent'],
  ])('opens again in the same process, with %s, and leaves no descriptor', async (_, addon) => {
    const env = { ...process.env, DIRECTORY: directory, INDELIBLE_ADDON: addon };
    const inWorker = `import { parentPort } from 'node:worker_threads';${HOLD}
      parentPort.postMessage(slot); setInterval(() => {}, 1000);`;
    const url = new URL(`data:text/javascript,${encodeURIComponent(inWorker)}`);
    const slots: unknown[] = [];
    const open: number[] = [];
    for (let round = 0; round < 3; round++) {
      const worker = new Worker(url, { env });
      slots.push(
        await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject)),
      );
      await worker.terminate();
      open.push(readdirSync('/proc/self/fd').length);
    }
    expect(slots).toEqual([1, 2, 3]);
    expect(open[2]).toBe(open[1]);
  });
});

it('a lock file is gone after an orderly end, and its text after a kill harms nothing', () => {
  const program = `${HOLD} await store.close();`;
  const env = { ...process.env, DIRECTORY: directory };
  expect(spawnSync(process.execPath, ['--input-type=module', '--eval', program], { env }).status).toBe(0);
  expect(existsSync(join(directory, 'lock'))).toBe(false);
});
