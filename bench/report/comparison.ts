/**
 * The first picture of a run: what persistent memory brings over fdatasync, and what each of them survives.
 * One row a medium, one column a question, every number a median of the run. Bars of one column share a
 * scale that begins at zero.
 */
import type { LoadFigures } from '../cluster/cluster-level.js';
import type { Series } from '../series.js';
import type { Report } from './report.js';
import { escaped, number } from './text.js';

interface Question {
  readonly title: string;
  readonly of: string;
  readonly better: 'less' | 'more';
  readonly memory: Series;
  readonly file: Series;
  readonly format: (value: number) => string;
  /** What the difference is called, behind a factor. */
  readonly gain: string;
  readonly note: string;
}

const WIDTH = 960;
const MEDIA_WIDTH = 264;
const TOP = 118;
const ROW = 132;
const BAR = 14;
const FOOT = 46;

/** Dark and light, also where the picture stands in a page of somebody else's. */
export const PALETTE = `
  --ink: #1f2933; --quiet: #52606d; --line: #d5dbe1; --ground: #ffffff; --band: #f4f6f8;
  --memory: #0b6e99; --file: #b35c1e; --other: #9aa5b1; --good: #1d7a46; --bad: #b3261e;`;
export const DARK_PALETTE = `
  --ink: #e6eaee; --quiet: #a4b0bc; --line: #3a444e; --ground: #14181c; --band: #1c2228;
  --memory: #58b8e0; --file: #f0a35e; --other: #66727e; --good: #6ccf95; --bad: #ff9a8f;`;

