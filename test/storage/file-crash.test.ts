/**
 * Power cuts at every write, sync, rename and directory sync of the file backend, in seeded random histories.
 *
 * For each image: nothing answered is missing, nothing is there that was not submitted, no promise is
 * lowered, the outcome is `intact` (a power cut is not corruption), recovery cut short recovers to the same,
 * and the store takes votes afterwards.
 *
 * More seeds: INDELIBLE_CRASH_SEEDS=500. Replay one: INDELIBLE_SEED=<seed> npx vitest run --project unit
 * test/storage/file-crash.test.ts
 */
import { describe, expect, it } from 'vitest';
import { type MediumEvent, RecordingMedium } from '../../lib/storage/file/recording-medium.js';
import { type FileStorage, formatFile, openFile } from '../../lib/storage/file.js';
import type { StoreShape } from '../../lib/storage/shape.js';
import type { Storage } from '../../lib/storage/storage.js';
import type { Ballot, Slot } from '../../lib/types.js';
import { ballotOf, batchOf, IDENTITY, settle, stage, turn } from '../contract/storage.js';
import { seededRandom } from './file/random.js';

const DIRECTORY = '/d/store';
const SHAPE: StoreShape = { identity: IDENTITY, logBytes: 64 << 10, recordBytesMax: 8 << 10 };
const SEEDS = Number(process.env['INDELIBLE_CRASH_SEEDS'] ?? 10);

/** What has been submitted and what has been answered, over all the openings of one store. */
interface Ledger {
  /** Ballots voted for each slot, with the batch's length. */
  readonly submitted: Map<Slot, Map<Ballot, number>>;
  readonly answered: Map<Slot, Ballot>;
  promiseAnswered: Ballot;
  promiseSubmitted: Ballot;
  trimRequested: Slot;
}

interface Image {
  readonly medium: RecordingMedium;
  readonly answered: Map<Slot, Ballot>;
  readonly promiseAnswered: Ballot;
  readonly event: MediumEvent;
}

class Workload {
  readonly ledger: Ledger = {
    submitted: new Map(),
    answered: new Map(),
    promiseAnswered: ballotOf(0, 0),
    promiseSubmitted: ballotOf(0, 0),
    trimRequested: 0,
  };
  readonly images: Image[] = [];
  readonly #medium: RecordingMedium;
  readonly #random: () => number;
  /** In item order since open: slot (0 for a promise) and ballot. */
  #items: { slot: Slot; ballot: Ballot }[] = [];
  #ballot: Ballot = ballotOf(1);
  #slot = 0;

  constructor(medium: RecordingMedium, random: () => number) {
    this.#medium = medium;
    this.#random = random;
    medium.onEvent = (event) => {
      if (random() < 0.12) this.images.push(this.#image(event));
    };
  }

  #image(event: MediumEvent): Image {
    const { answered, promiseAnswered } = this.ledger;
    return {
      medium: this.#medium.powerCut(this.#random),
      answered: new Map(answered),
      promiseAnswered,
      event,
    };
  }

