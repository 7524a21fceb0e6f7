/** What is looked at on the live page, one after the other, on one cluster. */
import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import type { Locator, Page } from 'playwright-core';
import type { ClusterEvent } from '../../cluster/cluster-process.js';

export interface PageCheck {
  readonly name: string;
  readonly check: () => Promise<void>;
}

export interface PageSurroundings {
  readonly open: (width: number, theme: 'light' | 'dark') => Promise<Page>;
  readonly picture: (page: Page, name: string) => Promise<void>;
  readonly complaints: string[];
  /** The source of axe-core, which knows the rules of accessible pages. */
  readonly axe: string;
  readonly up: ClusterEvent;
  readonly url: string;
  readonly redisPort: number;
}

const DESK = 1280;
const PHONE = 360;

export function pageChecks(around: PageSurroundings): readonly PageCheck[] {
  const { open, up } = around;
  const of = (id: number): number => up.replicas!.find((replica) => replica.id === id)!.pid;
  return [
    { name: 'says that all is well, and shows every replica', check: () => showsAll(around) },
    { name: 'moves: counts commands, and stands still when it is paused', check: () => moves(around) },
    { name: 'loads nothing but itself, under a policy', check: () => isSealed(around) },
    ...(['light', 'dark'] as const).map((theme) => ({
      name: `keeps the rules of accessible pages (${theme})`,
      check: () => isAccessible(around, theme),
    })),
    { name: 'is reached by keyboard, in the order that is seen', check: () => hasKeyboard(around) },
    { name: 'has each chart as a table', check: () => hasTables(around) },
    { name: 'fits a phone', check: () => fitsPhone(around) },
    {
      name: 'says what to do about a replica whose process hangs, and that it is well again',
      check: async () => {
        const page = await open(DESK, 'light');
        const victim = await follower(page);
        process.kill(of(victim), 'SIGSTOP');
        try {
          await saying(page, `replica ${victim} does not answer`);
          const advice = page.locator('advice-list li', { hasText: `Replica ${victim} does not answer` });
          await advice.filter({ hasText: 'start its process, or look at the network' }).waitFor();
          await around.picture(page, 'hangs');
        } finally {
          process.kill(of(victim), 'SIGCONT');
        }
        await saying(page, 'all 3 answer');
        await page.locator('advice-list', { hasText: 'Nothing.' }).waitFor();
        await page.close();
      },
    },
    {
      name: 'says that there is no quorum when two hang',
      check: async () => {
        const page = await open(DESK, 'dark');
        // The first serves the page.
        for (const id of [2, 3]) process.kill(of(id), 'SIGSTOP');
        try {
          await saying(page, 'No quorum: 1 of 3 replicas answer');
          await around.picture(page, 'no-quorum');
        } finally {
          for (const id of [2, 3]) process.kill(of(id), 'SIGCONT');
        }
        await saying(page, 'all 3 answer');
        await page.close();
      },
    },
    { name: 'has complained of nothing', check: async () => assert.deepEqual(around.complaints, []) },
  ];
}

function saying(page: Page, text: string): Promise<void> {
  return page.getByRole('status').filter({ hasText: text }).waitFor();
}

/** A follower that does not serve the page itself. */
async function follower(page: Page): Promise<number> {
  const leader = /Replica (\d+) leads/.exec(await page.title())?.[1];
  return Number(leader) === 2 ? 3 : 2;
}

async function showsAll({ open, picture }: PageSurroundings): Promise<void> {
  for (const theme of ['light', 'dark'] as const) {
    const page = await open(DESK, theme);
    await saying(page, 'all 3 answer');
    const rows = page.locator('replica-table tbody tr');
    assert.equal(await rows.count(), 3);
    for (const row of await rows.all())
      assert.match((await row.textContent()) ?? '', /Well[\s\S]*(leader|follower)/);
    assert.match(await page.title(), /^Replica \d leads, all 3 answer – Indelible$/);
    await picture(page, theme);
    await page.close();
  }
}

