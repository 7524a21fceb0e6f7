/** What is known of the place a store lies on: what it keeps, and who else may have it. */

export interface Ground {
  /**
   * What outlives what is synced, fenced or flushed there: loss of power, or only the death of the process.
   * 'power' is said only where every layer below is known to keep it.
   */
  readonly survives: 'power' | 'process';
  /** True where it is known that loss of power takes what was synced, in whole or in part. */
  readonly forgets: boolean;
  /** True where another machine may have the same files open. */
  readonly shared: boolean;
  /** Why it does not survive power loss; empty where it does. For a person. */
  readonly reason: string;
}

export const KEEPS: Ground = { survives: 'power', forgets: false, shared: false, reason: '' };

export function memory(what: string): Ground {
  return { survives: 'process', forgets: true, shared: false, reason: `${what} is memory` };
}

export function unknown(reason: string): Ground {
  return { survives: 'process', forgets: false, shared: false, reason };
}

/** Of something that needs all of its parts: it is as good as the worst. */
export function weakest(parts: readonly Ground[]): Ground {
  return (
    parts.find(({ forgets }) => forgets) ?? parts.find(({ survives }) => survives === 'process') ?? KEEPS
  );
}
