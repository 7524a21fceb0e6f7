/**
 * The charts, drawn by uPlot, each with a legend in words and its figures as a table. Colours come from the
 * style sheet, so that they follow the theme.
 */

import { asTable, element } from './dom.js';
import uPlot from './uplot.js';
import { duration, number, percent } from './words.js';

const HEIGHT = 180;
/** The least that a time axis shows, in seconds. */
const SPAN_SECONDS = 60;
/** Rows of a table beside a chart: a minute, in steps of five seconds. */
const TABLE_STEP = 5;
const TABLE_ROWS = 12;
/** No chart has anything between two whole numbers that are small. */
const WHOLE_STEPS = [1, 2, 5]
  .flatMap((step) => [1, 10, 100, 1e3, 1e4, 1e5, 1e6].map((power) => step * power))
  .sort((a, b) => a - b);
/** Pixels that a label of the latency chart takes. */
const LABEL_WIDTH = 84;
const DASHES = [[], [6, 3], [2, 3], [10, 3, 2, 3], [12, 4], [3, 6], [8, 2]];

/** @typedef {{ label: string, series: number, values: (number | null)[] }} Line */

/** What each kind of line chart shows of a history: `Line[]`. */
const KINDS = {
  pace: {
    lines: (history) => {
      const paces = history.paces();
      return [
        { label: 'commands', series: 1, values: paces.map(([commands]) => commands) },
        { label: 'reads', series: 2, values: paces.map(([, reads]) => reads) },
      ];
    },
    words: number,
    steps: WHOLE_STEPS,
  },
  lag: {
    lines: (history) => {
      const lags = history.lags();
      return perReplica(history, ({ id }, index) => lags[index].get(id));
    },
    words: number,
    steps: WHOLE_STEPS,
  },
  log: {
    lines: (history) => perReplica(history, ({ status }) => status.logUsedBytes / status.logCapacityBytes),
    words: percent,
    most: 1,
  },
};

