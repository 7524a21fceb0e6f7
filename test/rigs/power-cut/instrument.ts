/**
 * The rig itself, put to the test: what was synced survives it, what was not is lost, and a store whose disk
 * lies about a flush is caught.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { CampaignReport } from '../../service/campaign.js';
import { eventually } from '../../service/eventually.js';
import { VoteHistory } from '../vote-history.js';
import { formatSmallStore, newDisk, type PowerCutBench } from './bench.js';
import type { CutDisk } from './cut-disk.js';
import { Fault } from './disk-control.js';
import { Writer } from './writer.js';

const DISK_BYTES = 64 << 20;
const BLOCK_BYTES = 4096;
const LIED_ITEMS = 50;

async function cutAndPowerOn(disk: CutDisk, seed: number): Promise<void> {
  disk.cut();
  await disk.powerOff();
  disk.drawLots(seed, 0);
  await disk.powerOn();
}

/** Writes blocks of a value over a file; @returns the flushes that reached the disk meanwhile. */
function overwrite(disk: CutDisk, file: string, value: number, sync: boolean): number {
  const before = disk.control.read('flushes');
  const fd = fs.openSync(file, sync ? fs.constants.O_RDWR | fs.constants.O_DSYNC : fs.constants.O_RDWR);
  fs.writeSync(fd, Buffer.alloc(BLOCK_BYTES, value), 0, BLOCK_BYTES, 0);
  fs.closeSync(fd);
  return disk.control.read('flushes') - before;
}

async function keepsWhatWasSynced(disk: CutDisk): Promise<string> {
  const file = path.join(disk.mountPoint, 'block');
  fs.writeFileSync(file, Buffer.alloc(BLOCK_BYTES, 1), { flush: true });
  const directory = fs.openSync(disk.mountPoint, 'r');
  fs.fsyncSync(directory);
  fs.closeSync(directory);
  const flushes = overwrite(disk, file, 2, true);
  if (flushes === 0) throw new Error('a durable write brought no flush to the disk');
  overwrite(disk, file, 3, false);
  await cutAndPowerOn(disk, 1);
  const found = new Set(fs.readFileSync(file));
  if (found.size !== 1 || !found.has(2)) throw new Error(`bytes ${[...found]} instead of 2 alone`);
  return `${flushes} flushes for one durable write`;
}

/**
 * Every flush is answered and keeps nothing, and all that was not kept is lost. The disk lies before the
 * store is opened: were it to begin under way, what was called durable behind it could have been flushed
 * before.
 */
async function catchesALiar(bench: PowerCutBench, disk: CutDisk): Promise<string> {
  const store = path.join(disk.mountPoint, 'store');
  await formatSmallStore(bench, store);
  const history = new VoteHistory();
  /** What each recovery violated. */
  const recoveries: (string | undefined)[] = [];
  const start = (): Writer =>
    new Writer(bench.programs, store, bench.random.bits(), (line) => {
      history.hear(line);
      if (line.recovered === undefined) return;
      recoveries.push(history.judge(line.recovered).violation);
    });
  disk.control.ask(Fault.lie, Number.MAX_SAFE_INTEGER);
  const first = start();
  await eventually(
    'items are called durable',
    () => history.durable >= LIED_ITEMS || undefined,
    () => `${first.failure?.text} ${first.problems}`,
  );
  if (recoveries[0] !== undefined) throw new Error(`before any loss: ${recoveries[0]}`);
  disk.cut();
  await first.ended;
  await cutAndPowerOn(disk, 1);
  const second = start();
  await eventually('the store is opened', () => recoveries.length === 2 || second.hasEnded || undefined);
  second.kill();
  await second.ended;
  const violation = recoveries[1];
  if (recoveries.length === 2 && violation === undefined) {
    throw new Error('items were lost, and nothing was noticed');
  }
  return violation ?? `the store refuses: ${second.failure?.failed} ${second.failure?.text}`;
}

export async function instrument(bench: PowerCutBench, report: CampaignReport): Promise<void> {
  const disk = newDisk(bench, 'instrument', DISK_BYTES);
  await disk.powerOn();
  await report.check('a cut keeps what was synced, and loses what was not', () => keepsWhatWasSynced(disk));
  await report.check('a disk that lies about flushes is caught', () => catchesALiar(bench, disk));
  await disk.powerOff();
}
