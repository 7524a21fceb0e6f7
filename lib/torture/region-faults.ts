/**
 * Every fault of a kind that a medium could have put into an image of a region, each with what recovery may
 * say of it: docs/format.md's table, turned around.
 *
 * | place                             | what recovery may say                                             |
 * |-----------------------------------|-------------------------------------------------------------------|
 * | one copy of header or root, word, unread | `intact`, with exactly what was there                      |
 * | payload of a vote that counts     | `damaged`: the vote known, its bytes unavailable                   |
 * | header or descriptors             | `damaged`: slots uncertain, the promise known                      |
 * | header of the newest record; tail | `lost`                                                            |
 * | both headers                      | refused: the identity is lost                                     |
 *
 * A block covers several places: then any of what they allow. Old bytes may also bring an older state back.
 */
import type { Random } from '../simulation/random.js';
import type { Verdict } from './damage-tally.js';
import { LOG_AT, mapRegion, PAGE_BYTES, type PlaceKind, ROOTS_AT } from './region-map.js';

export interface Fault {
  /** What tallies count it under. */
  readonly kind: string;
  readonly what: string;
  readonly allowed: ReadonlySet<Verdict>;
  /** Damages an image that is the caller's; a shorter one where the file is cut off. */
  readonly apply: (image: Uint8Array) => Uint8Array;
}

const MEANINGS: Readonly<Record<PlaceKind, readonly Verdict[]>> = {
  header: ['intact'],
  root: ['intact'],
  word: ['intact'],
  unread: ['intact'],
  payload: ['unavailable'],
  // Where every slot it could have held is forgotten, nothing is missing.
  record: ['uncertain', 'intact'],
  descriptors: ['uncertain', 'intact'],
  newest: ['lost'],
  tail: ['lost'],
};

const BLOCK_BYTES = [64, 256, 4096] as const;

function flip(bytes: Uint8Array, at: number): void {
  bytes[at]! ^= 4;
}

/** Bytes [at, at + length) written over an image. */
function overwrite(at: number, bytes: Uint8Array): (image: Uint8Array) => Uint8Array {
  return (image) => {
    image.set(bytes.subarray(0, image.length - at), at);
    return image;
  };
}

export class RegionFaults {
  readonly #image: Uint8Array;
  readonly #earlier: readonly Uint8Array[];
  readonly #random: Random;
  readonly #map: ReturnType<typeof mapRegion>;

  /** `earlier` are images of the same region before now, oldest first. */
  constructor(image: Uint8Array, earlier: readonly Uint8Array[], random: Random) {
    this.#image = image;
    this.#earlier = earlier;
    this.#random = random;
    this.#map = mapRegion(image);
  }

