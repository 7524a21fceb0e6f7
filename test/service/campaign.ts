/**
 * What a campaign is given, and how it reports: one line a check as it happens, counted. A check that fails
 * ends its campaign, for what follows would build on it; the checks behind it count as neither.
 */
import type { Random } from '../../lib/simulation/random.js';
import type { TestedBackend } from './service-cluster.js';

export interface CampaignSettings {
  readonly backend: TestedBackend;
  /** Times that a leader is killed. */
  readonly kills: number;
  /** Laps that every log goes around. */
  readonly laps: number;
  /** Those with a network of their own do the part that continuous integration runs. */
  readonly isShort: boolean;
  readonly random: Random;
}

export class CampaignReport {
  passed = 0;
  failed = 0;

  /** Runs one check; what it resolves with is printed behind its name. */
  async check(name: string, body: () => Promise<string>): Promise<void> {
    const startMs = performance.now();
    try {
      const detail = await body();
      const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
      console.log(`  ok    ${name}${detail === '' ? '' : `: ${detail}`} (${seconds} s)`);
      this.passed++;
    } catch (error) {
      console.log(`  FAIL  ${name}: ${(error as Error).stack}`);
      this.failed++;
      throw new CheckFailed();
    }
  }

  /** A line about what is going on. */
  note(text: string): void {
    console.log(`        ${text}`);
  }
}

/** Thrown behind a check that failed and was reported. */
export class CheckFailed extends Error {}

export type Campaign = (settings: CampaignSettings, report: CampaignReport) => Promise<void>;
