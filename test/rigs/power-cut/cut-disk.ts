/**
 * A disk whose power can be cut: nbdkit with the sector-losing plugin, nbdfuse to make it a file, a loop
 * device to make that a block device, and ext4 on top.
 *
 * 1. A flush of the file system reaches the plugin through all of this: a cut loses nothing of what was
 *    synced before it, and may lose or tear everything else, sector by sector.
 * 2. Behind `cut` no byte reaches the disk, and none that it held in its cache counts before `powerOn`.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { eventually } from '../../service/eventually.js';
import { DiskControl } from './disk-control.js';

/** Microseconds that a flush takes at most: long enough for cuts to fall into. */
const FLUSH_MICROSECONDS_MAX = 2000;

export interface DiskOptions {
  /** Where its files are made; must be there. */
  readonly directory: string;
  readonly plugin: string;
  readonly sizeBytes: number;
  /** Where it is mounted; made if need be. `fs` in its directory unless told otherwise. */
  readonly mountPoint?: string;
}

function run(program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

export class CutDisk {
  readonly mountPoint: string;
  readonly control: DiskControl;
  readonly #options: DiskOptions;
  #nbdkit: ChildProcess | undefined;
  #nbdfuse: ChildProcess | undefined;

  private constructor(options: DiskOptions, control: DiskControl) {
    this.#options = options;
    this.control = control;
    this.mountPoint = options.mountPoint ?? path.join(options.directory, 'fs');
  }

  /** A new disk with an empty file system, its power off. */
  static create(options: DiskOptions): CutDisk {
    const disk = path.join(options.directory, 'disk');
    fs.writeFileSync(disk, '');
    fs.truncateSync(disk, options.sizeBytes);
    const whole = 'lazy_itable_init=0,lazy_journal_init=0';
    run('mke2fs', '-q', '-t', 'ext4', '-m', '0', '-E', whole, disk);
    const made = new CutDisk(options, DiskControl.create(path.join(options.directory, 'cache')));
    fs.mkdirSync(made.mountPoint, { recursive: true });
    fs.mkdirSync(made.#fuse, { recursive: true });
    return made;
  }

  get #fuse(): string {
    return path.join(this.#options.directory, 'fuse');
  }

  /** What the disk settles its cache by at the next power on. */
  drawLots(seed: number, keepPercent: number): void {
    this.control.write('seed', seed);
    this.control.write('keepPercent', keepPercent);
  }

  /** Starts it, which settles what was in its cache, and mounts its file system. */
  async powerOn(): Promise<void> {
    const { directory, plugin } = this.#options;
    const [socket, ready] = [path.join(directory, 'socket'), path.join(directory, 'nbdkit.pid')];
    for (const name of [socket, ready]) fs.rmSync(name, { force: true });
    const files = ['disk', 'cache'].map((name) => `${name}=${path.join(directory, name)}`);
    this.#nbdkit = this.#start('nbdkit', ['-f', '-U', socket, '-P', ready, plugin, ...files]);
    await this.#appears('nbdkit', this.#nbdkit, ready);
    this.#nbdfuse = this.#start('nbdfuse', [`${this.#fuse}/`, '--unix', socket]);
    const device = path.join(this.#fuse, 'nbd');
    await this.#appears('nbdfuse', this.#nbdfuse, device);
    // Direct: else the loop device would answer reads from a page cache of its own, whatever the disk lost.
    const loop = run('losetup', '--find', '--show', '--direct-io=on', device).trim();
    run('mount', '-t', 'ext4', '-o', 'noatime', loop, this.mountPoint);
    // In use, it is not detached now but with its last user.
    run('losetup', '--detach', loop);
    this.control.write('flushMicrosecondsMax', FLUSH_MICROSECONDS_MAX);
  }

  /** Ends the disk at once. What uses it gets errors from now on. */
  cut(): void {
    this.#nbdkit?.kill('SIGKILL');
  }

  get isOn(): boolean {
    return this.#nbdkit?.exitCode === null && this.#nbdkit.signalCode === null;
  }

  /** Unmounts it, whether its power was cut or not; nothing may use it any more. */
  async powerOff(): Promise<void> {
    const isFree = (what: string): true | undefined => spawnSync('umount', [what]).status === 0 || undefined;
    await eventually('the file system is unmounted', () => isFree(this.mountPoint));
    await eventually('the device is unmounted', () => isFree(this.#fuse));
    await this.#end(this.#nbdfuse, 'SIGTERM');
    await this.#end(this.#nbdkit, 'SIGKILL');
  }

  #start(program: string, args: readonly string[]): ChildProcess {
    const log = fs.openSync(path.join(this.#options.directory, `${program}.log`), 'a');
    const child = spawn(program, args, { stdio: ['ignore', log, log] });
    child.on('error', () => {});
    fs.closeSync(log);
    return child;
  }

  async #appears(program: string, child: ChildProcess, file: string): Promise<void> {
    const hasEnded = (): boolean =>
      child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
    await eventually(`${program} is ready`, () => fs.existsSync(file) || hasEnded() || undefined);
    if (!hasEnded()) return;
    const log = fs.readFileSync(path.join(this.#options.directory, `${program}.log`), 'utf8');
    throw new Error(`${program} did not start: ${log.trim()}`);
  }

  async #end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }
}
