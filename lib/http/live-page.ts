/**
 * The live page: its files, and the moments of the cluster that it shows, as server-sent events.
 *
 * 1. Nobody is asked while nobody looks; while somebody does, every replica is asked once a second for all.
 * 2. What a browser does not read is bounded: its connection ends.
 * 3. The page loads nothing but these files, and runs nothing that is not in them.
 */
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Route } from './http-port.js';
import { type Survey, viewOf } from './page-source.js';

const ASK_MS = 1000;
/** Of one browser. */
const UNREAD_BYTES_MAX: number = 1 << 20;
/** Browsers at a time; the other connections of the port are for scrapers and probes. */
const VIEWERS_MAX = 16;

const PAGE = fileURLToPath(new URL('../../page/', import.meta.url));
const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/** What the page is made of, by path. */
const FILES: readonly (readonly [route: string, file: string, type: string])[] = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/page.css', 'page.css', STYLE],
  ['/page.js', 'page.js', SCRIPT],
  ['/charts.js', 'charts.js', SCRIPT],
  ['/cluster-elements.js', 'cluster-elements.js', SCRIPT],
  ['/dom.js', 'dom.js', SCRIPT],
  ['/history.js', 'history.js', SCRIPT],
  ['/words.js', 'words.js', SCRIPT],
];

export class LivePage {
  private readonly survey: Survey;
  private readonly viewers = new Set<ServerResponse>();
  private timer: NodeJS.Timeout | undefined;
  private isAsking = false;
  private newest = '';

  constructor(survey: Survey) {
    this.survey = survey;
  }

  get routes(): ReadonlyMap<string, Route> {
    const uplot = path.dirname(createRequire(import.meta.url).resolve('uplot/package.json'));
    const files = [
      ...FILES.map(([route, file, type]) => [route, path.join(PAGE, file), type] as const),
      ['/uplot.js', path.join(uplot, 'dist/uPlot.esm.js'), SCRIPT] as const,
      ['/uplot.css', path.join(uplot, 'dist/uPlot.min.css'), STYLE] as const,
    ];
    const routes = files.map(([route, file, type]): [string, Route] => [
      route,
      { answer: () => ({ status: 200, type, body: readFileSync(file), headers: HEADERS }) },
    ]);
    return new Map([...routes, ['/events', { answer: ({ response }) => this.view(response) }]]);
  }

  private view(response: ServerResponse): { status: number; type: string; body: string } | undefined {
    if (this.viewers.size >= VIEWERS_MAX) {
      return { status: 503, type: 'text/plain; charset=utf-8', body: 'too many look at this page already\n' };
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.flushHeaders();
    this.viewers.add(response);
    response.on('close', () => {
      this.viewers.delete(response);
      if (this.viewers.size === 0) this.rest();
    });
    if (this.timer === undefined) {
      this.timer = setInterval(() => void this.ask(), ASK_MS);
      void this.ask();
    } else if (this.newest !== '') {
      response.write(this.newest);
    }
    return undefined;
  }

  private rest(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.newest = '';
  }

  /** A survey that takes longer than a second is waited for. */
  private async ask(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      const view = viewOf(await this.survey(), Date.now());
      this.newest = `data: ${JSON.stringify(view)}\n\n`;
      for (const viewer of this.viewers) {
        if (viewer.writableLength > UNREAD_BYTES_MAX) viewer.destroy();
        else viewer.write(this.newest);
      }
    } finally {
      this.isAsking = false;
    }
  }
}
