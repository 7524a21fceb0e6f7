/**
 * Bits that rot under a log that is in use: the scrub finds them, what it tells is enough to heal the log,
 * and a crash at any moment in between leaves a log that says honestly what it lost.
 */
import type { Random } from '../simulation/random.js';
import { openRecording, type Recording } from '../storage/pmem-recording.js';
import type { FoundDamage, Storage } from '../storage/storage.js';
import { type Contents, stageGroup } from './log-contents.js';
import { judgeDamage } from './log-damage.js';
import { mapRegion, type Place } from './region-map.js';

const FLIPS = 12;
const SCRUB_BYTES = 4 << 10;

interface LiveResult {
  readonly flips: number;
  readonly violation: string | undefined;
}

/** Flips bits in logs opened from `image`, which holds `contents`. */
export function checkLiveDamage(image: Uint8Array, contents: Contents, random: Random): LiveResult {
  let flips = 0;
  for (; flips < FLIPS; flips++) {
    const { storage, recording } = openRecording({ image });
    try {
      const violation = new LiveLog(storage, recording, contents).strike(random);
      if (violation !== undefined) return { flips, violation: `in a live log, ${violation}` };
    } finally {
      recording.release();
    }
  }
  return { flips, violation: undefined };
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

  strike(random: Random): string | undefined {
    // Votes are in the index from the first pass on.
    const before = this.#pass();
    if (before.length > 0) return `a scrub of a whole log found ${before[0]!.reason}`;
    const places = mapRegion(this.#recording.durableImage()).places;
    const kind = random.pick(places).kind;
    const place = random.pick(places.filter((one) => one.kind === kind));
    const at = place.at + random.below(place.lengthBytes);
    this.#recording.flip(at, 1 << random.below(8));
    const why = this.#afterwards(place);
    return why === undefined ? undefined : `a bit of a ${place.kind} at ${at}: ${why}`;
  }

  #afterwards(place: Place): string | undefined {
    const found = this.#pass();
    const again = this.#pass();
    if (again.length > 0) return `told twice: ${again[0]!.reason}`;
    const isHarmless = ['header', 'root', 'word', 'tail', 'unread'].includes(place.kind);
    if (isHarmless && found.length > 0) return `${found[0]!.reason}, though nothing is lost`;
    const crashed = judgeDamage(this.#recording.durableImage(), this.#contents, []);
    if (crashed.why !== undefined) return `after a crash: ${crashed.why}`;
    if (crashed.verdict === 'lost') return 'lost after a crash, though a scrub had passed';
    if (isHarmless) return crashed.verdict === 'intact' ? undefined : `not mended: ${crashed.verdict}`;
    if (place.kind === 'payload' && found.length === 0) return 'the scrub did not find it';
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
