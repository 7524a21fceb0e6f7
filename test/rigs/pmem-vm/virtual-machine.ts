/**
 * A virtual machine with three NVDIMMs, and the line to the program in it.
 *
 * 1. The NVDIMMs are files mapped shared: every store that the guest executed is in them, whenever QEMU is
 *    killed. Everything else of the machine, its memory first, ends with QEMU.
 * 2. What the guest's program has written to its port is with the rig: without an event descriptor in
 *    between, QEMU passes it on while the guest's processor waits. All of it is heard
 *    before `ended` resolves.
 * 3. A saved state holds the memory and the devices, not the NVDIMMs: resumed, the machine finds them as they
 *    are by then, like a machine that was switched on.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from '../../service/eventually.js';
import type { GuestImage } from './guest-image.js';
import type { GuestCommand, GuestLine } from './guest-lines.js';

const MEMORY = '768M';
/** All alike, for the kernel numbers them in an order of its own; XFS wants 300 MiB. */
const NVDIMMS = 3;
const NVDIMM_MIB = 384;
const KERNEL_LINE = 'console=ttyS0 panic=-1 quiet';

export type Accelerator = 'kvm' | 'tcg';

export interface MachineOptions {
  /** On a file system in memory, best: the guest's memory is a file here. */
  readonly directory: string;
  readonly image: GuestImage;
  readonly accelerator: Accelerator;
}

export function makeNvdimms(directory: string): void {
  for (let index = 0; index < NVDIMMS; index++) {
    fs.writeFileSync(path.join(directory, `nvdimm${index}`), '');
    fs.truncateSync(path.join(directory, `nvdimm${index}`), NVDIMM_MIB << 20);
  }
}

export class VirtualMachine {
  hasEnded = false;
  readonly ended: Promise<void>;
  readonly #directory: string;
  readonly #qemu: ChildProcess;
  #control: net.Socket | undefined;
  /** Resolves when the line to the guest has ended. */
  #heard: Promise<void> = Promise.resolve();
  #hear: (line: GuestLine) => void;

  /** @param life a boot, which can be saved, or the resumption of a saved state, which can be had often */
  constructor(options: MachineOptions, life: 'boot' | 'resume', hear: (line: GuestLine) => void) {
    const { directory, image, accelerator } = options;
    this.#directory = directory;
    this.#hear = hear;
    for (const name of ['control', 'monitor']) fs.rmSync(this.#file(name), { force: true });
    const memory = `memory-backend-file,id=memory,size=${MEMORY},mem-path=${this.#file('memory')}`;
    const nvdimms = Array.from({ length: NVDIMMS }).flatMap((_, index) => {
      const file = `size=${NVDIMM_MIB}M,share=on,mem-path=${this.#file(`nvdimm${index}`)}`;
      return [
        ...['-object', `memory-backend-file,id=medium${index},${file}`],
        ...['-device', `nvdimm,id=nvdimm${index},memdev=medium${index}`],
      ];
    });
    const args = [
      ...['-accel', accelerator, '-cpu', 'max', '-machine', 'q35,nvdimm=on,memory-backend=memory'],
      ...['-m', `${MEMORY},slots=4,maxmem=8G`, '-smp', '1', '-nodefaults', '-no-reboot'],
      ...['-display', 'none', '-object', `${memory},share=${life === 'boot' ? 'on' : 'off'}`, ...nvdimms],
      ...['-serial', `file:${this.#file('console')}`],
      ...['-chardev', `socket,id=control,path=${this.#file('control')},server=on,wait=off`],
      ...[
        '-device',
        'virtio-serial-pci,ioeventfd=off',
        '-device',
        'virtserialport,chardev=control,nr=1,name=rig',
      ],
      ...['-qmp', `unix:${this.#file('monitor')},server=on,wait=off`],
      ...['-kernel', image.kernel, '-initrd', image.initramfs, '-append', KERNEL_LINE],
      ...(life === 'resume' ? ['-incoming', 'defer'] : []),
    ];
    const log = fs.openSync(this.#file('qemu.log'), 'a');
    this.#qemu = spawn('qemu-system-x86_64', args, { stdio: ['ignore', log, log] });
    fs.closeSync(log);
    this.ended = new Promise<void>((resolve) => {
      this.#qemu.once('error', () => resolve());
      this.#qemu.once('exit', () => resolve());
    }).then(async () => {
      await this.#heard;
      this.hasEnded = true;
    });
  }

  #file(name: string): string {
    return path.join(this.#directory, name);
  }

  /** Opens the line to the guest's program; nothing it says before that is heard. */
  async connect(): Promise<void> {
    const socket = await this.#open('control');
    this.#control = socket;
    this.#heard = linesOf(socket, (text) => {
      // A machine that is killed may leave half a line: it was not said.
      if (!text.startsWith('{') || !text.endsWith('}')) return;
      this.#hear(JSON.parse(text) as GuestLine);
    });
  }

