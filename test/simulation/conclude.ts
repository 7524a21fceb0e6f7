/** The last lines of a run over a range of seeds, and the exit code. */

interface Run {
  readonly passed: number;
  readonly failed: number;
  /** Counters that some seed must have moved; a short run demands none. */
  readonly totals: object;
}

/** A counter at zero is a failure: what it counts was not tried. */
export function conclude({ passed, failed, totals }: Run): void {
  const never = Object.entries(totals).filter(([, value]) => !(value > 0));
  for (const [name] of never) console.log(`no seed had any ${name}`);
  const failures = failed + never.length;
  console.log(`${passed} passed, ${failures} failed`);
  process.exitCode = failures === 0 ? 0 : 1;
}
