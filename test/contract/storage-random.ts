/**
 * Random histories against a model: after every close or crash the store holds what was durable, nothing that
 * was never submitted, and never a lower promise.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Storage } from '../../lib/storage/storage.js';
import type { Ballot, Slot } from '../../lib/types.js';
import { Bench, ballotOf, batchOf, type StorageSubject, settle, stage, turn } from './storage.js';

type Step =
  | { readonly do: 'vote'; readonly ahead: number; readonly lengthBytes: number }
  | { readonly do: 'ballot' | 'promise' | 'commit' | 'settle' | 'trim' | 'turn' | 'close' | 'crash' };

const stepOf: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('vote' as const),
      ahead: fc.integer({ min: -3, max: 6 }),
      lengthBytes: fc.oneof(fc.nat(200), fc.nat(6000)),
    }),
  },
  ...(
    [
      ['commit', 5],
      ['settle', 2],
      ['trim', 1],
      ['ballot', 1],
      ['promise', 1],
      ['turn', 3],
      ['close', 1],
      ['crash', 1],
    ] as const
  ).map(([name, weight]) => ({ weight, arbitrary: fc.constant({ do: name } as Step) })),
);

interface Submitted {
  /** 0 for a promise. */
  readonly slot: Slot;
  readonly ballot: Ballot;
  readonly lengthBytes: number;
}

/** What was submitted since open, in item order, and what was durable when it was opened. */
class Model {
  readonly recovered: Map<Slot, Submitted> = new Map();
  items: Submitted[] = [];
  promised: Ballot = ballotOf(0, 0);
  ballot: Ballot = ballotOf(1);
  trimThrough = 0;
  highest = 0;

  /** Checks what `storage` recovered against items[0, durable) and items[durable, …). */
  checkRecovery(storage: Storage, durable: number): void {
    const found = storage.recovered;
    expect(found.outcome, found.reason).toBe('intact');
    expect(found.uncertain).toEqual([]);
    let promised = this.promised;
    const certain = new Map(this.recovered);
    for (const item of this.items.slice(0, durable)) {
      if (item.ballot > promised) promised = item.ballot;
      if (item.slot > 0) certain.set(item.slot, item);
    }
    expect(found.promised).toBeGreaterThanOrEqual(promised);
    expect(found.trimThrough).toBeLessThanOrEqual(this.trimThrough);
    const votes = new Map(found.votes.map((vote) => [vote.slot, vote]));
    for (const [slot, item] of certain) {
      if (slot <= this.trimThrough) continue;
      expect(votes.get(slot)?.ballot ?? 0, `vote at ${slot}`).toBeGreaterThanOrEqual(item.ballot);
    }
    for (const vote of found.votes) {
      const bytes = storage.readVote(vote.slot);
      const known = [certain.get(vote.slot), ...this.items].some(
        (item) =>
          item?.slot === vote.slot &&
          item.ballot === vote.ballot &&
          item.lengthBytes === vote.lengthBytes &&
          Buffer.compare(bytes!, batchOf(item.slot, item.ballot, item.lengthBytes)) === 0,
      );
      expect(known, `the vote found at ${vote.slot} was submitted`).toBe(true);
    }
    this.adopt(storage);
  }

  /** What was recovered is what counts from here on. */
  adopt(storage: Storage): void {
    const found = storage.recovered;
    this.promised = found.promised;
    this.trimThrough = found.trimThrough;
    this.recovered.clear();
    for (const vote of found.votes) {
      this.recovered.set(vote.slot, { slot: vote.slot, ballot: vote.ballot, lengthBytes: vote.lengthBytes });
    }
    this.items = [];
  }
}

class History<Place> {
  readonly #bench: Bench<Place>;
  readonly #model = new Model();
  #place: Place;
  #storage: Storage;
  /** Items staged, and those of them committed. */
  #committed = 0;

  constructor(bench: Bench<Place>, place: Place, storage: Storage) {
    this.#bench = bench;
    this.#place = place;
    this.#storage = storage;
  }

  async step(step: Step): Promise<void> {
    const model = this.#model;
    if (step.do === 'vote') this.#vote(step.ahead, step.lengthBytes);
    else if (step.do === 'ballot') model.ballot = ballotOf(Math.floor(model.ballot / 2 ** 16) + 1);
    else if (step.do === 'promise') this.#promise();
    else if (step.do === 'commit') this.#commit();
    else if (step.do === 'settle') await this.#settle();
    else if (step.do === 'trim') this.#trim();
    else if (step.do === 'turn') await turn();
    else await this.end(step.do === 'crash');
  }

  /** Closes or crashes, opens, and checks. */
  async end(crash: boolean): Promise<void> {
    if (crash && this.#bench.subject.crash) {
      const durable = this.#storage.durableThrough;
      ({ place: this.#place, storage: this.#storage } = await this.#bench.crash(this.#storage, this.#place));
      this.#model.checkRecovery(this.#storage, durable);
    } else {
      this.#storage = await this.#bench.reopen(this.#storage, this.#place);
      this.#model.checkRecovery(this.#storage, this.#committed);
    }
    this.#committed = 0;
  }

  #vote(ahead: number, lengthBytes: number): void {
    const model = this.#model;
    const slot = Math.max(model.trimThrough + 1, model.highest + ahead);
    const latest = model.items.findLast((item) => item.slot === slot) ?? model.recovered.get(slot);
    // One value per (ballot, slot): a second vote for a slot belongs to a higher ballot.
    if (latest !== undefined && latest.ballot >= model.ballot) return;
    if (!stage(this.#storage, slot, model.ballot, lengthBytes)) return;
    model.items.push({ slot, ballot: model.ballot, lengthBytes });
    model.highest = Math.max(model.highest, slot);
  }

  #promise(): void {
    const ballot = this.#model.ballot;
    if (this.#storage.stagePromise(ballot)) this.#model.items.push({ slot: 0, ballot, lengthBytes: 0 });
  }

  #commit(): void {
    this.#storage.commit(this.#model.trimThrough);
    this.#committed = this.#model.items.length;
  }

  async #settle(): Promise<void> {
    this.#committed = this.#model.items.length;
    await settle(this.#storage, this.#committed, this.#model.trimThrough);
  }

  #trim(): void {
    const through = this.#model.highest - 4;
    if (through <= this.#model.trimThrough) return;
    this.#storage.trim(through, through);
    this.#model.trimThrough = through;
  }
}

export function randomContract<Place>(subject: StorageSubject<Place>): void {
  describe('random histories', () => {
    const bench = new Bench(subject);
    afterEach(() => bench.tidy());

    it('recover what was durable and nothing that was not submitted', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(stepOf, { minLength: 20, maxLength: 120 }), async (steps) => {
          const { place, storage } = await bench.fresh();
          const history = new History(bench, place, storage);
          for (const step of steps) await history.step(step);
          await history.end(true);
          await bench.tidy();
        }),
        { numRuns: subject.randomRuns ?? 40 },
      );
    });
  });
}
