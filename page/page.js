/** Takes the moments of the cluster as they come, and shows them, unless it is paused. */
import './cluster-elements.js';
import './charts.js';
import { History } from './history.js';
import { stateOf } from './words.js';

/** A page that has heard nothing for so long says so, in milliseconds. */
const STALE_MS = 6000;

const history = new History();
const pause = document.querySelector('#pause');
const state = document.querySelector('#state');
let isPaused = false;
let heardMs = performance.now();

function say(level, text) {
  state.dataset.level = level;
  const words = state.querySelector('.text');
  // Said again only when it is something else: a screen reader reads every change.
  if (words.textContent !== text) words.textContent = text;
}

function show() {
  const moment = history.last;
  if (moment === undefined) return;
  say(...stateOf(moment));
  const { clusterId } = moment.replicas.find(({ status }) => status !== undefined)?.status ?? {};
  const name = clusterId === undefined ? '' : `Cluster ${clusterId.slice(0, 8)}`;
  document.querySelector('#cluster').textContent = name;
  document.title = `${state.querySelector('.text').textContent} – Indelible`;
  document.querySelector('advice-list').show(moment);
  document.querySelector('key-figures').show(history);
  document.querySelector('replica-table').show(history);
  for (const chart of document.querySelectorAll('line-chart, latency-chart')) chart.show(history);
  document.body.dataset.shown = String(Number(document.body.dataset.shown ?? 0) + 1);
}

const events = new EventSource('events');
events.addEventListener('message', ({ data }) => {
  heardMs = performance.now();
  delete document.body.dataset.stale;
  history.add(JSON.parse(data));
  if (!isPaused) show();
});

setInterval(() => {
  if (performance.now() - heardMs < STALE_MS) return;
  document.body.dataset.stale = '';
  say('fail', 'This page hears nothing: the process that serves it has stopped, or cannot be reached');
}, 1000);

pause.addEventListener('click', () => {
  isPaused = !isPaused;
  pause.setAttribute('aria-pressed', String(isPaused));
  pause.textContent = isPaused ? 'Go on' : 'Pause';
  if (!isPaused) show();
});

for (const details of document.querySelectorAll('details')) details.addEventListener('toggle', show);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', show);
