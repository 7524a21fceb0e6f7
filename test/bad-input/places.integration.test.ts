/**
 * Places where no cluster can be: each refused with a code and the exit code of its kind, nothing written.
 * Small and read-only disks are tmpfs mounts in a namespace of their own, which go with the process that made
 * them.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type CommandResult,
  freePorts,
  indelible,
  type Ports,
  PROGRAM,
  temporaryDirectory,
} from '../cluster/cluster-process.js';
import { forgetMount, onTmpfs } from './mounts.js';

let directory: string;
let ports: Ports;

beforeEach(async () => {
  directory = temporaryDirectory();
  ports = await freePorts();
});
afterEach(() => {
  forgetMount(directory);
  fs.rmSync(directory, { recursive: true, force: true });
});

function flags(dir: string): readonly string[] {
  return ['--dir', dir, '--port', String(ports.port), '--peer-port', String(ports.peerPort)];
}

/** Runs the program with `mount` at `directory`, then `after` in the same place. */
function onMount(mount: string, args: readonly string[], after = 'true'): Promise<CommandResult> {
  const command = [process.execPath, PROGRAM, ...args].map((word) => `'${word}'`).join(' ');
  const script = `${command}; code=$?; ${after}; exit $code`;
  return new Promise((resolve, reject) => {
    const [program, ...words] = onTmpfs(directory, mount, script);
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let problems = '';
    child.stdout.on('data', (text) => {
      out += String(text);
    });
    child.stderr.on('data', (text) => {
      problems += String(text);
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, problems }));
  });
}

describe('cluster', () => {
  it('does not make up a directory whose parent is absent: it may be a mount', async () => {
    const { code, problems } = await indelible('cluster', ...flags(path.join(directory, 'absent', 'data')));
    expect(code).toBe(1);
    expect(problems).toMatch(/^error ERR_INDELIBLE_STORE_IO: cannot create .*: the directory does not exist/);
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  it('refuses a file where a directory should be', async () => {
    const file = path.join(directory, 'file');
    fs.writeFileSync(file, 'mine');
    const { code, problems } = await indelible('cluster', ...flags(file));
    expect(code).toBe(1);
    expect(problems).toMatch(/^error ERR_INDELIBLE_STORE_IO: cannot use /);
    expect(fs.readFileSync(file, 'utf8')).toBe('mine');
  });

  it('refuses a read-only directory', async () => {
    const { code, problems } = await onMount('ro,size=1m', [
      'cluster',
      ...flags(path.join(directory, 'data')),
    ]);
    expect(problems).toMatch(/^error ERR_INDELIBLE_STORE_IO: cannot create .*: the file system is read-only/);
    expect(code).toBe(1);
  });

  it.each(['emulated', 'file'])(
    'refuses a disk too small for its logs before it writes any (%s)',
    async (backend) => {
      const args = ['cluster', ...flags(path.join(directory, 'data')), '--backend', backend];
      const { code, out, problems } = await onMount('size=8m', args, `ls '${directory}/data'`);
      expect(problems).toMatch(
        /^error ERR_INDELIBLE_STORE_IO: 3 stores take \d+ MiB, and .* has \d+ MiB free/,
      );
      expect(code).toBe(1);
      expect(out).toBe('');
    },
  );

  it('refuses a port that is in use, before it writes anything', async () => {
    const squatter = net.createServer();
    await new Promise<void>((resolve) => {
      squatter.listen(ports.peerPort + 1, '127.0.0.1', resolve);
    });
    try {
      const { code, problems } = await indelible('cluster', ...flags(path.join(directory, 'data')));
      expect(code).toBe(1);
      expect(problems).toMatch(
        /^error ERR_INDELIBLE_NETWORK: peer port of replica 2: another process listens on 127\.0\.0\.1:\d+ already/,
      );
      expect(fs.readdirSync(directory).flatMap((name) => fs.readdirSync(path.join(directory, name)))).toEqual(
        [],
      );
    } finally {
      squatter.close();
    }
  });

  it.each([
    [['--region-size', '4kB'], '--region-size must be a size like'],
    [['--region-size', '4KiB'], 'a region has at least 64KiB'],
    [['--replicas', '0'], 'expected a whole number from 1 to 15'],
    [['--port', '70000'], '--port must be a port from 1 to 65535'],
    [['--backend', 'tape'], 'Allowed choices are emulated, pmem, file'],
    [['--no-such-flag'], "unknown option '--no-such-flag'"],
  ])('refuses %j as a wrong command line, and writes nothing', async (wrong, sentence) => {
    const { code, problems } = await indelible('cluster', ...flags(path.join(directory, 'data')), ...wrong);
    expect(code).toBe(2);
    expect(problems).toMatch(/^error ERR_INDELIBLE_ARGUMENT: /);
    expect(problems).toContain(sentence);
    expect(
      fs.readdirSync(path.join(directory)).flatMap((name) => fs.readdirSync(path.join(directory, name))),
    ).toEqual([]);
  });
});
