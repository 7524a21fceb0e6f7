/** How long a rig may take, as its user writes it. */

const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of `90s`, `10m`, `1h` or a plain number of seconds; undefined for anything else. */
export function durationMs(text: string): number | undefined {
  const [, amount, unit = 's'] = /^(\d+)([smh])?$/.exec(text) ?? [];
  return amount === undefined ? undefined : Number(amount) * UNITS_MS[unit]!;
}
