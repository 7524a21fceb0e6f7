/**
 * A store under power cuts, the file backend's or a region whose fences are msyncs: it is opened, written,
 * cut, and opened again, always the same one, and what each recovery finds is compared with the history of
 * what was asked and answered.
 *
 * A cut comes from outside, after some time, or from the disk itself, between two sectors of a write or a
 * flush; one in six falls into recovery or the first writes after it. It counts if the disk held unflushed
 * sectors and the store had items staged that were not durable.
 */
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { CampaignReport } from '../../service/campaign.js';
import { eventually } from '../../service/eventually.js';
import { VoteHistory } from '../vote-history.js';
import type { WriterLine } from '../writer-lines.js';
import { formatSmallStore, newDisk, type PowerCutBench } from './bench.js';
import type { CutDisk } from './cut-disk.js';
import type { StoreKind } from './small-store.js';
import { Writer } from './writer.js';

const DISK_BYTES = 64 << 20;
/** Percent of the unflushed sectors that a cut keeps: none, few, half, nearly all, all. */
const KEEP_PERCENT = [0, 10, 50, 50, 90, 100];
/** Durable items between a recovery and the cut are at most so many, and how far away the cut then is. */
const ITEMS_MAX = 300;
const STEPS_MAX = 400;
const STEPS_IN_RECOVERY_MAX = 60;
const PAUSE_MS_MAX = 40;
/** Cuts under msync for each of the file backend. */
const MSYNC_SHARE = 0.25;

type CutKind = 'outside' | 'between sectors' | 'early';

export class StoreCuts {
  /** Cuts that counted, by kind, and those that met nothing under way. */
  readonly counted: Map<CutKind, number> = new Map<CutKind, number>();
  idle = 0;
  unanswered = 0;
  dropped = 0;
  lost = 0;
  kept = 0;
  readonly violations: string[] = [];
  readonly #bench: PowerCutBench;
  readonly #disk: CutDisk;
  readonly #kind: StoreKind;
  readonly #history = new VoteHistory();
  /** In this life of the store. */
  #isRecovered = false;

  constructor(bench: PowerCutBench, disk: CutDisk, kind: StoreKind) {
    this.#bench = bench;
    this.#disk = disk;
    this.#kind = kind;
  }

  get total(): number {
    return [...this.counted.values()].reduce((sum, count) => sum + count, 0);
  }

  /** One life of the store, from power on to the cut; the power is off when it resolves. */
  async round(): Promise<void> {
    const { random } = this.#bench;
    await this.#disk.powerOn();
    const { control } = this.#disk;
    this.kept += control.read('kept');
    this.lost += control.read('settled') - control.read('kept');
    const kind: CutKind = random.chance(1 / 6) ? 'early' : random.pick(['outside', 'between sectors']);
    if (kind === 'early') control.write('stepsToCut', random.between(1, STEPS_IN_RECOVERY_MAX));
    const writer = this.#start();
    if (kind !== 'early') await this.#cutLater(writer, kind);
    await eventually('the power is off', () => !this.#disk.isOn || undefined);
    await this.#endOf(writer);
    const underWay = this.#history.staged > this.#history.durable;
    if (control.read('sectors') > 0 && underWay) this.counted.set(kind, (this.counted.get(kind) ?? 0) + 1);
    else this.idle++;
    await this.#disk.powerOff();
    this.#disk.drawLots(random.bits(), random.pick(KEEP_PERCENT));
  }

  /** Opens it once more, and leaves the power off. */
  async lastLook(): Promise<void> {
    await this.#disk.powerOn();
    const writer = this.#start();
    await eventually('the store is recovered', () => this.#isRecovered || writer.hasEnded || undefined);
    writer.kill();
    await writer.ended;
    await this.#disk.powerOff();
    if (!this.#isRecovered)
      throw new Error(`the store did not open: ${JSON.stringify(writer.failure)} ${writer.problems}`);
  }

  #start(): Writer {
    const { programs, random } = this.#bench;
    this.#isRecovered = false;
    const hear = (line: WriterLine): void => {
      this.#history.hear(line);
      if (line.recovered === undefined) return;
      const { violation, unanswered, dropped } = this.#history.judge(line.recovered);
      this.unanswered += unanswered;
      this.dropped += dropped;
      if (violation !== undefined) this.violations.push(violation);
      this.#isRecovered = true;
    };
    return new Writer(programs, storeOn(this.#disk), random.bits(), hear, this.#kind);
  }

  async #cutLater(writer: Writer, kind: CutKind): Promise<void> {
    const { random } = this.#bench;
    const items = random.between(1, ITEMS_MAX);
    await eventually(
      `${items} items are durable`,
      () => (this.#isRecovered && this.#history.durable >= items) || writer.hasEnded || undefined,
    );
    if (kind === 'between sectors') {
      this.#disk.control.write('stepsToCut', random.between(1, STEPS_MAX));
      return;
    }
    await pause(random.fraction() * PAUSE_MS_MAX);
    this.#disk.cut();
  }

  /** The writer, without its disk, has to stop by itself and say why. */
  async #endOf(writer: Writer): Promise<void> {
    await eventually('the writer without its disk stops', () => writer.hasEnded || undefined);
    const code = writer.failure?.failed;
    if (code !== 'ERR_INDELIBLE_STORE_IO') {
      this.violations.push(
        `without its disk the store says ${code}: ${writer.failure?.text} ${writer.problems}`,
      );
    }
  }
}

function storeOn(disk: CutDisk): string {
  return path.join(disk.mountPoint, 'store');
}

export async function storeCuts(bench: PowerCutBench, report: CampaignReport): Promise<void> {
  await cutAgainAndAgain(bench, report, 'file', bench.cuts);
}

export async function msyncCuts(bench: PowerCutBench, report: CampaignReport): Promise<void> {
  await cutAgainAndAgain(bench, report, 'msync', Math.ceil(bench.cuts * MSYNC_SHARE));
}

async function cutAgainAndAgain(
  bench: PowerCutBench,
  report: CampaignReport,
  kind: StoreKind,
  wanted: number,
): Promise<void> {
  const disk = newDisk(bench, `${kind}-cuts`, DISK_BYTES);
  await disk.powerOn();
  await formatSmallStore(bench, storeOn(disk), kind);
  await disk.powerOff();
  const cuts = new StoreCuts(bench, disk, kind);
  await report.check(`${wanted} power cuts with writes under way`, async () => {
    while (cuts.total < wanted && performance.now() < bench.endMs) {
      await cuts.round();
      if (cuts.violations.length > 0) throw new Error(cuts.violations.join('\n'));
      const lives = cuts.total + cuts.idle;
      if (lives % 20 === 0) report.note(`${cuts.total} cuts, ${cuts.idle} that met nothing`);
    }
    await cuts.lastLook();
    if (cuts.violations.length > 0) throw new Error(cuts.violations.join('\n'));
    if (cuts.total < wanted) throw new Error(`only ${cuts.total} cuts in the time that was given`);
    const kinds = [...cuts.counted].map(([kind, count]) => `${count} ${kind}`).join(', ');
    return (
      `${kinds}; ${cuts.idle} more met nothing; ${cuts.lost} unflushed sectors lost, ${cuts.kept} kept; ` +
      `${cuts.unanswered} items found that were not answered, ${cuts.dropped} not answered and gone`
    );
  });
}