  all(): Fault[] {
    return [...this.inPlace(), ...this.#cuts()];
  }

  /** Those that leave the image as long as it is. */
  inPlace(): Fault[] {
    return [...this.#flips(), ...this.#zeros(), ...this.#stale(), ...this.#misplaced(), ...this.#both()];
  }

  /** One bit of every field. */
  #flips(): Fault[] {
    return this.#map.places.map(({ kind, at, lengthBytes }) => {
      const where = at + this.#random.below(lengthBytes);
      const bit = 1 << this.#random.below(8);
      return {
        kind: `flip in ${kind}`,
        what: `bit ${bit} at ${where}`,
        allowed: new Set(MEANINGS[kind]),
        apply: (image) => {
          image[where]! ^= bit;
          return image;
        },
      };
    });
  }

  /** The kinds of place that change when `bytes` are written at `at`. */
  hitIn(at: number, bytes: Uint8Array): Set<PlaceKind> {
    const hit = new Set<PlaceKind>();
    const changed = (from: number, end: number): boolean => {
      const first = Math.max(from, at);
      const last = Math.min(end, at + bytes.length);
      for (let byte = first; byte < last; byte++) if (bytes[byte - at] !== this.#image[byte]) return true;
      return false;
    };
    for (const place of this.#map.places) {
      if (place.at + place.lengthBytes <= at || place.at >= at + bytes.length) continue;
      if (changed(place.at, place.at + place.lengthBytes)) hit.add(place.kind);
    }
    return hit;
  }

  /** What may follow from `bytes` that are written at `at`, less those that stay as they are. */
  #meaningOf(at: number, bytes: Uint8Array): Set<Verdict> {
    const kinds = [...this.hitIn(at, bytes)];
    return new Set<Verdict>(['intact', ...kinds.flatMap((kind) => MEANINGS[kind])]);
  }

  *#blocks(): Generator<{ at: number; length: number }> {
    for (const length of BLOCK_BYTES) {
      for (let at = 0; at < this.#image.length; at += length) yield { at, length };
    }
  }

  #fault(kind: string, at: number, bytes: Uint8Array, extra: readonly Verdict[]): Fault[] {
    if (Buffer.compare(bytes, this.#image.subarray(at, at + bytes.length)) === 0) return [];
    const allowed = this.#meaningOf(at, bytes);
    for (const verdict of extra) allowed.add(verdict);
    const what = `${kind}: ${bytes.length} bytes at ${at}`;
    return [{ kind: `${kind}, ${bytes.length} B`, what, allowed, apply: overwrite(at, bytes) }];
  }

  #zeros(): Fault[] {
    return [...this.#blocks()].flatMap(({ at, length }) =>
      this.#fault('zeroed', at, new Uint8Array(length), []),
    );
  }

  /** Lost writes: a block as it was at an earlier time. */
  #stale(): Fault[] {
    return this.#earlier.flatMap((old) =>
      [...this.#blocks()].flatMap(({ at, length }) =>
        this.#fault('stale', at, old.slice(at, at + length), at < LOG_AT ? [] : ['older', 'lost']),
      ),
    );
  }

  /** Writes that went elsewhere: a block lies where another belongs. */
  #misplaced(): Fault[] {
    return [...this.#blocks()].flatMap(({ at, length }) => {
      const from = this.#random.below(this.#image.length / length) * length;
      return this.#fault('misplaced', at, this.#image.slice(from, from + length), []);
    });
  }

  /** Both copies of what there are two of. */
  #both(): Fault[] {
    const page = new Uint8Array(PAGE_BYTES);
    const spoil = (at: number, how: (bytes: Uint8Array, copy: number) => void) => (image: Uint8Array) => {
      for (const copy of [0, 1])
        how(image.subarray(at + copy * PAGE_BYTES, at + (copy + 1) * PAGE_BYTES), copy);
      return image;
    };
    const field = 24 + this.#random.below(80);
    const spoilt: readonly [string, (bytes: Uint8Array, copy: number) => void][] = [
      ['zeroed', (bytes) => bytes.set(page)],
      ['flipped alike', (bytes) => flip(bytes, field)],
      ['flipped apart', (bytes, copy) => flip(bytes, field + copy)],
      ['without magic', (bytes) => flip(bytes, 3)],
    ];
    const headers = spoilt.map(([how, apply]): Fault => {
      return {
        kind: 'both headers',
        what: `both headers ${how}`,
        allowed: new Set(['refused']),
        apply: spoil(0, apply),
      };
    });
    const roots: readonly [string, (bytes: Uint8Array) => void][] = [
      ['zeroed', (bytes) => bytes.set(page)],
      ['without selector', (bytes) => flip(bytes, 3)],
      [
        'flipped',
        (bytes) => {
          for (const slot of [0x100, 0x200]) flip(bytes, slot + 8);
        },
      ],
    ];
    return headers.concat(
      roots.map(([how, apply]): Fault => {
        return {
          kind: 'both roots',
          what: `both roots ${how}`,
          // Without a record nobody else knows where the log begins.
          allowed: new Set(this.#map.newest === 0 ? ['lost'] : ['intact']),
          apply: spoil(ROOTS_AT, apply),
        };
      }),
    );
  }

  /** The file cut off at every page. */
  #cuts(): Fault[] {
    const faults: Fault[] = [];
    for (let at = 0; at < this.#image.length; at += PAGE_BYTES) {
      faults.push({
        kind: 'cut off',
        what: `cut off at ${at}`,
        allowed: new Set(['refused']),
        apply: (image) => image.subarray(0, at),
      });
    }
    return faults;
  }
}
