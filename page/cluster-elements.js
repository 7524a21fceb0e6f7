/** The advice, the figures and the table of replicas. Each element takes what it shows with `show`. */
import { element, mark } from './dom.js';
import { quantile } from './history.js';
import { adviceOf, bytes, duration, number, percent } from './words.js';

const LEVEL_WORDS = { ok: 'Well', warn: 'Look at it', fail: 'Failing' };

class AdviceList extends HTMLElement {
  #shown = '';

  show(moment) {
    const advice = adviceOf(moment);
    // Figures in a sentence change every second: only another kind of trouble is news to be read out.
    const news = JSON.stringify(advice.map(({ level, text }) => [level, text.replaceAll(/[\d.]+/g, '#')]));
    if (news === this.#shown) {
      const texts = this.querySelectorAll('.text');
      this.setAttribute('aria-busy', 'true');
      advice.forEach(({ text }, index) => {
        if (texts[index]?.textContent !== text) texts[index].textContent = text;
      });
      this.removeAttribute('aria-busy');
      return;
    }
    this.#shown = news;
    if (advice.length === 0) {
      this.replaceChildren(element('p', { class: 'muted' }, 'Nothing.'));
      return;
    }
    const items = advice.map(({ level, text }) =>
      element('li', { 'data-level': level }, mark(), element('span', { class: 'text' }, text)),
    );
    this.replaceChildren(element('ul', {}, ...items));
  }
}

class KeyFigures extends HTMLElement {
  show(history) {
    const [commands, reads] = history.pace();
    const latencies = history.latencies();
    const figures = [
      ['commands a second', [number(commands), '']],
      ['reads a second', [number(reads), '']],
      ['half of the commands take', duration(quantile(latencies, 0.5))],
      ['99 % of them take', duration(quantile(latencies, 0.99))],
    ];
    const rows = figures.map(([name, [figure, unit]]) =>
      element(
        'div',
        {},
        element('dt', {}, name),
        element('dd', {}, figure, unit === '' ? undefined : element('small', {}, unit)),
      ),
    );
    this.replaceChildren(element('dl', {}, ...rows));
  }
}

const HEAD = ['Replica', 'How it is', 'Role', 'Behind', 'Log in use', 'Disk takes', 'Clients', 'Survives'];

class ReplicaTable extends HTMLElement {
  show(history) {
    const lags = history.lags().at(-1);
    const rows = history.last.replicas.map((replica, index) => row(replica, lags.get(replica.id), index));
    const head = element('tr', {}, ...HEAD.map((text) => element('th', { scope: 'col' }, text)));
    this.replaceChildren(element('table', {}, element('thead', {}, head), element('tbody', {}, ...rows)));
  }
}

function row({ id, status, health, problem }, lag, index) {
  const swatch = element('span', { class: `swatch series-${(index % 7) + 1}`, 'aria-hidden': 'true' });
  const name = element('th', { scope: 'row' }, swatch, `${id}`);
  const level = health?.level ?? 'fail';
  if (status === undefined) {
    const words = element('span', { class: 'level', 'data-level': 'fail' }, mark(), 'Does not answer');
    const why = element('td', { colspan: HEAD.length - 2, 'data-wide': true, 'data-label': 'Why' }, problem);
    return element('tr', {}, name, cell('How it is', words), why);
  }
  const words = element('span', { class: 'level', 'data-level': level }, mark(), LEVEL_WORDS[level]);
  const { votes, logUsedBytes, logCapacityBytes, durability, mode } = status;
  const role =
    status.failure !== undefined ? 'stopped' : status.halted !== undefined ? 'halted' : status.role;
  return element(
    'tr',
    {},
    name,
    cell('How it is', words),
    cell('Role', votes ? role : `${role}, does not vote`),
    cell('Behind', `${number(lag)} slots`),
    cell('Log in use', fill(logUsedBytes, logCapacityBytes)),
    cell('Disk takes', persistWords(status)),
    cell('Clients', number(status.programs)),
    cell('Survives', `${durability} (${mode})`),
  );
}

function cell(label, ...children) {
  return element('td', { 'data-label': label }, ...children);
}

function fill(used, capacity) {
  const share = capacity === 0 ? 0 : used / capacity;
  const words = `${percent(share)} of ${bytes(capacity)}`;
  const meter = element('meter', {
    min: 0,
    max: 1,
    low: 0.9,
    high: 0.95,
    optimum: 0,
    value: share,
    'aria-hidden': 'true',
  });
  return element('span', { class: 'fill' }, meter, words);
}

/** How long 99 of 100 groups took to become durable, since the replica was opened. */
function persistWords({ pace, stalledMs }) {
  if (stalledMs > 1000) return `stalled for ${duration(stalledMs / 1000).join(' ')}`;
  return duration(quantile(pace.persist, 0.99)).join(' ');
}

customElements.define('advice-list', AdviceList);
customElements.define('key-figures', KeyFigures);
customElements.define('replica-table', ReplicaTable);
