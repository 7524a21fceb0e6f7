/**
 * Judges one crash image by the production recovery:
 *
 * 1. what is recovered is a legal state (log-contents.ts, Expectation);
 * 2. a crash inside that recovery leaves legal states, too;
 * 3. recovery is idempotent: what it made durable recovers to the same again;
 * 4. the log is writable afterwards, and what is written then is there after one more recovery.
 */
import { openRecording } from '../storage/pmem-recording.js';
import type { Storage } from '../storage/storage.js';
import { Contents, type Expectation, type Group, stageGroup } from './log-contents.js';

type Opened = ReturnType<typeof openRecording>;

/** Lengths around 8, 64 and 256 bytes, and one that is written straight from the caller's memory. */
export const LENGTHS: readonly number[] = [0, 1, 7, 8, 9, 63, 64, 65, 255, 256, 257, 500, 1100];

export class Judge {
  images = 0;
  readonly imagesPerFence: number;

  constructor(imagesPerFence: number) {
    this.imagesPerFence = imagesPerFence;
  }

  /** @returns what was violated, or undefined. `seed` decides the crash images inside recovery. */
  crash(image: Uint8Array, expectation: Expectation, seed: number, levels = 1): string | undefined {
    this.images++;
    // Every recovery passes five fences or more: one image in four is enough to look into them, too.
    const imagesPerFence = levels > 0 && seed % 4 === 0 ? Math.min(this.imagesPerFence, 2) : 0;
    const opened = attempt(() => openRecording({ image, sample: { imagesPerFence, seed } }));
    if (typeof opened === 'string') return opened;
    try {
      return this.recovery(opened, expectation, seed, levels);
    } finally {
      opened.recording.release();
    }
  }

  private recovery(
    opened: Opened,
    expectation: Expectation,
    seed: number,
    levels: number,
  ): string | undefined {
    const why = expectation.violation(opened.storage);
    if (why !== undefined) return why;
    const durable = opened.recording.durableImage();
    for (const sample of opened.recording.takeSamples()) {
      const inner = this.crash(sample.image, expectation, seed + 1, levels - 1);
      if (inner !== undefined) return `after a crash at ${sample.site} inside recovery: ${inner}`;
    }
    const recovered = contentsOf(opened.storage);
    return this.goesOn(durable, recovered, seed);
  }

  private goesOn(image: Uint8Array, recovered: Contents, seed: number): string | undefined {
    const again = attempt(() => openRecording({ image }));
    if (typeof again === 'string') return `at the second recovery: ${again}`;
    try {
      return this.writesBehind(again, recovered, seed);
    } finally {
      again.recording.release();
    }
  }

  private writesBehind(again: Opened, recovered: Contents, seed: number): string | undefined {
    const changed = recovered.difference(again.storage);
    if (changed !== undefined) return `recovery is not idempotent: ${changed}`;
    const { highestVoted, trimThrough } = again.storage.recovered;
    const ballot = recovered.promised + 1;
    const slot = Math.max(highestVoted, trimThrough) + 1;
    const group: Group = {
      promise: ballot,
      votes: [{ slot, ballot, lengthBytes: LENGTHS[seed % LENGTHS.length]! }],
    };
    const written = attempt(() => {
      if (!stageGroup(again.storage, group)) return false;
      again.storage.commit(0);
      return true;
    });
    if (typeof written === 'string') return `writing after recovery: ${written}`;
    if (!written) return undefined;
    const after = recovered.copy();
    after.apply(group);
    const last = attempt(() => openRecording({ image: again.recording.durableImage() }));
    if (typeof last === 'string') return `after writing behind a recovery: ${last}`;
    const lost = after.difference(last.storage);
    last.recording.release();
    return lost === undefined ? undefined : `written behind a recovery, then recovered: ${lost}`;
  }
}

/** What was recovered, as it would be written again: a vote's slot, ballot and length decide its bytes. */
export function contentsOf(storage: Storage): Contents {
  const contents = new Contents(storage.recovered.promised);
  for (const { slot, ballot, lengthBytes } of storage.recovered.votes) {
    contents.votes.set(slot, { slot, ballot, lengthBytes });
  }
  return contents;
}

/** The value, or the error in words: an error of the log is a finding of the rig, not its end. */
export function attempt<T>(call: () => T): T | string {
  try {
    return call();
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}`;
  }
}
