/**
 * The lines `indelible torture` prints: progress, the summary, a violation and the command that replays it.
 */
import type { SiteCoverage } from '../torture/coverage.js';
import type { HistoryResult } from '../torture/history.js';
import type { TortureBackend, TortureTotals } from '../torture/torture.js';
import { tableLines } from './output.js';

export function progressLine(backend: TortureBackend, totals: TortureTotals, elapsedMs: number): string {
  const perSecond = Math.round((totals.distinct / Math.max(1, elapsedMs)) * 1000);
  return (
    `${backend}: ${totals.histories} histories, ${totals.distinct} distinct images, ` +
    `${perSecond} a second, ${Math.round(elapsedMs / 1000)} s`
  );
}

export function summaryLines(
  backend: TortureBackend,
  totals: TortureTotals,
  coverage: readonly SiteCoverage[],
): readonly string[] {
  const wanted = new Map(coverage.map((site) => [site.site, site.wanted]));
  const sites = Object.entries(totals.sites.bySite).sort(([a], [b]) => a.localeCompare(b));
  const workloads = [...totals.workloads].map(([name, count]) => `${count} ${name}`).join(', ');
  const { images: judged, distinct, kills, x86Images, exhaustive } = totals;
  return [
    `${backend}: ${totals.histories} histories (${workloads}), ${totals.operations} operations`,
    ...tableLines(
      ['crash at', 'moments', 'images', 'second level', 'distinct', 'at least'],
      sites.map(([site, count]) => {
        const { moments, images, innerImages } = count;
        return [site, moments, images, innerImages, count.distinct, wanted.get(site) ?? 0].map(String);
      }),
    ),
    `${judged} images judged, ${distinct} distinct in what recovery reads; ${kills} of kill -9;`,
    backend === 'emulated'
      ? `${x86Images} that x86 caches could show; every choice of values at ${exhaustive} moments`
      : `every choice of sectors and names at ${exhaustive} moments`,
  ];
}

/** @param options those of the command line that change which images there are */
export function violationLines(
  backend: TortureBackend,
  { seed, workload, violation }: HistoryResult,
  options: string,
): readonly string[] {
  if (violation === undefined) return [];
  const { moment, image, site, operation, what, trail, x86 } = violation;
  const at = image === undefined ? '' : ` --moment ${moment} --image ${image}`;
  const lines = [
    `violated: ${what}`,
    `seed ${seed} (${workload}), in ${operation}, moment ${moment}, at ${site}` +
      (image === undefined ? '' : `, image ${image}`),
  ];
  if (trail !== '') lines.push(trail);
  if (x86 !== undefined) lines.push(`x86 caches ${x86 ? 'could' : 'could not'} show this image`);
  lines.push(
    `replay with: indelible torture --backend ${backend} --seed ${seed} --histories 1${at}${options}`,
  );
  return lines;
}
