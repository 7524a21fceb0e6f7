/** The lines `indelible torture --media` prints: progress, the summary, a violation and what replays it. */
import { type DamageTally, type DamageViolation, VERDICTS } from '../torture/damage-tally.js';
import type { TortureBackend } from '../torture/torture.js';
import { tableLines } from './output.js';

export function mediaProgressLine(backend: TortureBackend, tally: DamageTally, elapsedMs: number): string {
  const perSecond = Math.round((tally.images / Math.max(1, elapsedMs)) * 1000);
  return (
    `${backend}: ${tally.histories} histories, ${tally.images} faults, ` +
    `${perSecond} a second, ${Math.round(elapsedMs / 1000)} s`
  );
}

export function mediaSummaryLines(backend: TortureBackend, tally: DamageTally): readonly string[] {
  const kinds = [...tally.verdicts].sort(([a], [b]) => a.localeCompare(b));
  const lines = [
    `${backend}: ${tally.histories} histories, ${tally.images} media faults judged; taken for`,
    ...tableLines(
      ['fault', ...VERDICTS],
      kinds.map(([kind, counts]) => [kind, ...VERDICTS.map((verdict) => String(counts.get(verdict) ?? ''))]),
    ),
    `${tally.total('older')} that left a legal image of an earlier time (older): no log can see those alone`,
  ];
  if (backend === 'emulated') {
    lines.push(`${tally.live} faults under open logs; ${tally.cuts} files cut off under open logs (SIGBUS)`);
  }
  return lines;
}

export function mediaViolationLines(
  backend: TortureBackend,
  { seed, what }: DamageViolation,
): readonly string[] {
  return [
    `violated: ${what}`,
    `seed ${seed}, at a damaged medium`,
    `replay with: indelible torture --media --backend ${backend} --seed ${seed} --histories 1`,
  ];
}

export function mediaJson(backend: TortureBackend, tally: DamageTally): object {
  const { histories, images, live, cuts, violation } = tally;
  const verdicts = Object.fromEntries(
    [...tally.verdicts].map(([kind, counts]) => [kind, Object.fromEntries(counts)]),
  );
  const legal = tally.total('older');
  return { backend, histories, images, legal, live, cuts, verdicts, ...violation };
}
