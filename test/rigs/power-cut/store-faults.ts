/**
 * A disk that fails under the file store instead of losing its power. The store stops at the first error and
 * says so; opened again on the same mount, after the disk says OK again, and once more after a power cut that
 * keeps nothing unflushed, it has everything that it answered.
 */
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { CampaignReport } from '../../service/campaign.js';
import { eventually } from '../../service/eventually.js';
import { VoteHistory } from '../vote-history.js';
import { formatSmallStore, newDisk, type PowerCutBench } from './bench.js';
import type { CutDisk } from './cut-disk.js';
import { Fault } from './disk-control.js';
import { Writer } from './writer.js';

const DISK_BYTES = 64 << 20;
const ITEMS_BEFORE = 50;
const STALL_MS = 10_000;

class FaultyStore {
  readonly disk: CutDisk;
  readonly history: VoteHistory = new VoteHistory();
  readonly #bench: PowerCutBench;
  #looks = 0;
  #violation: string | undefined;

  constructor(bench: PowerCutBench, name: string) {
    this.#bench = bench;
    this.disk = newDisk(bench, name, DISK_BYTES);
  }

  get path(): string {
    return path.join(this.disk.mountPoint, 'store');
  }

  async format(): Promise<void> {
    await this.disk.powerOn();
    await formatSmallStore(this.#bench, this.path);
  }

  start(): Writer {
    const { programs, random } = this.#bench;
    return new Writer(programs, this.path, random.bits(), (line) => {
      this.history.hear(line);
      if (line.recovered === undefined) return;
      this.#violation = this.history.judge(line.recovered).violation;
      this.#looks++;
    });
  }

  async written(writer: Writer, more: number): Promise<void> {
    const target = this.history.durable + more;
    await eventually(
      `${more} more items are durable`,
      () => this.history.durable >= target || writer.hasEnded || undefined,
    );
    if (writer.hasEnded)
      throw new Error(`the writer ended: ${JSON.stringify(writer.failure)} ${writer.problems}`);
  }

  /** Opens the store and compares. @returns undefined, or the code with which it could not be opened */
  async look(): Promise<string | undefined> {
    const before = this.#looks;
    const writer = this.start();
    await eventually('the store is opened', () => this.#looks > before || writer.hasEnded || undefined);
    writer.kill();
    await writer.ended;
    if (this.#looks > before && this.#violation !== undefined) throw new Error(this.#violation);
    return this.#looks > before ? undefined : (writer.failure?.failed ?? writer.problems);
  }

  /** Loses everything unflushed, and looks again: now it has to open. */
  async lookAfterCut(): Promise<void> {
    this.disk.cut();
    await this.disk.powerOff();
    this.disk.drawLots(1, 0);
    await this.disk.powerOn();
    const refusal = await this.look();
    if (refusal !== undefined) throw new Error(`after the power cut the store says ${refusal}`);
    await this.disk.powerOff();
  }
}

/** All requests of a kind fail until the store has stopped; from then on the disk says OK. */
function failing(fault: Fault) {
  return async (store: FaultyStore): Promise<string> => {
    await store.format();
    const writer = store.start();
    await store.written(writer, ITEMS_BEFORE);
    store.disk.drawLots(1, 0);
    store.disk.control.ask(fault, Number.MAX_SAFE_INTEGER);
    await eventually('the store stops', () => writer.hasEnded || undefined);
    store.disk.control.ask(Fault.none);
    const { failed, text } = writer.failure ?? {};
    if (failed !== 'ERR_INDELIBLE_STORE_IO') throw new Error(`it says ${failed}: ${text} ${writer.problems}`);
    const again = await store.look();
    // A file system whose journal met the error is read-only from then on: the store cannot be opened there.
    if (again !== undefined && again !== 'ERR_INDELIBLE_STORE_IO') throw new Error(`opened again: ${again}`);
    await store.lookAfterCut();
    const reopened = again === undefined ? 'opened again on the spot' : 'opened again after a power cut';
    return `"${text}"; ${reopened}, nothing answered is missing`;
  };
}

async function stalled(store: FaultyStore): Promise<string> {
  await store.format();
  const writer = store.start();
  await store.written(writer, ITEMS_BEFORE);
  const flushes = store.disk.control.read('flushes');
  store.disk.control.ask(Fault.stall);
  await pause(STALL_MS);
  const durable = store.history.durable;
  const flushed = store.disk.control.read('flushes') - flushes;
  if (flushed > 1) throw new Error(`${flushed} flushes of a stalled disk`);
  store.disk.control.ask(Fault.none);
  await store.written(writer, ITEMS_BEFORE);
  store.disk.cut();
  await eventually('the writer without its disk stops', () => writer.hasEnded || undefined);
  await store.lookAfterCut();
  return `durable through item ${durable} meanwhile, and on from there afterwards`;
}

export async function storeFaults(bench: PowerCutBench, report: CampaignReport): Promise<void> {
  const check = (name: string, what: string, body: (store: FaultyStore) => Promise<string>): Promise<void> =>
    report.check(what, () => body(new FaultyStore(bench, name)));
  await check('write-error', 'writes fail with EIO, later ones do not', failing(Fault.writeError));
  const lost = 'flushes fail with EIO and lose what they were to keep, later ones say OK';
  await check('flush-error', lost, failing(Fault.flushError));
  await check('no-space', 'a thin disk is full, and then is not', failing(Fault.noSpace));
  await check('stall', 'a disk stalls for 10 s', stalled);
}
