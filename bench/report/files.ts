/** The files that a run leaves beside its JSON. */
import { writeFileSync } from 'node:fs';
import { markdownOf } from './markdown.js';
import { pageOf } from './page.js';
import type { Report } from './report.js';

/** Writes `path`.html and `path`.md. */
export function writeReport(path: string, report: Report): void {
  writeFileSync(`${path}.html`, pageOf(report));
  writeFileSync(`${path}.md`, markdownOf(report));
}
