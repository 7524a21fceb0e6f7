/**
 * A page, with nothing but itself, that shows an append's timeline: stores, flushes and fences by site in
 * program order, and under each fence the chunks that a crash decides about and what recovery makes of them.
 */
import type { TraceEntry } from '../storage/pmem-recording.js';
import type { AppendTimeline, ReachableState, TimelineMoment } from './append-timeline.js';

const WIDTH = 1180;
const LEFT = 150;
const LANE_HEIGHT = 40;
const TOP = 44;
const PANEL_GAP = 20;
const CHUNK = 7;
const CHUNKS_A_LINE = 8;
const LINES_A_ROW = 5;

const COLOURS: Readonly<Record<string, string>> = {
  'append.body': '#4c78a8',
  'append.payload': '#8fb8de',
  'append.empty': '#e8a33d',
  'append.commit': '#d1495b',
};
const STATE_COLOURS: Readonly<Record<ReachableState['group'], string>> = {
  absent: '#9aa5b1',
  there: '#3a9d5d',
  other: '#d1495b',
};
const STATE_NAMES: Readonly<Record<ReachableState['group'], string>> = {
  absent: 'the group is absent',
  there: 'the group is there, whole',
  other: 'anything else',
};

export function timelinePage(timelines: readonly AppendTimeline[], seed: number): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>What a crash leaves of one append</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; background: #fff; margin: 2rem auto }
  body { width: ${WIDTH}px }
  h1 { font-size: 24px; margin: 0 0 .3rem } h2 { font-size: 18px; margin: 2rem 0 .3rem }
  p { max-width: 90ch; margin: .3rem 0 }
  svg { display: block; margin-top: .6rem } text { font: 12px system-ui, sans-serif; fill: #1f2933 }
  .muted { fill: #616e7c } .strong { font-weight: 600 }
  .legend span { margin-right: 1.4em; white-space: nowrap }
  .legend i { display: inline-block; width: 12px; height: 12px; margin-right: .4em; vertical-align: -1px }
</style>
<h1>What a crash leaves of one append</h1>
<p>A group of votes of ${timelines[0]?.votes.join(' and ')} bytes, behind a vote and a promise (seed ${seed}).
From left to right: every store, flush and fence of the log in the order made. Under each fence: the 8-byte
chunks stored and not yet durable, each of which a power cut leaves old or new by itself, and what recovery
says of the images judged.</p>
<p class="legend">${legend(COLOURS)}</p>
<p class="legend">${legend(named(STATE_COLOURS))}</p>
${timelines.map(section).join('\n')}
</html>
`;
}

function named(colours: Readonly<Record<ReachableState['group'], string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(colours).map(([group, colour]) => [STATE_NAMES[group as 'there'], colour]),
  );
}

function legend(colours: Readonly<Record<string, string>>): string {
  return Object.entries(colours)
    .map(([name, colour]) => `<span><i style="background:${colour}"></i>${escaped(name)}</span>`)
    .join('');
}

function section(timeline: AppendTimeline): string {
  const lanes = [...new Set(timeline.events.filter(({ kind }) => kind !== 'fence').map(({ site }) => site))];
  const laid = layOut(timeline.events);
  const bottom = TOP + lanes.length * LANE_HEIGHT;
  const panelTop = bottom + 46;
  const panels = timeline.moments.map((moment, index) =>
    panel(moment, index, timeline.moments.length, panelTop),
  );
  const height = panelTop + Math.max(...panels.map((drawn) => drawn.height)) + 8;
  const fences = laid.filter(({ event }) => event.kind === 'fence');
  const connectors = fences.map(({ middle }, index) => {
    const { x, width } = panelPlace(index, timeline.moments.length);
    const to = x + width / 2;
    return `<path d="M${middle} ${bottom + 6}C${middle} ${bottom + 30} ${to} ${bottom + 16} ${to} ${panelTop}"
      fill="none" stroke="#9aa5b1" stroke-dasharray="3 3"/>`;
  });
  const title =
    timeline.pipeline === 'fused'
      ? 'Fused: the commit word of the group before goes out with this body; this one waits for the next'
      : 'Two fences: body, fence, commit word, fence, answer';
  return `<h2>${title}</h2>
<svg width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">
${lanes.map((lane, index) => laneOf(lane, index)).join('')}
${laid.map((place) => eventOf(place, lanes, bottom)).join('')}
${connectors.join('')}
${panels.map(({ svg }) => svg).join('')}
</svg>`;
}

interface Placed {
  readonly event: TraceEntry;
  readonly x: number;
  readonly width: number;
  readonly middle: number;
}

/** Places events side by side; a write is the wider the more it writes. */
function layOut(events: readonly TraceEntry[]): Placed[] {
  const weights = events.map(({ kind, lengthBytes }) => {
    if (kind === 'write') return 1.6 + Math.log2(lengthBytes / 8) / 2;
    return kind === 'fence' ? 1.4 : 1;
  });
  const unit = (WIDTH - LEFT - 20) / weights.reduce((sum, weight) => sum + weight, 0);
  let x = LEFT;
  return events.map((event, index) => {
    const width = Math.min(weights[index]! * unit, 220);
    const placed = { event, x, width, middle: x + width / 2 };
    x += width;
    return placed;
  });
}

function laneOf(lane: string, index: number): string {
  const y = TOP + index * LANE_HEIGHT;
  const fill = index % 2 === 0 ? '#f5f7fa' : '#ffffff';
  return `<rect x="0" y="${y}" width="${WIDTH}" height="${LANE_HEIGHT}" fill="${fill}"/>
    <text x="10" y="${y + 25}" class="strong">${escaped(lane)}</text>`;
}

function eventOf({ event, x, width, middle }: Placed, lanes: readonly string[], bottom: number): string {
  const { kind, site, offset, lengthBytes } = event;
  const tip = `<title>${escaped(`${kind} ${site} 0x${offset.toString(16)}+${lengthBytes}`)}</title>`;
  if (kind === 'fence') {
    const line = `x1="${middle}" x2="${middle}" y1="${TOP - 6}" y2="${bottom + 6}"`;
    return `<g>${tip}<line ${line} stroke="#1f2933" stroke-width="3"/>
      <text x="${middle}" y="${TOP - 24}" text-anchor="middle" class="strong">fence</text>
      <text x="${middle}" y="${TOP - 10}" text-anchor="middle" class="muted">${escaped(site)}</text></g>`;
  }
  const y = TOP + lanes.indexOf(site) * LANE_HEIGHT;
  const colour = COLOURS[site] ?? '#616e7c';
  if (kind === 'flush' || kind === 'reflush') {
    return `<g>${tip}<path d="M${middle - 6} ${y + 12}h12l-6 12z" fill="${colour}"/>
      <text x="${middle}" y="${y + 36}" text-anchor="middle" class="muted">flush</text></g>`;
  }
  const label = kind === 'store' ? 'store 8' : `write ${lengthBytes}`;
  const inset = Math.min(4, width / 6);
  const box = `x="${x + inset}" y="${y + 8}" width="${width - 2 * inset}" height="24"`;
  return `<g>${tip}<rect ${box} rx="4" fill="${colour}"/>
    <text x="${middle}" y="${y + 24}" text-anchor="middle" style="fill:#fff">${label}</text></g>`;
}

function panelPlace(index: number, count: number): { x: number; width: number } {
  const width = (WIDTH - PANEL_GAP * (count - 1)) / count;
  return { x: index * (width + PANEL_GAP), width };
}

function panel(
  moment: TimelineMoment,
  index: number,
  count: number,
  y: number,
): { svg: string; height: number } {
  const { x, width } = panelPlace(index, count);
  const inner = width - 24;
  const map = chunkMap(moment, x + 12, y + 64);
  const barTop = y + 74 + map.height;
  const total = moment.states.reduce((sum, { images }) => sum + images, 0);
  let at = x + 12;
  const bar = moment.states.map(({ images, group }) => {
    const length = Math.max(3, (images / total) * inner);
    const rect = `<rect x="${at}" y="${barTop}" width="${Math.min(length, x + 12 + inner - at)}" height="18"
      fill="${STATE_COLOURS[group]}"/>`;
    at += length;
    return rect;
  });
  const states = moment.states.map(({ images, group, says }, line) => {
    const top = barTop + 38 + line * 36;
    return `<rect x="${x + 12}" y="${top - 10}" width="11" height="11" fill="${STATE_COLOURS[group]}"/>
      <text x="${x + 30}" y="${top}"><tspan class="strong">${grouped(images)} images</tspan>:
        ${STATE_NAMES[group]}</text>
      <text x="${x + 30}" y="${top + 15}" class="muted">${escaped(says)}</text>`;
  });
  const height = barTop + 38 + moment.states.length * 36 - y;
  const heading = moment.site.endsWith('fence') ? `a crash at ${moment.site}` : 'a crash behind it';
  const every = moment.exhaustive ? 'every choice of values' : 'structured and random choices';
  const chunks = moment.chunks.length === 0 ? 'nothing' : `${moment.chunks.length} chunks`;
  const frame = `x="${x}" y="${y}" width="${width}" height="${height}"`;
  const counts = `${grouped(moment.images)} images, ${grouped(moment.innerImages)} of crashes behind those`;
  const svg = `<rect ${frame} rx="6" fill="#fff" stroke="#cbd2d9"/>
    <text x="${x + 12}" y="${y + 22}" class="strong" style="font-size:14px">${escaped(heading)}</text>
    <text x="${x + 12}" y="${y + 40}" class="muted">${chunks} outstanding; ${every}:</text>
    <text x="${x + 12}" y="${y + 55}" class="muted">${counts}</text>
    ${map.svg}${bar.join('')}${states.join('')}`;
  return { svg, height };
}

/** Outstanding chunks as squares, cache line by cache line. */
function chunkMap({ chunks }: TimelineMoment, x: number, y: number): { svg: string; height: number } {
  const lines = [...new Set(chunks.map(({ offset }) => Math.floor(offset / 64)))];
  const pitch = CHUNKS_A_LINE * CHUNK + 8;
  const squares = chunks.map(({ offset, site }) => {
    const line = lines.indexOf(Math.floor(offset / 64));
    const left = x + (line % LINES_A_ROW) * pitch + ((offset % 64) / 8) * CHUNK;
    const top = y + Math.floor(line / LINES_A_ROW) * (CHUNK + 4);
    const tip = `<title>${escaped(site)} 0x${offset.toString(16)}</title>`;
    const colour = COLOURS[site] ?? '#616e7c';
    const box = `x="${left}" y="${top}" width="${CHUNK - 1}" height="${CHUNK}"`;
    return `<rect ${box} fill="${colour}">${tip}</rect>`;
  });
  return { svg: squares.join(''), height: Math.ceil(lines.length / LINES_A_ROW) * (CHUNK + 4) };
}

function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
