/**
 * One replica in the guest, under the guest program: loaded before the machine's state is saved, told to open
 * its store after each power cut. Its state is the set of numbers that it was told to execute.
 */
import fs from 'node:fs';
import {
  type CommandView,
  ErrorCode,
  formatStore,
  type IndelibleError,
  Replica,
  type ResultWriter,
  type StateMachine,
} from '../../../lib/index.js';
import type { OpenedReplica } from './guest-lines.js';
import { NumberSet } from './number-set.js';

const CLUSTER = { clusterId: '9b'.repeat(16) };
const IDS = [1, 2, 3];
const LOG_BYTES = 2 << 20;
const RECORD_BYTES_MAX = 128 << 10;
/** Emulated processors are slow: patience that is a matter of course on real ones has to be asked for. */
const TUNING = { electionTicks: 30, leaderWaitMs: 10_000, requestTimeoutMs: 20_000, checkpointAtShare: 0.3 };

/** `pmem` it is; `emulated` is for the rehearsal, which is to leave everything loaded and compiled. */
export type GuestMode = 'pmem' | 'emulated';

export interface ReplicaOrder {
  readonly mode?: GuestMode;
  readonly format?: string;
  readonly open?: string;
  readonly close?: true;
  readonly read?: true;
  readonly propose?: number;
}

export interface ReplicaAnswer {
  readonly loaded?: true;
  readonly formatted?: true;
  readonly opened?: true;
  readonly closed?: true;
  readonly leads?: boolean;
  readonly found?: OpenedReplica;
  readonly done?: number;
  readonly refused?: number;
  readonly failed?: string;
}

class Numbers implements StateMachine {
  #executed = new NumberSet();

  execute(command: CommandView, result: ResultWriter): void {
    const text = command.text();
    this.#executed.add(Number.parseInt(text, 10));
    result.writeText(text.slice(0, 16));
  }

  query(_query: CommandView, result: ResultWriter): boolean {
    result.writeText(this.#executed.toString());
    return true;
  }

  checkpoint(): Iterable<Uint8Array> {
    return [Buffer.from(this.#executed.toString())];
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.#executed = NumberSet.parse(Buffer.concat([...chunks]).toString());
  }
}

const id = Number(process.argv[2]);
let replica: Replica | undefined;

function say(answer: ReplicaAnswer): void {
  process.send!(answer);
}

const storeUuid = (of: number): string => String(of).repeat(32);

async function format(directory: string, mode: GuestMode): Promise<void> {
  fs.mkdirSync(directory, { recursive: true });
  const identity = { ...CLUSTER, replicaId: id, storeUuid: storeUuid(id) };
  const members = IDS.map((each) => ({ id: each, storeUuid: storeUuid(each) }));
  const shape = { identity, logBytes: LOG_BYTES, recordBytesMax: RECORD_BYTES_MAX };
  await formatStore(directory, { mode }, shape, { number: 1, members });
  say({ formatted: true });
}

async function open(directory: string, mode: GuestMode): Promise<void> {
  const address = (of: number): string => `unix:/run/replica-${of}.sock`;
  replica = await Replica.open({
    directory,
    storage: { mode },
    listen: address(id),
    insecure: true,
    peers: new Map(IDS.map((each) => [each, address(each)])),
    stateMachine: new Numbers(),
    tuning: TUNING,
  });
  replica.on('failure', (error) => say({ failed: error.stack ?? error.message }));
  replica.on('role', (role) => say({ leads: role === 'leader' }));
  say({ opened: true, leads: replica.status().role === 'leader' });
}

/** The kernel lists the flags of each mapping: sf is MAP_SYNC. */
function isSynchronous(): boolean {
  const maps = fs.readFileSync('/proc/self/smaps', 'utf8').split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/);
  const regions = maps.filter((text) => /\/region$/m.test(text));
  return regions.length > 0 && regions.every((text) => /^VmFlags:.* sf( |$)/m.test(text));
}

/** A read that met a change of leaders was not executed, and says so; who still wants to know asks again. */
async function readExecuted(): Promise<string> {
  for (;;) {
    try {
      return Buffer.from(await replica!.read(Buffer.from('all'))).toString();
    } catch (error) {
      if ((error as IndelibleError).code !== ErrorCode.notExecuted) throw error;
    }
  }
}

async function read(): Promise<void> {
  const executed = await readExecuted();
  const { mode, durability, recovery } = replica!.status();
  say({ found: { id, mode, durability, recovery, synchronous: isSynchronous(), executed } });
}

/** Numbers of very different lengths: the rest of the command is padding. */
function propose(number: number): void {
  const padding = number % 7 === 0 ? (number * 37) % 6000 : (number * 13) % 200;
  replica!.propose(Buffer.from(`${number} `.padEnd(8 + padding, '.'))).then(
    () => say({ done: number }),
    (error: Error) => say({ refused: number, failed: error.message }),
  );
}

async function close(): Promise<void> {
  await replica!.close();
  say({ closed: true });
}

function obey(order: ReplicaOrder): Promise<void> | void {
  const { mode = 'pmem' } = order;
  if (order.format !== undefined) return format(order.format, mode);
  if (order.open !== undefined) return open(order.open, mode);
  if (order.close === true) return close();
  if (order.read === true) return read();
  propose(order.propose!);
}

process.on('message', (order: ReplicaOrder) => {
  Promise.resolve(obey(order)).catch((error: Error) => say({ failed: error.stack ?? error.message }));
});
say({ loaded: true });