/** @returns {Line[]} a line for each replica; a gap where it did not answer */
function perReplica({ moments, last }, value) {
  return last.replicas.map(({ id }, place) => ({
    label: `replica ${id}`,
    series: (place % 7) + 1,
    values: moments.map((moment, index) => {
      const replica = moment.replicas.find((other) => other.id === id);
      return replica?.status === undefined ? null : value(replica, index);
    }),
  }));
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** What all charts have: a plot that fits its width and follows the theme, a legend, a table. */
class Chart extends HTMLElement {
  #plot;
  #key = '';
  #frame = element('div', { class: 'plot', 'aria-hidden': 'true' });
  #legend = element('ul', { class: 'legend' });
  #table = element('div', { tabindex: '0', role: 'group', 'aria-label': 'Figures' });
  #details = element('details', {}, element('summary', {}, 'As a table'), this.#table);

  connectedCallback() {
    this.setAttribute('role', 'group');
    this.append(this.#legend, this.#frame, this.#details);
    new ResizeObserver(() => {
      this.#plot?.setSize({ width: this.#frame.clientWidth, height: HEIGHT });
    }).observe(this.#frame);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#key = '';
    });
  }

  /** Draws `data`; `key` says when a new plot is needed, which `options` makes. */
  draw(key, data, options) {
    if (this.#plot === undefined || key !== this.#key) {
      this.#plot?.destroy();
      this.#key = key;
      const size = { width: this.#frame.clientWidth, height: HEIGHT };
      this.#plot = new uPlot(
        { ...size, legend: { show: false }, cursor: { show: false }, ...options() },
        data,
        this.#frame,
      );
    } else {
      this.#plot.setData(data);
    }
  }

  /** @param {Line[]} lines */
  legend(lines, latest) {
    const items = lines.map((line) =>
      element(
        'li',
        {},
        element('i', { class: `series-${line.series}`, 'aria-hidden': 'true' }),
        `${line.label} ${latest(line)}`,
      ),
    );
    this.#legend.replaceChildren(...items);
  }

  /** Filled only while it is unfolded. */
  table(make) {
    if (this.#details.open) this.#table.replaceChildren(make());
  }
}

function axes(words, below, steps) {
  const line = { stroke: colour('--line'), width: 1 };
  const font = '12px system-ui, sans-serif';
  const stroke = colour('--soft');
  return [
    { stroke, font, grid: { show: false }, ticks: { show: false }, space: 100, size: 30, values: below },
    {
      stroke,
      font,
      grid: line,
      ticks: { show: false },
      size: 56,
      ...(steps === undefined ? {} : { incrs: steps }),
      values: (_, ticks) => ticks.map(words),
    },
  ];
}

const CLOCK = new Intl.DateTimeFormat('en', { timeStyle: 'medium', hourCycle: 'h23' });

function clockTimes(_, ticks) {
  return ticks.map((seconds) => CLOCK.format(seconds * 1000));
}

class LineChart extends Chart {
  show(history) {
    const { lines: linesOf, words, most, steps } = KINDS[this.dataset.kind];
    const lines = linesOf(history);
    const times = history.moments.map(({ atMs }) => atMs / 1000);
    const key = lines.map(({ label }) => label).join();
    this.draw(key, [times, ...lines.map(({ values }) => values)], () => ({
      scales: {
        x: { range: (_, least, largest) => [Math.min(least, largest - SPAN_SECONDS), largest] },
        y: { range: (_, _least, largest) => [0, most ?? Math.max(10, largest * 1.1)] },
      },
      axes: axes(words, clockTimes, steps),
      series: [
        {},
        ...lines.map(({ series }) => ({
          stroke: colour(`--series-${series}`),
          width: 2,
          dash: DASHES[series - 1],
          points: { show: false },
        })),
      ],
    }));
    this.legend(lines, ({ values }) => words(values.at(-1)));
    this.table(() => {
      const at = times.map((_, index) => index).reverse();
      const shown = at.filter((_, index) => index % TABLE_STEP === 0).slice(0, TABLE_ROWS);
      const rows = shown.map((index) => [
        CLOCK.format(times[index] * 1000),
        ...lines.map(({ values }) => (values[index] === null ? '–' : words(values[index]))),
      ]);
      return asTable('The last minute, newest first', ['Time', ...lines.map(({ label }) => label)], rows);
    });
  }
}

/** The buckets between the first and the last that hold anything, as bars. */
class LatencyChart extends Chart {
  show(history) {
    const buckets = history.latencies();
    const total = buckets.reduce((sum, [, count]) => sum + count, 0);
    const labels = buckets.map(([seconds]) => duration(seconds).join(' '));
    const shares = buckets.map(([, count]) => count / total);
    this.draw(labels.join(), [buckets.map((_, index) => index), shares], () => ({
      scales: {
        x: { time: false, range: [-0.6, Math.max(0.6, buckets.length - 0.4)] },
        y: { range: (_, _least, largest) => [0, Math.max(0.1, largest * 1.1)] },
      },
      axes: axes(percent, (plot) => spaced(labels, plot.width)).map((axis, index) =>
        index === 0 ? { ...axis, splits: () => buckets.map((_, at) => at) } : axis,
      ),
      series: [
        {},
        {
          stroke: colour('--series-1'),
          fill: colour('--series-1'),
          paths: uPlot.paths.bars({ size: [0.8, 60], align: 0 }),
          points: { show: false },
        },
      ],
    }));
    const words =
      total === 0 ? 'no commands' : `${number(total)} commands, each at most as long as it says below`;
    this.legend([{ series: 1, label: words }], () => '');
    this.table(() =>
      asTable(
        'Commands of the last ten seconds, by how long they took',
        ['At most', 'Commands', 'Share'],
        buckets.map(([, count], index) => [labels[index], number(count), percent(count / total)]),
      ),
    );
  }
}

/** Every so many labels, so that they do not touch. */
function spaced(labels, width) {
  const step = Math.ceil((labels.length * LABEL_WIDTH) / width);
  return labels.map((label, index) => (index % step === 0 ? label : null));
}

customElements.define('line-chart', LineChart);
customElements.define('latency-chart', LatencyChart);
