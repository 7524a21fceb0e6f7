/**
 * Media faults under a log that is in use: bits that rot, blocks that are gone, old or another's. The scrub
 * finds them, what it tells is enough to heal the log, and a crash in between leaves a log that says honestly
 * what it lost.
 */
import type { Random } from '../simulation/random.js';
import { openRecording, type Recording } from '../storage/pmem-recording.js';
import type { FoundDamage, Storage } from '../storage/storage.js';
import { type Contents, stageGroup } from './log-contents.js';
import { judgeDamage } from './log-damage.js';
import { RegionFaults } from './region-faults.js';
import type { PlaceKind } from './region-map.js';

const STRIKES = 12;
const SCRUB_BYTES = 4 << 10;

/** Places without which nothing is missing: they are there twice, or are written anew. */
const HARMLESS: ReadonlySet<PlaceKind> = new Set(['header', 'root', 'word', 'tail', 'unread']);

interface LiveResult {
  readonly strikes: number;
  readonly violation: string | undefined;
}

/** Damages logs opened from `image`, which holds `contents`; `earlier` are images of it before. */
export function checkLiveDamage(
  image: Uint8Array,
  earlier: readonly Uint8Array[],
  contents: Contents,
  random: Random,
): LiveResult {
  let strikes = 0;
  for (; strikes < STRIKES; strikes++) {
    const { storage, recording } = openRecording({ image });
    try {
      const violation = new LiveLog(storage, recording, contents).strike(earlier, random);
      if (violation !== undefined) return { strikes, violation: `in a live log, ${violation}` };
    } finally {
      recording.release();
    }
  }
  return { strikes, violation: undefined };
}

class LiveLog {
  readonly #storage: Storage;
  readonly #recording: Recording;
  readonly #contents: Contents;

  constructor(storage: Storage, recording: Recording, contents: Contents) {
    this.#storage = storage;
    this.#recording = recording;
    this.#contents = contents.copy();
    this.#contents.forget(storage.recovered.trimThrough);
  }

  strike(earlier: readonly Uint8Array[], random: Random): string | undefined {
    // Votes are in the index from the first pass on.
    const before = this.#pass();
    if (before.length > 0) return `a scrub of a whole log found ${before[0]!.reason}`;
    const image = this.#recording.durableImage();
    const faults = new RegionFaults(image, earlier, random.fork());
    const inPlace = faults.inPlace();
    const kind = random.pick([...new Set(inPlace.map((fault) => fault.kind))]);
    const fault = random.pick(inPlace.filter((one) => one.kind === kind));
    const damaged = fault.apply(image.slice());
    for (let at = 0; at < image.length; at++) {
      if (damaged[at] !== image[at]) this.#recording.flip(at, damaged[at]! ^ image[at]!);
    }
    const why = this.#afterwards(faults.hitIn(0, damaged));
    return why === undefined ? undefined : `${fault.kind} (${fault.what}): ${why}`;
  }

  #afterwards(hit: ReadonlySet<PlaceKind>): string | undefined {
    const found = this.#pass();
    const again = this.#pass();
    if (again.length > 0) return `told twice: ${again[0]!.reason}`;
    const isHarmless = [...hit].every((kind) => HARMLESS.has(kind));
    if (isHarmless && found.length > 0) return `${found[0]!.reason}, though nothing is lost`;
    const crashed = judgeDamage(this.#recording.durableImage(), this.#contents, []);
    if (crashed.why !== undefined) return `after a crash: ${crashed.why}`;
    if (crashed.verdict === 'lost') return 'lost after a crash, though a scrub had passed';
    if (isHarmless) return crashed.verdict === 'intact' ? undefined : `not mended: ${crashed.verdict}`;
    if (hit.has('payload') && found.length === 0) return 'the scrub did not find it';
    if (crashed.verdict !== 'intact' && found.length === 0) return `${crashed.verdict} after a crash, untold`;
    return this.#heal(found);
  }

  /** Stages again what the scrub tells of: lost bytes as from a peer, all others from the log itself. */
  #heal(found: readonly FoundDamage[]): string | undefined {
    const lost = new Set(found.flatMap(({ votes }) => votes.map(({ slot }) => slot)));
    const ranges = found.flatMap(({ uncertain }) => uncertain);
    for (const [slot, vote] of this.#contents.votes) {
      const isUncertain = ranges.some(({ from, through }) => from <= slot && slot <= through);
      const bytes = this.#storage.readVote(slot);
      if (lost.has(slot) !== (bytes === undefined)) return `slot ${slot}: told lost ${lost.has(slot)}`;
      if (!isUncertain && !lost.has(slot)) continue;
      if (!stageGroup(this.#storage, { promise: 0, votes: [vote] })) return undefined;
      this.#storage.commit(0);
    }
    const { verdict, why } = judgeDamage(this.#recording.durableImage(), this.#contents, []);
    if (why !== undefined) return `after healing: ${why}`;
    if (verdict !== 'intact' && verdict !== 'uncertain') return `after healing: ${verdict}`;
    // Slots of which nobody voted stay uncertain until they are forgotten.
    const through = Math.max(...this.#contents.votes.keys(), 1);
    this.#storage.trim(through, through);
    this.#contents.forget(through);
    const last = judgeDamage(this.#recording.durableImage(), this.#contents, []);
    return last.verdict === 'intact' ? last.why : `after healing and a trim: ${last.verdict}`;
  }

  #pass(): FoundDamage[] {
    const found: FoundDamage[] = [];
    let passes = -1;
    for (let ended = false; !ended; ) {
      this.#storage.scrub(SCRUB_BYTES, (progress) => {
        if (progress.damage !== undefined) found.push(progress.damage);
        ended = passes >= 0 && progress.passes > passes;
        // The first step may be the end of a pass that was begun before.
        if (passes < 0) passes = progress.passes;
      });
    }
    return found;
  }
}
