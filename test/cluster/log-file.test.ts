import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openLogFile, rotate } from '../../lib/cluster/log-file.js';

let directory: string;
let file: string;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'indelible-log-file-'));
  file = path.join(directory, 'replica-1.log');
});

afterEach(() => {
  fs.rmSync(directory, { recursive: true });
});

it('a log file that has become large goes on empty, under the descriptor that is open, and keeps one before', () => {
  const descriptor = openLogFile(file);
  for (const round of ['first', 'second', 'third']) {
    fs.writeSync(descriptor, `${round} ${'.'.repeat(200)}\n`);
    rotate(file, 200);
  }
  fs.writeSync(descriptor, 'last\n');
  fs.closeSync(descriptor);
  expect(fs.readFileSync(file, 'utf8')).toBe('last\n');
  expect(fs.readFileSync(`${file}.1`, 'utf8')).toMatch(/^third \.+\n$/);
  expect(fs.readdirSync(directory).sort()).toEqual(['replica-1.log', 'replica-1.log.1']);
});

it('a small log file, or none, is left alone', () => {
  rotate(file, 200);
  expect(fs.readdirSync(directory)).toEqual([]);
  fs.writeFileSync(file, 'short\n');
  rotate(file, 200);
  expect(fs.readFileSync(file, 'utf8')).toBe('short\n');
});
