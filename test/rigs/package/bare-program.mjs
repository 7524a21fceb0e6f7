/**
 * Runs on the bare machine that run.ts makes, in two steps: `install` puts the tarball into an empty folder,
 * `try` uses what was installed as the README says. Prints a line for each thing tried, the sum at the end.
 */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';

const APP = '/app';
const TRIES = '/tries.json';
process.env.PATH = '/usr/bin:/bin';

/** Passed and failed; the first step hands them on to the second. */
const sums = fs.existsSync(TRIES) ? JSON.parse(fs.readFileSync(TRIES, 'utf8')) : { passed: 0, failed: 0 };

function check(what, held, said = '') {
  sums[held ? 'passed' : 'failed']++;
  console.log(`${held ? 'ok  ' : 'FAIL'} ${what}`);
  if (!held) console.log(String(said).slice(-3000));
}

function run(command, ...args) {
  const began = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: APP, encoding: 'utf8' });
  return { status, said: `${stdout}${stderr}`, seconds: (performance.now() - began) / 1000 };
}

function install() {
  fs.writeFileSync(`${APP}/package.json`, '{ "name": "app", "private": true }\n');
  const { status, said, seconds } = run('npm', 'install', '--no-audit', '--no-fund', '/app.tgz');
  check(`npm install of the tarball (${seconds.toFixed(1)} s)`, status === 0, said);
  check('npm has nothing to warn of', !/warn|deprecated|err!/i.test(said), said);
  const missing = ['/usr/bin/cc', '/usr/bin/c++', '/usr/bin/make', '/usr/bin/python3'];
  check(
    'there is no compiler on this machine',
    missing.every((file) => !fs.existsSync(file)),
  );
}

/** One request to a Redis port, one answer. */
function ask(port, ...words) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    const request = words.map((word) => `$${word.length}\r\n${word}\r\n`).join('');
    socket.write(`*${words.length}\r\n${request}`);
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString());
    });
    socket.once('error', reject);
  });
}

async function tryCluster() {
  const began = performance.now();
  const stdio = ['ignore', 'pipe', 'pipe'];
  const child = spawn('npx', ['indelible', 'cluster'], { cwd: APP, stdio, detached: true });
  let said = '';
  const isUp = new Promise((resolve) => {
    const hear = (data) => {
      said += data;
      if (/^ +stop +Ctrl-C$/m.test(said)) resolve(true);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', () => resolve(false));
  });
  const up = await isUp;
  check(`npx indelible cluster (${((performance.now() - began) / 1000).toFixed(1)} s)`, up, said);
  if (!up) return;
  check('SET on one replica', (await ask(7001, 'SET', 'greeting', 'hello')) === '+OK\r\n');
  check('GET on another', (await ask(7003, 'GET', 'greeting')) === '$5\r\nhello\r\n');
  const status = run('npx', 'indelible', 'status');
  const flushedBy = /process \(emulated, (clwb|clflushopt|clflush|dc cvac)\)/.exec(status.said)?.[1];
  check(
    `status: emulated, flushed by ${flushedBy}`,
    status.status === 0 && flushedBy !== undefined,
    status.said,
  );
  const inspected = run('npx', 'indelible', 'inspect', 'data/replica-1');
  check('npx indelible inspect', inspected.status === 0, inspected.said);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  // As a terminal's Ctrl-C does: to npx, and to all that it started.
  process.kill(-child.pid, 'SIGINT');
  await ended;
  check('it stops when it is told to', /^stopped$/m.test(said), said);
}

async function tryAll() {
  await tryCluster();
  fs.copyFileSync('/example.mjs', `${APP}/example.mjs`);
  const example = run('node', 'example.mjs');
  check(`the README's example (${example.seconds.toFixed(1)} s)`, example.status === 0, example.said);
  check('it prints 5', example.said === '5\n', example.said);
  const required = run('node', '-e', "console.log(typeof require('indelible').Replica.open)");
  check('require() without a warning', required.said === 'function\n', required.said);
  const simulated = run('node', '-e', "console.log(typeof require('indelible/simulation').simulate)");
  check('require() of the simulation', simulated.said === 'function\n', simulated.said);
  fs.mkdirSync(`${APP}/pmem`);
  const pmem = run('npx', 'indelible', 'cluster', '--backend', 'pmem', '--dir', 'pmem');
  check('pmem without libpmem names what brings it', /apt-get install libpmem1/.test(pmem.said), pmem.said);
  check('and fails', pmem.status !== 0);
  const file = run('npx', 'indelible', 'format', '--help');
  check('npx indelible format --help', file.status === 0, file.said);
}

if (process.argv[2] === 'install') install();
else await tryAll();
fs.writeFileSync(TRIES, JSON.stringify(sums));
if (process.argv[2] === 'try' || sums.failed > 0) console.log(`${sums.passed} passed, ${sums.failed} failed`);
process.exitCode = sums.failed === 0 ? 0 : 1;
