/**
 * What a history of the crash rigs is told and what it tells: plain values that travel between threads.
 *
 * 1. A history is its seed: the same seed on the same program gives the same moments, images and verdicts.
 * 2. A moment is a fence or sync about to take effect, or the time between two operations; moments are
 *    numbered within their history, images within their moment. Three numbers name an image.
 */

export interface Thoroughness {
  /** Choices of values in all up to which every crash image of a moment is judged. */
  readonly exhaustiveMax: number;
  readonly randomImages: number;
  /** Images of kill -9 at each moment. */
  readonly kills: number;
  /** One image in so many is crashed again inside its recovery and behind it. */
  readonly deepEvery: number;
  /** Images at each fence or sync of that second level. */
  readonly innerImages: number;
}

export const THOROUGHNESS: Thoroughness = {
  exhaustiveMax: 4096,
  randomImages: 16,
  kills: 4,
  deepEvery: 8,
  innerImages: 4,
};

/** One moment, and one image of it, instead of all. */
export interface Only {
  readonly moment: number;
  readonly image: number | undefined;
}

export interface HistoryOptions {
  readonly seed: number;
  readonly thoroughness: Thoroughness;
  readonly only: Only | undefined;
}

export interface Violation {
  readonly moment: number;
  /** Undefined where no image is to blame but the run itself. */
  readonly image: number | undefined;
  /** The fence or sync at which the crash came. */
  readonly site: string;
  readonly operation: string;
  readonly what: string;
  /** Which units are new, crash by crash. */
  readonly trail: string;
  /** Whether x86's caches could show it; undefined where that is no question. */
  readonly x86: boolean | undefined;
}

/** Of all moments at one site. */
export interface SiteCount {
  moments: number;
  /** Power cuts and kills judged there, and those of the second level that came out of them. */
  images: number;
  innerImages: number;
  /** Images there, of either level, of which recovery reads other bytes than of any before. */
  distinct: number;
}

export interface HistoryResult {
  readonly seed: number;
  readonly workload: string;
  readonly violation: Violation | undefined;
  readonly operations: number;
  readonly sites: Readonly<Record<string, SiteCount>>;
  readonly kills: number;
  readonly x86Images: number;
  /** Moments at which every choice was judged. */
  readonly exhaustive: number;
}

/** Adds up, site by site. */
export class SiteCounts {
  readonly bySite: Record<string, SiteCount> = {};

  at(site: string): SiteCount {
    this.bySite[site] ??= { moments: 0, images: 0, innerImages: 0, distinct: 0 };
    return this.bySite[site];
  }

  add(site: string, more: SiteCount): void {
    const count = this.at(site);
    count.moments += more.moments;
    count.images += more.images;
    count.innerImages += more.innerImages;
    count.distinct += more.distinct;
  }

  total(key: keyof SiteCount): number {
    return Object.values(this.bySite).reduce((sum, count) => sum + count[key], 0);
  }
}