/** SVG for a page that has the palette; `alone` for a file of its own. Undefined: nothing can be compared. */
export function comparisonOf(report: Report, alone: boolean): string | undefined {
  const questions = [...storageQuestions(report), ...clusterQuestions(report)];
  if (questions.length === 0) return undefined;
  const height = TOP + 2 * ROW + FOOT;
  const column = (WIDTH - MEDIA_WIDTH) / questions.length;
  const columns = questions.map((question, index) =>
    columnOf(question, MEDIA_WIDTH + index * column, Math.min(column, 320)),
  );
  const own = alone
    ? `<style>svg { ${PALETTE} }
  @media (prefers-color-scheme: dark) { svg { ${DARK_PALETTE} } }</style>
<rect width="${WIDTH}" height="${height}" rx="10" fill="var(--ground)"/>`
    : '';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img"
  aria-labelledby="comparison-title comparison-text" font-family="system-ui, sans-serif" font-size="13">
<title id="comparison-title">${escaped(headline(questions))}</title>
<desc id="comparison-text">${escaped(questions.map(sentence).join(' '))}</desc>
${own}
<text x="20" y="38" font-size="19" font-weight="650" fill="var(--ink)">${escaped(headline(questions))}</text>
<rect x="0" y="${TOP}" width="${WIDTH}" height="${ROW}" fill="var(--band)"/>
${mediumOf('Persistent memory', 'flush and fence; here in DRAM', 'memory', TOP)}
${mediumOf('Files on a disk', 'fdatasync', 'file', TOP + ROW)}
${columns.join('\n')}
<text x="20" y="${height - 18}" fill="var(--quiet)">Median of ${report.options.rounds} rounds; the thin line spans the
  lowest and the highest round. The medium itself: DRAM is quicker than real persistent memory.</text>
</svg>`;
}

function headline(questions: readonly Question[]): string {
  const [first] = questions;
  const ratio = factor(first!);
  const what = first!.of === 'one replica' ? 'makes a vote durable' : 'answers a command';
  return `Emulated persistent memory ${what} ${ratio} times sooner than fdatasync`;
}

function factor({ better, memory, file }: Question): string {
  return number(better === 'less' ? file.median / memory.median : memory.median / file.median);
}

function sentence(question: Question): string {
  const { title, of, memory, file, format, gain } = question;
  const media = `persistent memory (emulated) ${format(memory.median)}, files ${format(file.median)}`;
  return `${title}, ${of}: ${media}, ${factor(question)} times ${gain}.`;
}

function mediumOf(name: string, how: string, colour: 'memory' | 'file', y: number): string {
  const survives = (mark: string, tint: string, text: string, line: number): string =>
    `<text x="20" y="${y + line}" fill="var(--ink)"><tspan fill="var(--${tint})" font-weight="700">${mark}</tspan>
    ${text}</text>`;
  const power =
    colour === 'file'
      ? survives('✓', 'good', 'survives power loss', 98)
      : `${survives('✓', 'good', 'power loss, on real memory', 98)}
  ${survives('✗', 'bad', 'power loss, in this emulation', 116)}`;
  return `<rect x="0" y="${y}" width="5" height="${ROW}" fill="var(--${colour})"/>
<text x="20" y="${y + 28}" font-size="16" font-weight="650" fill="var(--ink)">${name}</text>
<text x="20" y="${y + 48}" fill="var(--quiet)">${how}</text>
${survives('✓', 'good', 'survives a killed process', 80)}
${power}`;
}

function columnOf(question: Question, x: number, width: number): string {
  const { title, of, better, memory, file, format, gain, note } = question;
  const scale = (width - 26) / Math.max(memory.most, file.most);
  const cell = (series: Series, colour: string, y: number): string => {
    const middle = y + 58 + BAR / 2;
    const box = `x="${x}" y="${y + 58}" width="${Math.max(1.5, series.median * scale)}" height="${BAR}"`;
    return `<text x="${x}" y="${y + 44}" font-size="24" font-weight="650" fill="var(--ink)">
    ${escaped(format(series.median))}</text>
  <rect ${box} rx="2" fill="var(--${colour})"/>
  <line x1="${x + series.least * scale}" x2="${x + series.most * scale}" y1="${middle}" y2="${middle}"
    stroke="var(--ink)" stroke-width="1.5"/>`;
  };
  return `<g>
  <text x="${x}" y="76" font-weight="650" fill="var(--ink)">${title}</text>
  <text x="${x}" y="95" fill="var(--quiet)">${of}; ${better} is better</text>
  ${cell(memory, 'memory', TOP)}
  <text x="${x}" y="${TOP + 94}" font-weight="650" fill="var(--memory)">${factor(question)} times ${gain}</text>
  <text x="${x}" y="${TOP + 112}" fill="var(--quiet)">${escaped(note)}</text>
  ${cell(file, 'file', TOP + ROW)}
</g>`;
}

function storageQuestions({ storage }: Report): readonly Question[] {
  const of = (store: string): Series | undefined =>
    storage?.appends.find(
      (one) => one.store === store && one.votes === 1 && one.bytes === 64 && one.inFlight === 1,
    )?.nanoseconds;
  const [memory, file] = [of('two-fence'), of('file')];
  if (memory === undefined || file === undefined) return [];
  const format = (value: number): string => duration(value / 1000);
  const asked = { title: 'A vote is durable after', of: 'one replica', better: 'less' } as const;
  return [{ ...asked, memory, file, format, gain: 'sooner', note: '64 bytes, from TypeScript' }];
}

function clusterQuestions({ cluster }: Report): readonly Question[] {
  const of = (name: string, inFlight: number): LoadFigures | undefined =>
    cluster?.backends
      .find(({ backend }) => backend === name)
      ?.loads.find((load) => load.inFlight === inFlight && load.keys === 'few');
  const [one, oneOnFile] = [of('emulated', 1), of('file', 1)];
  const [many, manyOnFile] = [of('emulated', 1024), of('file', 1024)];
  const questions: Question[] = [];
  const bare = cluster?.hops.find(({ relay }) => relay === 'asleep');
  if (one !== undefined && oneOnFile !== undefined) {
    const note = bare === undefined ? '' : `the bare network trip: ${duration(bare.p50.median)}`;
    const asked = { title: 'A command takes (p50)', of: 'three replicas', better: 'less' } as const;
    questions.push({
      ...asked,
      memory: one.p50,
      file: oneOnFile.p50,
      format: duration,
      gain: 'sooner',
      note,
    });
  }
  if (many !== undefined && manyOnFile !== undefined) {
    const [memory, file] = [many.commandsPerSecond, manyOnFile.commandsPerSecond];
    const asked = { title: 'Commands a second', of: 'three replicas', better: 'more' } as const;
    questions.push({ ...asked, memory, file, format: number, gain: 'more', note: '1,024 in flight' });
  }
  return questions;
}

/** Of microseconds. */
function duration(microseconds: number): string {
  if (microseconds < 1) return `${number(microseconds * 1000)} ns`;
  return microseconds < 1000 ? `${number(microseconds)} µs` : `${number(microseconds / 1000)} ms`;
}
