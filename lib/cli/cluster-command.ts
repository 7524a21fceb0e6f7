/**
 * `indelible cluster`: a whole cluster on this machine. What `npm start` runs.
 */
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { Cluster, type ClusterOptions } from '../cluster/cluster.js';
import { BACKENDS, type Backend, SYNCS, type Sync } from '../cluster/cluster-file.js';
import { OWNER_ONLY } from '../cluster/durable-file.js';
import { hasNoTerminal, isUnderNohup } from '../cluster/hang-up.js';
import type { Failed } from '../cluster/process-messages.js';
import { LOG_LEVELS, type LogLevel } from '../cluster/serve-config.js';
import type { ServiceSettings } from '../cluster/service-config.js';
import { MEMBERS_MAX } from '../limits.js';
import { type ClusterReport, jsonReport, plainReport } from './cluster-report.js';
import { isLasting, isUnusable } from './exit-code.js';
import { helpWith } from './help.js';
import { integerOption, portOption, sizeOption } from './option-parsers.js';
import type { Output } from './output.js';
import { withServiceOptions } from './service-options.js';

interface ClusterFlags extends ServiceSettings {
  readonly dir: string;
  readonly replicas?: number;
  readonly backend?: Backend;
  readonly sync?: Sync;
  readonly regionSize?: number;
  readonly listen: string;
  readonly port: number;
  readonly peerPort?: number;
  readonly httpPort?: number;
  readonly logLevel: LogLevel;
  readonly json?: boolean;
}

const HELP = `
Formats what is new, starts one process a replica, and restarts one that dies. Starting again finds all data.
Any Redis port takes any command. Ctrl-C or SIGTERM stops everything in order; a second one at once. So does
SIGHUP at a terminal; under nohup, or connected to no terminal at all, the cluster goes on and reads the
certificates and users of the Redis ports again.

  npm start                                            three replicas, data/, ports 7001–7003
  npm start -- --backend file                          a log on a plain disk: survives power cuts
  npm start -- --backend pmem --dir /mnt/pmem          on a DAX file system
  npm start -- --dir other --port 7011                 a second cluster beside the first

--replicas, --backend, --sync and --region-size are for new data; later they may be left out. With regions
below 18MiB the largest values are refused. Peers meet on Unix sockets in DIR/peers, or on loopback with
--peer-port, and have the key in DIR/cluster-key. Each replica has HTTP on loopback: a live page, /metrics,
/readyz.
With --listen on a network, Redis clients need a password (--password-file or --acl-file), or --insecure-redis
says that who reaches the port may read and write.`;

const WAITING_REPORT_MS = 5000;

export function clusterCommand(output: Output): Command {
  const command = new Command('cluster')
    .description('run a whole cluster on this machine')
    .option('--dir <directory>', 'where all its data lies; its parent must exist', 'data')
    .option('--replicas <number>', 'how many; 2f + 1 go on without f (3)', integerOption(1, MEMBERS_MAX))
    .addOption(new Option('--backend <backend>', 'the kind of log (emulated)').choices(BACKENDS))
    .addOption(new Option('--sync <sync>', 'what a fence is, if emulated (none)').choices(SYNCS))
    .option('--region-size <size>', 'bytes of each log (128MiB)', sizeOption('--region-size'))
    .option('--listen <host>', 'where Redis clients are let in', '127.0.0.1')
    .option('--port <port>', 'Redis port of replica 1; the others follow', portOption('--port'), 7001)
    .option(
      '--peer-port <port>',
      'loopback for peers too: port of replica 1; the others follow (Unix sockets)',
      portOption('--peer-port'),
    )
    .option(
      '--http-port <port>',
      'HTTP port of replica 1, on loopback; 0 for none (peer port + 200, or Redis port + 300)',
      integerOption(0, 65_535),
    )
    .addOption(new Option('--log-level <level>', 'what replicas log').choices(LOG_LEVELS).default('info'))
    .option('--json', 'print events as JSON, one a line')
    .action((flags: ClusterFlags) => runCluster(flags, output));
  return helpWith(withServiceOptions(command), HELP);
}

/** Resolves when the cluster was told to stop and has; rejects when a replica refuses to start. */
async function runCluster(flags: ClusterFlags, output: Output): Promise<void> {
  const report = flags.json === true ? jsonReport(output) : plainReport(output, flags.dir);
  process.umask(OWNER_ONLY);
  const ending = new Ending();
  try {
    const cluster = await Cluster.start(optionsOf(flags, report, ending, () => cluster));
    const ticker = reportWaiting(cluster, report);
    ending.onSecondSignal = () => cluster.killAll();
    ending.onReload = () => cluster.reload();
    const failure = await ending.reached;
    clearInterval(ticker);
    report.stopping();
    await cluster.stop();
    report.stopped();
    if (failure !== undefined) throw failure;
  } finally {
    ending.release();
  }
}

function optionsOf(
  flags: ClusterFlags,
  report: ClusterReport,
  ending: Ending,
  cluster: () => Cluster,
): ClusterOptions {
  const { dir, replicas, backend, sync, regionSize, listen, port, peerPort, httpPort, logLevel } = flags;
  return {
    directory: dir,
    wish: { replicas, backend, sync, regionBytes: regionSize },
    listen,
    port,
    peerPort,
    httpPort,
    logLevel,
    service: flags,
    program: fileURLToPath(new URL('./main.js', import.meta.url)),
    isRefusal: isLasting,
    isUnusable,
    events: {
      ...report,
      up: (durability, leader) => {
        const { file, addresses } = cluster();
        report.up({ directory: dir, file, durability, leader, addresses, pids: cluster().pids() });
      },
      refused: (replica, failure) => ending.fail(refusalOf(replica, failure)),
    },
  };
}

function refusalOf(replica: number, { code, message }: Failed): Error {
  return Object.assign(new Error(`replica ${replica}: ${message}`), { code });
}

function reportWaiting(cluster: Cluster, report: ClusterReport): NodeJS.Timeout {
  let waitedMs = 0;
  const ticker = setInterval(() => {
    waitedMs += WAITING_REPORT_MS;
    if (cluster.isUp) clearInterval(ticker);
    else report.waiting(waitedMs / 1000, cluster.missing);
  }, WAITING_REPORT_MS);
  return ticker;
}

/** The one moment at which a cluster is to end: a signal, or the first refusal. */
class Ending {
  readonly reached: Promise<Error | undefined>;
  onSecondSignal: () => void = () => {};
  onReload: () => void = () => {};
  #resolve: (failure: Error | undefined) => void = () => {};
  #firstSignalMs = 0;

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  fail(error: Error): void {
    this.#resolve(error);
  }

  release(): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (signal === 'SIGHUP' && (isUnderNohup() || hasNoTerminal())) return this.onReload();
    const nowMs = performance.now();
    if (this.#firstSignalMs === 0) this.#firstSignalMs = nowMs;
    else if (nowMs - this.#firstSignalMs > SAME_SIGNAL_MS) this.onSecondSignal();
    this.#resolve(undefined);
  };
}

/** Under npm one Ctrl-C arrives twice: from the terminal, and passed on. */
const SAME_SIGNAL_MS = 1000;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