  send(command: GuestCommand): void {
    this.#control!.write(`${JSON.stringify(command)}\n`);
  }

  /** Saves the state of the machine and ends it. */
  async save(): Promise<void> {
    const monitor = await this.#monitor();
    await monitor.ask('stop');
    await this.#saveOrLoad(monitor, 'migrate', `exec:cat > '${this.#file('state')}'`);
    this.kill();
    await this.ended;
  }

  /** Loads the saved state, and lets the machine go on from there. */
  async resume(): Promise<void> {
    const monitor = await this.#monitor();
    await this.#saveOrLoad(monitor, 'migrate-incoming', `exec:cat '${this.#file('state')}'`);
    await monitor.ask('cont');
    monitor.close();
  }

  /** The memory is a file of its own, so that it need not be copied: the state only holds the rest. */
  async #saveOrLoad(monitor: Monitor, verb: string, uri: string): Promise<void> {
    const capability = { capability: 'x-ignore-shared', state: true };
    await monitor.ask('migrate-set-capabilities', { capabilities: [capability] });
    await monitor.ask(verb, { uri });
    await eventually('the state is transferred', async () => {
      const { status } = (await monitor.ask('query-migrate')) as { status?: string };
      if (status === 'failed') throw new Error(`${verb} failed: ${this.problems()}`);
      return status === 'completed' || undefined;
    });
  }

  /** The power fails. */
  kill(): void {
    this.#qemu.kill('SIGKILL');
  }

  /** What QEMU and the guest's kernel had to say, for a person. */
  problems(): string {
    const last = (name: string): string =>
      fs.existsSync(this.#file(name)) ? fs.readFileSync(this.#file(name), 'utf8').slice(-3000) : '';
    return `${last('qemu.log')}\n${last('console')}`;
  }

  async #monitor(): Promise<Monitor> {
    const monitor = new Monitor(await this.#open('monitor'));
    await monitor.ask('qmp_capabilities');
    return monitor;
  }

  #open(name: string): Promise<net.Socket> {
    return eventually(`QEMU listens on ${name}`, () => {
      if (this.hasEnded) throw new Error(`QEMU ended: ${this.problems()}`);
      return new Promise<net.Socket | undefined>((resolve) => {
        const socket = net.connect(this.#file(name));
        socket.once('connect', () => {
          socket.on('error', () => {});
          resolve(socket);
        });
        socket.once('error', () => resolve(undefined));
      });
    });
  }
}

/** A killed machine resets its connections: that is its end, and told of elsewhere. */
function linesOf(socket: net.Socket, hear: (text: string) => void): Promise<void> {
  const lines = createInterface({ input: socket });
  lines.on('line', hear).on('error', () => {});
  socket.once('error', () => lines.close());
  return new Promise((resolve) => lines.once('close', () => resolve()));
}

/** QEMU's monitor protocol: a line of JSON each way. */
class Monitor {
  readonly #socket: net.Socket;
  #answer: (line: { return?: unknown; error?: { desc: string } }) => void = () => {};

  constructor(socket: net.Socket) {
    this.#socket = socket;
    linesOf(socket, (text) => {
      const line = JSON.parse(text) as { return?: unknown; error?: { desc: string } };
      if ('return' in line || 'error' in line) this.#answer(line);
    });
  }

  ask(execute: string, args: object = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#answer = (line) =>
        line.error === undefined ? resolve(line.return) : reject(new Error(`${execute}: ${line.error.desc}`));
      this.#socket.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
