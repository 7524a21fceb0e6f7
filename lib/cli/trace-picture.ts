/** The ways of commands as a picture: a line for each, a mark for each step, on one scale of milliseconds. */
import type { Trace, TraceStep } from '../replica/tracing.js';

const WIDTH = 1000;
const LEFT = 110;
const RIGHT = 40;
const TOP = 96;
const ROW = 30;
const TICKS = 5;

const COLOURS: Readonly<Record<TraceStep['what'], string>> = {
  received: '#55636f',
  proposed: '#1f5f9e',
  durable: '#b35c00',
  chosen: '#7a4fa3',
  answered: '#2a6b4a',
};

export function tracePicture(traces: readonly Trace[]): string {
  const most = Math.max(0.001, ...traces.flatMap(({ steps }) => steps.map(({ ms }) => ms)));
  const x = (ms: number): number => LEFT + (ms / most) * (WIDTH - LEFT - RIGHT);
  const height = TOP + traces.length * ROW + 40;
  const ticks = Array.from({ length: TICKS + 1 }, (_, index) => (most * index) / TICKS);
  const bottom = height - 36;
  const grid = ticks.map(
    (ms) =>
      `<line x1="${at(x(ms))}" y1="${TOP - 12}" x2="${at(x(ms))}" y2="${bottom}" class="grid"/>` +
      `<text x="${at(x(ms))}" y="${bottom + 20}" text-anchor="middle">${ms.toFixed(2)} ms</text>`,
  );
  const legend = Object.entries(COLOURS).map(
    ([what, colour], index) =>
      `<circle cx="${LEFT + index * 120}" cy="56" r="5" fill="${colour}"/>` +
      `<text x="${LEFT + 12 + index * 120}" y="60">${what}</text>`,
  );
  const rows = traces.map((trace, index) => row(trace, TOP + index * ROW + ROW / 2, x));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img"
 aria-label="Where the time of ${traces.length} commands went">
<style>
  text { font: 12px system-ui, sans-serif; fill: #1d2b38 } .title { font-size: 18px; font-weight: 600 }
  .grid { stroke: #dedad0 } .way { stroke: #9fb0be; stroke-width: 2 } .who { font-size: 10px; fill: #55636f }
</style>
<rect width="100%" height="100%" fill="#fffefb"/>
<text x="${LEFT}" y="30" class="title">Where the time of ${traces.length} commands went</text>
${[...legend, ...grid, ...rows].join('\n')}
</svg>
`;
}

/** Peers that said that it is durable have their id beside the mark. */
function row({ slot, steps }: Trace, y: number, x: (ms: number) => number): string {
  const end = Math.max(...steps.map(({ ms }) => ms));
  const leader = steps[0]?.replica;
  const marks = steps.map(({ what, replica, ms }) => {
    const title = `${what}${replica === leader ? '' : `, said by replica ${replica}`}: ${ms.toFixed(3)} ms`;
    const who =
      what === 'durable'
        ? `<text x="${at(x(ms))}" y="${y - 8}" text-anchor="middle" class="who">${replica}</text>`
        : '';
    return `<circle cx="${at(x(ms))}" cy="${y}" r="5" fill="${COLOURS[what]}"><title>${title}</title></circle>${who}`;
  });
  return (
    `<text x="${LEFT - 16}" y="${y + 4}" text-anchor="end">slot ${slot}</text>` +
    `<line x1="${at(x(0))}" y1="${y}" x2="${at(x(end))}" y2="${y}" class="way"/>${marks.join('')}`
  );
}

function at(pixels: number): string {
  return pixels.toFixed(1);
}
