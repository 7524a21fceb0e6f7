/**
 * Draws a run again from its JSON, and measures nothing: page, tables and picture.
 *
 *   node --import tsx bench/redraw.ts NAME [PICTURE.svg]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { comparisonOf } from './report/comparison.js';
import { writeReport } from './report/files.js';
import type { Report } from './report/report.js';

const [name = 'reference', picture] = process.argv.slice(2);
const path = join(import.meta.dirname, 'results', name);
const report = JSON.parse(readFileSync(`${path}.json`, 'utf8')) as Report;
writeReport(path, report);
if (picture !== undefined) writeFileSync(picture, `${comparisonOf(report, true)}\n`);
