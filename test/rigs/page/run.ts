/**
 * The live page in a real browser: what a person sees, hears and reaches by keyboard, in both themes and at a
 * phone's width, while a cluster works, loses a replica, and gets it back.
 *
 *   node --import tsx test/rigs/page/run.ts [--if-possible] [--pictures DIRECTORY]
 *
 * Its last line is the sum. Nothing waits for time to pass, but for what the page shows.
 */
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import { ClusterProcess, freePorts, temporaryDirectory } from '../../cluster/cluster-process.js';
import { PROJECT_ROOT } from '../../packaging/sources.js';
import { exitIfMissing, file } from '../requirements.js';
import { type PageCheck, pageChecks } from './checks.js';

const CHROMIUM = '/usr/bin/chromium';
/** A browser that asks nobody but the page. */
const BROWSER_FLAGS =
  `--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
  --disable-component-update --disable-sync --disable-dev-shm-usage`.split(/\s+/);

const { values: flags } = parseArgs({
  options: { 'if-possible': { type: 'boolean', default: false }, pictures: { type: 'string' } },
});

exitIfMissing(
  'the test of the live page',
  [file(CHROMIUM, 'the browser')],
  'Run it on Debian with the package chromium.',
  flags['if-possible'],
);

const ports = await freePorts();
const directory = temporaryDirectory();
const data = path.join(directory, 'data');
const url = `http://127.0.0.1:${ports.peerPort + 200}/`;
const cluster = new ClusterProcess([
  ...['--dir', data, '--port', String(ports.port), '--peer-port', String(ports.peerPort)],
  ...['--region-size', '20MiB'],
]);
let browser: Browser | undefined;
let passed = 0;
let failed = 0;

/** Everything that the page, or the browser on its behalf, complained of. */
const complaints: string[] = [];

async function open(width: number, colorScheme: 'light' | 'dark'): Promise<Page> {
  const page = await browser!.newPage({ viewport: { width, height: 900 }, colorScheme });
  page.setDefaultTimeout(60_000);
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) {
      complaints.push(`asks ${request.url()}`);
    }
  });
  await page.goto(url);
  await page.locator('body[data-shown]').waitFor();
  return page;
}

async function run({ name, check }: PageCheck): Promise<void> {
  try {
    await check();
    passed++;
    console.log(`passed  ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}\n${(error as Error).stack}`);
  }
}

async function picture(page: Page, name: string): Promise<void> {
  if (flags.pictures === undefined) return;
  fs.mkdirSync(flags.pictures, { recursive: true });
  await page.screenshot({ path: path.join(flags.pictures, `${name}.png`), fullPage: true });
}

try {
  const up = await cluster.event('up');
  browser = await chromium.launch({ executablePath: CHROMIUM, args: BROWSER_FLAGS });
  const axe = fs.readFileSync(path.join(PROJECT_ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8');
  for (const check of pageChecks({ open, picture, complaints, axe, up, url, redisPort: ports.port })) {
    await run(check);
  }
} finally {
  await browser?.close();
  await cluster.stop();
  fs.rmSync(directory, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
