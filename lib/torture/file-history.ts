/**
 * One random history of the file backend over its recording medium, judged at every sync and every directory
 * sync, and now and then between two operations. Formatting is part of it.
 *
 * 1. The history runs first, and keeps the medium as it was at every moment; then each moment's images are
 *    judged. So judging changes nothing, and a seed is one history.
 * 2. Groups of votes, promises, trims; restarts after an orderly close, a power cut and kill -9; segments are
 *    filled, given up and filled anew.
 * 3. Some seeds have large groups (file-sizes.ts).
 */
import { Random } from '../simulation/random.js';
import { RecordingMedium } from '../storage/file/recording-medium.js';
import { type FileStorage, formatFile, openFile } from '../storage/file.js';
import { BETWEEN_OPERATIONS } from '../storage/pmem-recording.js';
import { choices, choicesOf, fewChoices, type Pick } from './choices.js';
import { DIRECTORY, FileJudge, turn } from './file-judge.js';
import { FileLedger } from './file-ledger.js';
import { checkFileRepair, checkFileScrub } from './file-repair.js';
import { type FileSizes, sizesOf } from './file-sizes.js';
import { type HistoryOptions, type HistoryResult, SiteCounts, type Violation } from './history.js';
import { stageGroup, type TortureVote } from './log-contents.js';
import { attempt } from './log-judge.js';
import { LENGTHS } from './log-lengths.js';

const SMALL = { logBytes: 64 << 10, recordBytesMax: 4 << 10 };
const OPERATIONS = 40;
const OPERATIONS_BETWEEN_LOOKS = 10;
const LENGTH_MAX = 3000;
const TURNS_MAX = 100;

interface Moment {
  readonly site: string;
  readonly operation: string;
  readonly medium: RecordingMedium;
  readonly ledger: FileLedger;
}

export function runFileHistory(options: HistoryOptions): Promise<HistoryResult> {
  return new FileHistory(options).run();
}

