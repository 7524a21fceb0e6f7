/**
 * The files of docs/deploy, by the programs that read them: each alert fires when it should and not a moment
 * before (promtool), the unit is one that systemd understands and confines (systemd-analyze), and, where
 * Docker's Compose is installed, the compose file is one.
 *
 *   node --import tsx test/deploy/run.ts [--if-possible]
 *
 * Its last line is the sum.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT_ROOT } from '../packaging/sources.js';
import { exitIfMissing, program } from '../rigs/requirements.js';
import { ALERT_CASES, type SeriesValues } from './alert-cases.js';

const DEPLOY = path.join(PROJECT_ROOT, 'docs/deploy');
const ALERTS = path.join(DEPLOY, 'prometheus/alerts.yaml');
/** As `systemd-analyze security` counts, from 0 (confined) to 10; below 2.5 it is content. */
const EXPOSURE_MAX = '25';

const { values: flags } = parseArgs({ options: { 'if-possible': { type: 'boolean', default: false } } });

exitIfMissing(
  'the test of the files for deployment',
  [
    program('promtool', 'it checks and tries the alert rules'),
    program('systemd-analyze', 'it checks the unit'),
  ],
  'Run it on Debian with the packages prometheus and systemd.',
  flags['if-possible'],
);

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'indelible-deploy-'));
let passed = 0;
let failed = 0;

/** What the command says when it fails; undefined if it does not. */
function complaint(command: string, ...args: readonly string[]): string | undefined {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? undefined : `${stdout}${stderr}`.trim();
}

function check(name: string, problem: string | undefined): void {
  if (problem === undefined) passed++;
  else failed++;
  console.log(problem === undefined ? `passed  ${name}` : `FAILED  ${name}\n${problem}`);
}

const REPLICA_LABELS = 'replica="1",job="indelible",instance="a:7301"';

/** With the labels that Prometheus and the replica give it. */
function labelled(series: string): string {
  const [, name, own = ''] = /^(\w+)(?:\{(.*)\})?$/.exec(series)!;
  if (own.includes('job=')) return series;
  return `${name}{${own === '' ? '' : `${own},`}${REPLICA_LABELS}}`;
}

/** A test of promtool: after fourteen minutes, so many of these alerts. */
function trial(values: SeriesValues, alerts: string, count: number): object {
  const input = Object.entries(values).map(([series, numbers]) => ({
    series: labelled(series),
    values: numbers,
  }));
  const expected = count === 0 ? [] : [{ labels: '{}', value: count }];
  return {
    interval: '15s',
    input_series: input,
    promql_expr_test: [{ expr: `count(${alerts})`, eval_time: '14m', exp_samples: expected }],
  };
}

function tryAlert(name: string): string | undefined {
  const found = ALERT_CASES[name];
  if (found === undefined) return 'test/deploy/alert-cases.ts has no case for it';
  const tests = [
    trial(found.fires, `ALERTS{alertname="${name}",alertstate="firing"}`, 1),
    trial(found.quiet, 'ALERTS', 0),
  ];
  // JSON is YAML.
  const file = path.join(scratch, `${name}.json`);
  fs.writeFileSync(file, JSON.stringify({ rule_files: [ALERTS], evaluation_interval: '15s', tests }));
  return complaint('promtool', 'test', 'rules', file);
}

/** With a program that is there: where npm puts it depends on the machine. */
function unit(): string {
  const text = fs.readFileSync(path.join(DEPLOY, 'systemd/indelible@.service'), 'utf8');
  const file = path.join(scratch, 'indelible@.service');
  fs.writeFileSync(file, text.replace(/^(ExecStart=)\S+/m, `$1${process.execPath}`));
  return file;
}

try {
  const names = [...fs.readFileSync(ALERTS, 'utf8').matchAll(/- alert: (\w+)/g)].map((match) => match[1]!);
  check('promtool takes the rules', complaint('promtool', 'check', 'rules', ALERTS));
  for (const name of names) check(`${name} fires, and only when it should`, tryAlert(name));
  const gone = Object.keys(ALERT_CASES).filter((name) => !names.includes(name));
  check('every case has its alert', gone.length === 0 ? undefined : `no such alert: ${gone.join(', ')}`);
  const file = unit();
  const instance = path.join(scratch, 'indelible@1.service');
  fs.copyFileSync(file, instance);
  check('systemd takes the unit', complaint('systemd-analyze', 'verify', '--man=no', instance));
  const security = ['security', '--offline=true', `--threshold=${EXPOSURE_MAX}`, '--no-pager'];
  check('the unit is confined', complaint('systemd-analyze', ...security, instance));
  if (complaint('docker', 'compose', 'version') === undefined) {
    const compose = path.join(DEPLOY, 'docker/compose.yaml');
    const args = ['compose', '--file', compose, 'config', '--quiet'];
    check("Docker's Compose takes compose.yaml", complaint('docker', ...args));
  }
} finally {
  fs.rmSync(scratch, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
