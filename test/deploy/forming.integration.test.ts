/**
 * The shell scripts of compose.yaml and of the StatefulSets, as a shell runs them, and `serve` with what they
 * have made. The paths of containers are moved below a directory of the test.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freePorts, indelible, PROGRAM, temporaryDirectory } from '../cluster/cluster-process.js';
import { composeServices, statefulSetOf } from './deployment-files.js';

const IDS = [1, 2, 3];

let directory: string;
let replicas: ChildProcess[];
const at = (...names: string[]): string => path.join(directory, ...names);
const modeOf = (file: string): number => fs.statSync(file).mode & 0o777;

beforeEach(() => {
  directory = temporaryDirectory();
  replicas = [];
  fs.mkdirSync(at('bin'));
  const program = `#!/bin/sh\nexec ${process.execPath} ${PROGRAM} "$@"\n`;
  fs.writeFileSync(at('bin', 'indelible'), program, { mode: 0o755 });
});

afterEach(async () => {
  const ends = replicas.map((child) => new Promise((resolve) => child.once('close', resolve)));
  for (const child of replicas) child.kill('SIGTERM');
  await Promise.all(ends);
  fs.rmSync(directory, { recursive: true, force: true });
});

function run(script: string, cwd: string, environment: Record<string, string> = {}): void {
  const env = { ...process.env, PATH: `${at('bin')}:${process.env['PATH']}`, ...environment };
  execFileSync('sh', ['-euc', script], { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Resolves when the replica says who leads. @throws when it ends before */
function serve(args: readonly string[], cwd: string): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  replicas.push(child);
  return new Promise((resolve, reject) => {
    child.once('close', (code) => reject(new Error(`serve ended with ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { msg, leader = 0 } = JSON.parse(line) as { msg: string; leader?: number };
      if (msg === 'role' && leader !== 0) resolve();
    });
  });
}

it('compose.yaml forms a cluster once, and its replicas lead, are well and keep their secrets', async () => {
  const { form, ...services } = composeServices();
  // Compose writes $ as $$; the log is smaller than there.
  const script = form!.command[0]!.replaceAll('$$', '$').replace('--backend', '--region-size 2MiB --backend');
  fs.mkdirSync(at('data'));
  run(script, at('data'));
  for (const secret of ['plan.key', 'password', 'http-token', '1/cluster-key']) {
    expect(modeOf(at('data', secret))).toBe(0o600);
  }
  const plan = fs.readFileSync(at('data', 'plan.json'), 'utf8');
  const password = fs.readFileSync(at('data', 'password'), 'utf8');
  // A store that is gone later stays away.
  fs.renameSync(at('data', '3'), at('data', 'gone'));
  run(script, at('data'));
  expect(fs.existsSync(at('data', '3'))).toBe(false);
  fs.renameSync(at('data', 'gone'), at('data', '3'));
  // An attempt that was interrupted is gone through again, and changes no store.
  fs.rmSync(at('data', 'formed'));
  run(script, at('data'));
  expect(fs.readFileSync(at('data', 'plan.json'), 'utf8')).toBe(plan);
  expect(fs.readFileSync(at('data', 'password'), 'utf8')).not.toBe(password);

  const { port } = await freePorts();
  const peers = IDS.map((id) => `${id}=127.0.0.1:${port + id}`).join(',');
  const started = Object.values(services).map(({ entrypoint, command }, index) => {
    const own = [`--listen=127.0.0.1:${port + index + 1}`, `--peers=${peers}`];
    const ports = [`--redis=127.0.0.1:${port + index + 4}`, `--http=127.0.0.1:${port + index + 7}`];
    // The last of two that are the same wins.
    return serve([...entrypoint.slice(1), ...command, ...own, ...ports], at('data'));
  });
  await Promise.all(started);
  const token = ['--http-token-file', at('data', 'http-token')];
  const ask = async (): Promise<number | null> =>
    (await indelible('health', `127.0.0.1:${port + 7}`, ...token)).code;
  // On a slow machine the lead may change once more.
  while ((await ask()) !== 0);
});

it.each(['statefulset.yaml', 'statefulset-pmem.yaml'])(
  '%s forms only while it is to be formed',
  async (name) => {
    const moved = ['/secret', '/forming', '/run/indelible', '/var/lib/indelible'];
    for (const mount of moved) fs.mkdirSync(at('pod', mount), { recursive: true });
    const { args } = statefulSetOf(name).spec.template.spec.initContainers[0]!;
    const within = args[0]!.replace(
      /(?<![\w.])\/(secret|forming|run\/indelible|var\/lib\/indelible)/g,
      at('pod', '/$1'),
    );
    // What this machine has: no persistent memory, and less room.
    const script = within.replace(/--backend pmem/, '--backend file').replace('1GiB', '2MiB');
    await indelible('format', '--new-plan', '3', '--plan', at('plan.json'));
    fs.copyFileSync(at('plan.json'), at('pod/secret/plan.json'));
    fs.copyFileSync(at('plan.key'), at('pod/secret/cluster-key'));
    for (const secret of ['password', 'http-token'])
      fs.writeFileSync(at('pod/secret', secret), 'a secret of 16…\n');
    // As a volume of a Secret has them.
    for (const file of fs.readdirSync(at('pod/secret'))) fs.chmodSync(at('pod/secret', file), 0o440);
    const start = (): void => run(script, directory, { HOSTNAME: 'indelible-1' });

    start();
    expect(fs.readdirSync(at('pod/var/lib/indelible'))).toEqual([]);
    expect(modeOf(at('pod/run/indelible/cluster-key'))).toBe(0o600);
    fs.writeFileSync(at('pod/forming/format'), 'yes');
    start();
    start();
    const store = ['--dir', at('pod/var/lib/indelible/store'), '--backend', 'file'];
    const { port } = await freePorts();
    const peers = `1=127.0.0.1:${port + 1},2=127.0.0.1:${port + 2},3=127.0.0.1:${port + 3}`;
    const plan = JSON.parse(fs.readFileSync(at('plan.json'), 'utf8')) as { members: { storeUuid: string }[] };
    const child = spawn(
      process.execPath,
      [
        ...[PROGRAM, 'serve', ...store, '--key-file', at('pod/run/indelible/cluster-key')],
        ...['--store', plan.members[1]!.storeUuid, '--listen', `127.0.0.1:${port + 2}`, '--peers', peers],
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    replicas.push(child);
    const [first] = await new Promise<[string]>((resolve) => {
      createInterface({ input: child.stdout }).once('line', (line) => resolve([line]));
    });
    expect(JSON.parse(first)).toMatchObject({ msg: 'ready', replicaId: 2 });
  },
);
