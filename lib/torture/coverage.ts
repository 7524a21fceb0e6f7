/**
 * Whether a run has looked everywhere: every fence and sync site that a backend has must have had its share
 * of the images. A site without images would prove nothing about it.
 */
import type { TortureBackend, TortureTotals } from './torture.js';

/** Distinct images from which on a run is held to its coverage. */
export const COVERED_FROM_IMAGES = 50_000;

/** Distinct images that every site must have had by then. */
const SITE_IMAGES_MIN: Readonly<Record<TortureBackend, Readonly<Record<string, number>>>> = {
  emulated: {
    'format.invalidate-fence': 10,
    'format.body-fence': 100,
    'format.magic-fence': 5,
    'append.body-fence': 10_000,
    'append.commit-fence': 500,
    'root.slot-fence': 200,
    'root.flip-fence': 500,
    'recover.fence': 500,
  },
  file: {
    directory: 1,
    identity: 2,
    root: 50,
    group: 500,
    'segment.prefill': 500,
    'segment.rename': 50,
    'segment.refill': 2,
    'segment.recovered': 2,
  },
};

export interface SiteCoverage {
  readonly site: string;
  readonly distinct: number;
  readonly wanted: number;
}

export function coverageOf(backend: TortureBackend, totals: TortureTotals): readonly SiteCoverage[] {
  return Object.entries(SITE_IMAGES_MIN[backend]).map(([site, wanted]) => {
    return { site, wanted, distinct: totals.sites.bySite[site]?.distinct ?? 0 };
  });
}
