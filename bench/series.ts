/**
 * What was measured, once a round: the median speaks for it, the least and the most say how far to trust it.
 */

export interface Series {
  readonly unit: string;
  /** One value a round, in the order measured. */
  readonly rounds: readonly number[];
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** @throws RangeError for no values, or one that is no finite number: a median of those would be a lie. */
export function seriesOf(unit: string, rounds: readonly number[]): Series {
  if (rounds.length === 0) throw new RangeError('a series needs at least one round');
  if (!rounds.every(Number.isFinite))
    throw new RangeError(`a round is no finite number: ${rounds.join(', ')}`);
  const least = Math.min(...rounds);
  const most = Math.max(...rounds);
  return { unit, rounds: [...rounds], median: median(rounds), least, most };
}

/** The middle value; between two middle ones, their mean. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) throw new RangeError('no values have no median');
  return sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2;
}

/** a ÷ b round by round: what drifts between rounds is in both, and cancels. */
export function ratioOf(a: Series, b: Series): Series {
  if (a.rounds.length !== b.rounds.length)
    throw new RangeError('only series of the same rounds have a ratio');
  return seriesOf(
    '×',
    a.rounds.map((value, round) => value / b.rounds[round]!),
  );
}
