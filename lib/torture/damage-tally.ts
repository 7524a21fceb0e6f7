/** What a campaign of media faults has come to so far: how often each kind of fault was taken for what. */

/**
 * What recovery makes of a store:
 * - `intact`: exactly what was there; the fault was mended, or hit what nothing needs.
 * - `unavailable`: damaged, votes without their bytes; `uncertain`: damaged, slots that cannot be told.
 * - `lost`: it never votes again; `refused`: it is not opened.
 * - `older`: intact, in a state that was legal earlier. The fault left nothing by which a log alone could
 *   know.
 */
export const VERDICTS = ['intact', 'unavailable', 'uncertain', 'lost', 'refused', 'older'] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface DamageViolation {
  readonly seed: number;
  readonly what: string;
}

export class DamageTally {
  histories = 0;
  /** Damaged images that were judged. */
  images = 0;
  /** Faults under open logs. */
  live = 0;
  /** Files cut off under open logs. */
  cuts = 0;
  readonly verdicts: Map<string, Map<Verdict, number>> = new Map();
  violation: DamageViolation | undefined;

  count(kind: string, verdict: Verdict): void {
    this.images++;
    const counts = this.verdicts.get(kind) ?? new Map<Verdict, number>();
    counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    this.verdicts.set(kind, counts);
  }

  /** Faults that were taken for `verdict`. */
  total(verdict: Verdict): number {
    let sum = 0;
    for (const counts of this.verdicts.values()) sum += counts.get(verdict) ?? 0;
    return sum;
  }
}