async function moves({ open, redisPort }: PageSurroundings): Promise<void> {
  const page = await open(DESK, 'light');
  const redis = new Redis({ port: redisPort, host: '127.0.0.1' });
  let isDone = false;
  const load = (async () => {
    for (let i = 0; !isDone; i++) await redis.set(`key-${i % 100}`, String(i));
  })();
  try {
    const figure = page.locator('key-figures div', { hasText: 'commands a second' }).locator('dd');
    await figure.filter({ hasText: /[1-9]/ }).waitFor();
    await page.locator('latency-chart .legend', { hasText: /[1-9]\d* commands/ }).waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    const shown = await shownBy(page);
    const before = await figure.textContent();
    // Two more moments have come by then, and none is shown.
    const second = await open(DESK, 'light');
    await second.locator('body[data-shown]:not([data-shown="1"], [data-shown="2"])').waitFor();
    await second.close();
    assert.equal(await shownBy(page), shown);
    assert.equal(await figure.textContent(), before);
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.locator(`body:not([data-shown="${shown}"])`).waitFor();
  } finally {
    isDone = true;
    await load;
    redis.disconnect();
    await page.close();
  }
}

/** How often the page has shown a moment. */
function shownBy(page: Page): Promise<string> {
  return page.evaluate<string>('document.body.dataset.shown');
}

async function isSealed({ url }: PageSurroundings): Promise<void> {
  const answer = await fetch(url);
  const policy = answer.headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
  const html = await answer.text();
  assert.doesNotMatch(html, /<script(?![^>]* src=)|<style|https?:|style=|\son\w+=/);
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

async function isAccessible({ open, axe }: PageSurroundings, theme: 'light' | 'dark'): Promise<void> {
  const page = await open(DESK, theme);
  for (const details of await page.locator('details summary').all()) await details.click();
  await page.locator('line-chart table').first().waitFor();
  await page.evaluate(axe);
  const { violations } = await page.evaluate<AxeResult>('axe.run()');
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  assert.deepEqual(told, []);
  for (const role of ['banner', 'main', 'contentinfo'] as const)
    assert.equal(await page.getByRole(role).count(), 1);
  const headings = await page.getByRole('heading', { level: 2 }).allInnerTexts();
  assert.ok(headings.length >= 6);
  assert.equal(await page.locator('advice-list').getAttribute('aria-live'), 'polite');
  await page.close();
}

async function hasKeyboard({ open }: PageSurroundings): Promise<void> {
  const page = await open(DESK, 'light');
  const stops: string[] = [];
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press('Tab');
    const focus = page.locator(':focus');
    stops.push((await focus.textContent())?.trim() ?? '');
    assert.notEqual(await outlineOf(focus), 'none');
  }
  assert.deepEqual(stops, [
    'To the replicas',
    'Pause',
    'As a table',
    'As a table',
    'As a table',
    'As a table',
  ]);
  await page.keyboard.press('Enter');
  await page.locator('details[open] table').waitFor();
  await page.close();
}

function outlineOf(focus: Locator): Promise<string> {
  return focus.page().evaluate<string>('getComputedStyle(document.activeElement).outlineStyle');
}

async function hasTables({ open }: PageSurroundings): Promise<void> {
  const page = await open(DESK, 'light');
  for (const chart of await page.locator('line-chart').all()) {
    await chart.locator('summary').click();
    await chart.locator('tbody tr').first().waitFor();
    assert.ok((await chart.getByRole('columnheader').count()) >= 3);
    assert.ok((await chart.getByRole('row').count()) >= 2);
  }
  await page.close();
}

async function fitsPhone({ open, picture }: PageSurroundings): Promise<void> {
  const page = await open(PHONE, 'light');
  const widths = await page.evaluate<number[]>('[document.documentElement.scrollWidth, innerWidth]');
  assert.equal(widths[0], widths[1]);
  await picture(page, 'phone');
  await page.close();
}