  async run(steps: number): Promise<void> {
    let storage = await this.#open();
    for (let step = 0; step < steps; step++) {
      const dice = this.#random();
      if (dice < 0.55) this.#vote(storage);
      else if (dice < 0.6) this.#promise(storage);
      else if (dice < 0.8) storage.commit(this.ledger.trimRequested);
      else if (dice < 0.93) await turn();
      else if (dice < 0.98) this.#trim(storage);
      else if (dice < 0.99) {
        await storage.close();
        storage = await this.#open();
      } else await settle(storage, this.#items.length, this.ledger.trimRequested);
    }
    await storage.close();
  }

  async #open(): Promise<FileStorage> {
    const storage = await openFile(DIRECTORY, this.#medium);
    expect(storage.recovered).toMatchObject({ outcome: 'intact', reason: '' });
    this.#items = [];
    let reported = 0;
    storage.onDurable = (through) => {
      for (const { slot, ballot } of this.#items.slice(reported, through)) {
        if (ballot > this.ledger.promiseAnswered) this.ledger.promiseAnswered = ballot;
        if (slot > 0) this.ledger.answered.set(slot, ballot);
      }
      reported = through;
    };
    return storage;
  }

  #vote(storage: Storage): void {
    const { submitted, trimRequested } = this.ledger;
    const slot = Math.max(trimRequested + 1, this.#slot + Math.floor(this.#random() * 5) - 1);
    const ballots = submitted.get(slot) ?? new Map<Ballot, number>();
    if (ballots.has(this.#ballot)) return;
    const lengthBytes = Math.floor(this.#random() ** 3 * 7000);
    if (!stage(storage, slot, this.#ballot, lengthBytes)) return;
    submitted.set(slot, ballots.set(this.#ballot, lengthBytes));
    this.#items.push({ slot, ballot: this.#ballot });
    this.#slot = Math.max(this.#slot, slot);
    this.ledger.promiseSubmitted = this.#ballot;
  }

  #promise(storage: Storage): void {
    this.#ballot = ballotOf(Math.floor(this.#ballot / 2 ** 16) + 1);
    expect(storage.stagePromise(this.#ballot)).toBe(true);
    this.#items.push({ slot: 0, ballot: this.#ballot });
    this.ledger.promiseSubmitted = this.#ballot;
  }

  #trim(storage: Storage): void {
    const through = this.#slot - 3;
    if (through <= this.ledger.trimRequested) return;
    this.ledger.trimRequested = through;
    storage.trim(through, through);
  }
}

function check(storage: Storage, image: Image, ledger: Ledger): void {
  const { recovered } = storage;
  expect(recovered.outcome, recovered.reason).toBe('intact');
  expect(recovered.promised).toBeGreaterThanOrEqual(image.promiseAnswered);
  expect(recovered.promised).toBeLessThanOrEqual(ledger.promiseSubmitted);
  expect(recovered.trimThrough).toBeLessThanOrEqual(ledger.trimRequested);
  expect(recovered.checkpointId).toBe(recovered.trimThrough);
  const votes = new Map(recovered.votes.map((vote) => [vote.slot, vote]));
  for (const [slot, ballot] of image.answered) {
    if (slot <= recovered.trimThrough) continue;
    expect(votes.get(slot)?.ballot ?? 0, `the answered vote at slot ${slot}`).toBeGreaterThanOrEqual(ballot);
  }
  for (const vote of recovered.votes) {
    expect(ledger.submitted.get(vote.slot)?.get(vote.ballot), `slot ${vote.slot}`).toBe(vote.lengthBytes);
    expect(storage.readVote(vote.slot)).toEqual(batchOf(vote.slot, vote.ballot, vote.lengthBytes));
  }
}

/** Opens the image while the power fails again and again, then for good. */
async function recoverUnderPowerCuts(image: Image, random: () => number): Promise<RecordingMedium> {
  let medium = image.medium;
  for (let round = 0; round < 2; round++) {
    let cut: RecordingMedium | undefined;
    const at = medium;
    at.onEvent = () => {
      if (!cut && random() < 0.3) cut = at.powerCut(random);
    };
    const first = await openFile(DIRECTORY, at);
    await first.abandon();
    at.onEvent = () => {};
    medium = cut ?? at.killed().powerCut(random);
  }
  return medium;
}

async function checkImage(image: Image, ledger: Ledger, random: () => number): Promise<void> {
  const copy = await openFile(DIRECTORY, image.medium.killed());
  check(copy, image, ledger);
  const recovered = copy.recovered;
  await copy.abandon();
  const medium = await recoverUnderPowerCuts(image, random);
  const storage = await openFile(DIRECTORY, medium);
  expect({ ...storage.recovered, clean: false }).toEqual({ ...recovered, clean: false });
  storage.trim(recovered.highestVoted, recovered.highestVoted);
  const slot = Math.max(recovered.highestVoted, recovered.trimThrough) + 1;
  while (!stage(storage, slot, ballotOf(1_000_000), 300)) await turn();
  await settle(storage, 1);
  const after = medium.powerCut(random);
  await storage.abandon();
  const last = await openFile(DIRECTORY, after);
  expect(last.readVote(slot)).toEqual(batchOf(slot, ballotOf(1_000_000), 300));
  await last.abandon();
}

async function runSeed(seed: number, sites: Map<string, number>): Promise<void> {
  const random = seededRandom(seed);
  const medium = new RecordingMedium();
  await formatFile(DIRECTORY, SHAPE, medium);
  const workload = new Workload(medium, random);
  await workload.run(220);
  for (const image of workload.images) {
    try {
      await checkImage(image, workload.ledger, random);
    } catch (error) {
      const where = `${image.event.what} at ${image.event.site} (${image.event.path})`;
      throw new Error(`seed ${seed}, power cut at ${where}; replay with INDELIBLE_SEED=${seed}`, {
        cause: error,
      });
    }
    sites.set(image.event.site, (sites.get(image.event.site) ?? 0) + 1);
  }
}

describe('the file backend under power cuts', () => {
  it('keeps every answer at every crash point', async () => {
    const only = process.env['INDELIBLE_SEED'];
    const seeds = only ? [Number(only)] : Array.from({ length: SEEDS }, (_, at) => at + 1);
    const sites = new Map<string, number>();
    for (const seed of seeds) await runSeed(seed, sites);
    if (only) return;
    // A site that no image was cut at would prove nothing about it.
    for (const site of ['root', 'group', 'segment.prefill', 'segment.rename', 'segment.recovered']) {
      expect(sites.get(site) ?? 0, `power cuts at ${site}`).toBeGreaterThan(5);
    }
  }, 3_600_000);
});
