/**
 * What a log does in its life, by a seed: groups, promises, trims, scrubs, restarts, and damage that
 * recovery mends. Twins that get the same seed do the same, as long as their logs do.
 */
import { Random } from '../../../lib/simulation/random.js';
import type { Pipeline } from '../../../lib/storage/pmem.js';
import type { Storage } from '../../../lib/storage/storage.js';
import { stageGroup, type TortureVote } from '../../../lib/torture/log-contents.js';
import type { Twin } from './twins.js';

/** Offsets of what recovery mends: in a copy of the header, in a root's slots. */
const MENDED: readonly number[] = [0x10, 0x1010, 0x2108, 0x3108];
const LIVES = 6;
const OPERATIONS = 40;
const LENGTH_MAX = 1500;
const SCRUB_BYTES = 1 << 20;

/** @param wordsOf asked after each life: where its commit words lie */
export async function live(twin: Twin, seed: number, wordsOf: () => readonly number[]): Promise<void> {
  const random = new Random(seed);
  let [slot, ballot] = [0, 1];
  for (let life = 0; life < LIVES; life++) {
    const pipeline: Pipeline = random.pick(['two-fence', 'fused']);
    const storage = twin.open(pipeline);
    slot = Math.max(slot, storage.recovered.highestVoted, storage.recovered.trimThrough);
    ballot = Math.max(ballot, storage.recovered.promised);
    for (let operation = 0; operation < OPERATIONS; operation++) {
      [slot, ballot] = operate(storage, random, slot, ballot);
    }
    await twin.end(life === LIVES - 1 || random.chance(0.4) ? 'close' : 'kill');
    const words = wordsOf();
    const word = words[Math.max(0, words.length - 2)];
    if (life === LIVES - 1) continue;
    if (random.chance(0.5)) twin.flip(random.pick(MENDED), 0x20);
    if (random.chance(0.7) && word !== undefined) twin.flip(word, 0x11);
  }
}

function operate(storage: Storage, random: Random, slot: number, ballot: number): [number, number] {
  const dice = random.fraction();
  if (dice < 0.1) {
    storage.trim(Math.max(0, slot - random.below(10)), slot);
    return [slot, ballot];
  }
  if (dice < 0.15) storage.scrub(SCRUB_BYTES, () => {});
  if (dice < 0.2) storage.drain();
  const isPromise = random.chance(0.15);
  const votes: TortureVote[] = [];
  for (let left = random.below(4) + (isPromise ? 0 : 1); left > 0; left--) {
    votes.push({ slot: slot + votes.length + 1, ballot, lengthBytes: random.below(LENGTH_MAX) });
  }
  const group = { promise: isPromise ? ballot + 1 : 0, votes };
  const staged = stageGroup(storage, group);
  storage.commit(Math.max(0, slot - 3));
  if (!staged) storage.trim(slot, slot);
  return [slot + votes.length, isPromise ? ballot + 1 : ballot];
}
