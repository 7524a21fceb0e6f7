/** The whole benchmark, as short as it gets: that it runs, checks and writes; never how fast anything is. */
import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { KINDS } from '../../bench/costs/costs-level.js';
import { FAULTS, LOADS } from '../../bench/failover/messages.js';
import type { Report } from '../../bench/report/report.js';
import { GROUPS, STORES } from '../../bench/storage/cases.js';
import { APPEND_LOOPS } from '../../bench/storage/limits.js';
import { PROJECT_ROOT } from '../packaging/sources.js';

const NAME = `test-${process.pid}`;
const TINY = ['--rounds', '1', '--storage-ms', '5', '--load-ms', '100', '--warm-up-ms', '20'];

function resultOf(suffix: string): string {
  return `${PROJECT_ROOT}/bench/results/${NAME}.${suffix}`;
}

async function bench(...args: string[]): Promise<{ stdout: string; report: Report }> {
  const places = ['--region-dir', tmpdir(), '--disk-dir', tmpdir(), '--name', NAME];
  const tiny = [...TINY, '--redis-requests', '1000', '--region-bytes', String(16 << 20)];
  const program = ['--import', 'tsx', 'bench/main.ts', ...tiny, ...places, ...args];
  const { stdout } = await promisify(execFile)(process.execPath, program, { cwd: PROJECT_ROOT });
  return { stdout, report: JSON.parse(readFileSync(resultOf('json'), 'utf8')) as Report };
}

afterAll(() => {
  for (const suffix of ['json', 'html', 'md']) rmSync(resultOf(suffix), { force: true });
});

describe('the benchmark', () => {
  it('measures every store at the storage level, and judges its goals', async () => {
    const { stdout, report } = await bench('--only', 'storage');
    expect(report.storage?.appends).toHaveLength(STORES.length * GROUPS.length + 1);
    expect(report.storage?.appendLimits).toHaveLength(2 * APPEND_LOOPS.length * GROUPS.length);
    expect(report.storage?.readBacks).toHaveLength(2);
    // A machine without libpmemlog says so; it is no part of the set-up.
    const beside = typeof report.storage?.pmemlog === 'string' ? 0 : 2;
    expect(report.cluster).toBeUndefined();
    expect(report.goals).toHaveLength(16 + beside);
    if (beside === 0) expect(stdout).toContain('libpmemlog.so.1 is not installed');
    for (const { met } of report.goals) expect(stdout).toContain(met ? 'PASS' : 'MISS');
    expect(report.machine.cores).toBeGreaterThan(0);
    const page = readFileSync(resultOf('html'), 'utf8');
    expect(page.match(/<svg/g)).toHaveLength(5);
    expect(page).not.toMatch(/NaN|undefined|<script/);
    expect(readFileSync(resultOf('md'), 'utf8')).toContain('| two-fence | 100 × 64 B |');
  });

  it('loads clusters of processes, compares their states and reads every key back', async () => {
    const { report } = await bench('--only', 'cluster');
    expect(report.cluster?.backends.map(({ backend }) => backend)).toEqual(['emulated', 'file']);
    for (const { loads, redis, checks } of report.cluster?.backends ?? []) {
      expect(loads.map(({ inFlight }) => inFlight)).toEqual([1, 64, 1024, 1024]);
      expect(redis.map(({ test }) => test)).toEqual(['SET', 'GET', 'INCR']);
      for (const { answered, equal, wrong } of checks) {
        expect(answered).toBeGreaterThan(0);
        expect(equal).toBe(answered);
        expect(wrong).toBe(0);
      }
    }
    const page = readFileSync(resultOf('html'), 'utf8');
    expect(page.match(/<svg/g)).toHaveLength(4);
    expect(page).not.toMatch(/NaN|undefined|<script/);
  });

  it('tells what sealing, metrics and sessions cost, beside the same without them', async () => {
    const { stdout, report } = await bench('--only', 'costs', '--keys', '2000');
    expect(report.costs?.kinds.map(({ kind }) => kind)).toEqual(Object.keys(KINDS));
    for (const { met, what } of report.goals) expect(stdout).toContain(`${met ? 'PASS' : 'MISS'}  ${what}`);
    expect(report.goals).toHaveLength(4);
    expect(report.costs?.proofs.rounds).toHaveLength(1);
    expect(readFileSync(resultOf('md'), 'utf8')).toContain('| TLS |');
  });

  it('lets the leader fail in every way, idle and under load, and counts false elections', async () => {
    const once = ['--faults', '1', '--rest-ms', '1', '--calm-seconds', '1', '--busy-loops', '1'];
    const { stdout, report } = await bench('--only', 'failover', ...once);
    const { failover } = report;
    if (typeof failover === 'string') return expect(stdout).toContain('this machine lacks');
    const times = failover?.outages.map(({ milliseconds }) => milliseconds.length);
    expect(times).toEqual(Array.from({ length: FAULTS.length * LOADS.length }, () => 1));
    expect(failover?.calm.map(({ busyLoops }) => busyLoops)).toEqual([0, 1]);
    for (const { commandsPerSecond } of failover?.calm ?? []) expect(commandsPerSecond).toBeGreaterThan(0);
    const page = readFileSync(resultOf('html'), 'utf8');
    expect(page).toContain('under load');
    expect(page).not.toMatch(/NaN|undefined|<script/);
  });
});