class FileHistory {
  readonly #options: HistoryOptions;
  readonly #random: Random;
  readonly #sizes: FileSizes;
  readonly #judge: FileJudge;
  readonly #sites = new SiteCounts();
  readonly #moments: Moment[] = [];
  #medium = new RecordingMedium();
  #storage!: FileStorage;
  #ledger = new FileLedger();
  #operation = 'format';
  #slot = 0;
  #ballot = 1;
  /** The last vote found no room. */
  #isFull = false;
  #violation: Violation | undefined;
  #operations = 0;
  #kills = 0;
  #exhaustive = 0;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#sizes = sizesOf(options.seed, SMALL, LENGTH_MAX);
    const { shape } = this.#sizes;
    this.#judge = new FileJudge({ shape, innerImages: options.thoroughness.innerImages });
  }

  async run(): Promise<HistoryResult> {
    try {
      await this.#live();
    } catch (error) {
      this.#blame((error as Error).message);
    }
    for (const [number, moment] of this.#moments.entries()) {
      const { only } = this.#options;
      if (this.#violation !== undefined || (only !== undefined && only.moment !== number)) continue;
      await this.#judgeMoment(number, moment);
    }
    for (const [site, distinct] of this.#judge.distinct) this.#sites.at(site).distinct = distinct;
    return {
      seed: this.#options.seed,
      workload: 'file',
      violation: this.#violation,
      operations: this.#operations,
      sites: this.#sites.bySite,
      kills: this.#kills,
      x86Images: 0,
      exhaustive: this.#exhaustive,
    };
  }

  async #live(): Promise<void> {
    this.#ledger.formatted = false;
    this.#listen();
    await formatFile(DIRECTORY, this.#sizes.shape, this.#medium);
    this.#ledger.formatted = true;
    this.#keep(BETWEEN_OPERATIONS);
    await this.#checkRepair();
    const unmended = await checkFileScrub(this.#medium);
    if (unmended !== undefined) throw new Error(unmended);
    this.#operation = 'open';
    await this.#open();
    for (; this.#operations < OPERATIONS * this.#sizes.effort; this.#operations++) {
      await this.#operate();
      if (this.#operations % OPERATIONS_BETWEEN_LOOKS === 0) this.#keep(BETWEEN_OPERATIONS);
    }
    this.#operation = 'close';
    await this.#storage.close();
    this.#ledger.answered = this.#ledger.items.length;
    this.#keep(BETWEEN_OPERATIONS);
    await this.#checkRepair();
  }

  /** With everything durable. */
  async #checkRepair(): Promise<void> {
    const why = await checkFileRepair(this.#medium, this.#ledger);
    if (why !== undefined) throw new Error(why);
  }

  #listen(): void {
    this.#medium.onEvent = ({ what, site }) => {
      if (what === 'sync' || what === 'syncDirectory') this.#keep(site);
    };
  }

  #keep(site: string): void {
    const medium = this.#medium.killed();
    this.#moments.push({ site, operation: this.#operation, medium, ledger: this.#ledger.copy() });
  }

  async #operate(): Promise<void> {
    const dice = this.#random.fraction();
    // Without room nothing but a trim goes on, and segments are filled anew because of it.
    if (this.#isFull) await this.#named('trim', () => this.#trim());
    else if (dice < 0.5) await this.#named('append', () => this.#append());
    else if (dice < 0.58) await this.#named('promise', () => this.#promise());
    else if (dice < 0.78) await this.#named('turn', () => turn());
    else if (dice < 0.92) await this.#named('trim', () => this.#trim());
    else if (dice < 0.935) await this.#named('failing append', () => this.#failingAppend());
    else
      await this.#named('restart', () => this.#restart(dice < 0.95 ? 'close' : dice < 0.98 ? 'cut' : 'kill'));
  }

  async #named(operation: string, action: () => Promise<void> | void): Promise<void> {
    this.#operation = operation;
    await action();
  }

  #append(): void {
    const count = 1 + this.#random.below(3);
    for (let index = 0; index < count; index++) {
      const large = this.#random.chance(0.3);
      const lengthBytes = large ? this.#sizes.largeLength(this.#random) : this.#random.pick(LENGTHS);
      if (this.#random.chance(0.8) || this.#slot === 0) this.#slot++;
      const vote: TortureVote = { slot: this.#slot, ballot: this.#ballot, lengthBytes };
      // A full log takes no vote until a trim has freed a segment.
      this.#isFull = !stageGroup(this.#storage, { promise: 0, votes: [vote] });
      if (this.#isFull) break;
      this.#ledger.items.push(vote);
    }
    this.#commit();
  }

  /** A group whose sync fails: it must be told of, nothing may follow, and nothing of it is answered. */
  async #failingAppend(): Promise<void> {
    while (this.#storage.durableThrough < this.#ledger.items.length) await turn();
    let told = false;
    this.#storage.onFailure = () => {
      told = true;
    };
    // A promise that finds no room in the log is kept in the root.
    this.#medium.failNext('EIO', 'group', 'root');
    this.#promise();
    // The failure comes with the durable write, some turns of the event loop later.
    for (let turns = 0; turns < TURNS_MAX && !told; turns++) await turn();
    if (!told) throw new Error('a failed sync is not told of');
    const more = attempt(() => this.#storage.commit(0));
    if (typeof more !== 'string') throw new Error('the store takes more after a failed sync');
    await this.#restart('cut');
  }

  #promise(): void {
    this.#ballot++;
    stageGroup(this.#storage, { promise: this.#ballot, votes: [] });
    this.#ledger.items.push({ promise: this.#ballot });
    this.#commit();
  }

  #commit(): void {
    const learnedThrough = Math.max(0, this.#slot - 3);
    this.#ledger.learned = Math.max(this.#ledger.learned, learnedThrough);
    this.#storage.commit(learnedThrough);
  }

  #trim(): void {
    this.#isFull = false;
    const through = this.#slot - this.#random.below(4);
    if (through <= Math.max(...this.#ledger.trims)) return;
    this.#ledger.trims.add(through);
    this.#storage.trim(through, through);
    this.#slot = Math.max(this.#slot, through);
  }

  async #restart(how: 'close' | 'cut' | 'kill'): Promise<void> {
    if (how === 'close') await this.#storage.close();
    const next = how === 'cut' ? this.#medium.powerCut(() => this.#random.fraction()) : this.#medium.killed();
    this.#medium.onEvent = () => {};
    if (how !== 'close') await this.#storage.abandon();
    this.#medium = next;
    this.#listen();
    await this.#open();
    if (this.#storage.recovered.clean !== (how === 'close')) {
      throw new Error(
        `a store is found ${how === 'close' ? 'in use after a close' : 'closed after a crash'}`,
      );
    }
  }

  async #open(): Promise<void> {
    this.#storage = await openFile(DIRECTORY, this.#medium);
    const why = this.#ledger.violation(this.#storage);
    if (why !== undefined) throw new Error(why);
    this.#ledger.restart(this.#storage);
    this.#slot = Math.max(this.#slot, this.#storage.recovered.trimThrough);
    const ledger = this.#ledger;
    this.#storage.onDurable = (through) => {
      ledger.answered = Math.max(ledger.answered, through);
    };
  }

  #blame(what: string): void {
    this.#violation ??= {
      moment: this.#moments.length,
      image: undefined,
      site: BETWEEN_OPERATIONS,
      operation: this.#operation,
      what,
      trail: '',
      x86: undefined,
    };
  }

  async #judgeMoment(number: number, moment: Moment): Promise<void> {
    const { seed, thoroughness, only } = this.#options;
    const units = moment.medium.units();
    const { exhaustiveMax, randomImages } = thoroughness;
    const count = this.#sites.at(moment.site);
    count.moments++;
    if (choicesOf(units) <= exhaustiveMax && this.#sizes.imagesMax === undefined) this.#exhaustive++;
    const inner = this.#judge.innerImages;
    let image = 0;
    const judge = async (medium: RecordingMedium, pick: Pick | undefined, deep: boolean): Promise<void> => {
      const here = image++;
      if (only?.image !== undefined && only.image !== here) return;
      count.images++;
      const { site, operation, ledger } = moment;
      const what = await this.#judge.judge(medium, ledger, site, deep, seed * 1009 + here);
      if (what === undefined) return;
      const trail = describe(moment, units, pick);
      this.#violation ??= { moment: number, image: here, site, operation, what, trail, x86: undefined };
    };
    const { imagesMax } = this.#sizes;
    const choiceSeed = seed * 4099 + number;
    const picks =
      imagesMax === undefined
        ? choices(units, { exhaustiveMax, randomImages, seed: choiceSeed })
        : fewChoices(units, imagesMax, choiceSeed);
    for (const pick of picks) {
      if (this.#violation !== undefined) return;
      await judge(moment.medium.cut(pick), pick, image < 2 || image % thoroughness.deepEvery === 0);
    }
    if (this.#violation === undefined) {
      this.#kills++;
      await judge(moment.medium.killed(), undefined, true);
    }
    count.innerImages += this.#judge.innerImages - inner;
  }
}

const DESCRIBED_MAX = 12;

function describe(
  { site }: Moment,
  units: ReturnType<RecordingMedium['units']>,
  pick: Pick | undefined,
): string {
  if (pick === undefined) return `kill -9 at ${site}`;
  const chosen = units.flatMap((unit, at) => {
    const value = unit.values > 2 ? ` (value ${pick[at]} of ${unit.values - 1})` : '';
    const place = unit.what === 'sector' ? ` at ${unit.position}` : '';
    return pick[at] === 0 ? [] : [`${unit.what} of ${unit.path}${place}, ${unit.site}${value}`];
  });
  const text = `a power cut at ${site} leaves ${chosen.length} of ${units.length} outstanding units new`;
  if (chosen.length === 0 || chosen.length === units.length) return text;
  const more = chosen.length > DESCRIBED_MAX ? ' and more' : '';
  return `${text}: ${chosen.slice(0, DESCRIBED_MAX).join('; ')}${more}`;
}
