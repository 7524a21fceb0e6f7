/**
 * One replica as a process: its store, its peers, its Redis port, its log lines. Under a supervisor it also
 * says how it is, and ends when the supervisor does.
 *
 * 1. It never formats.
 * 2. It ends in order on SIGTERM, SIGINT, SIGHUP of a terminal, a stop message, or the end of the IPC
 *    channel; the store is closed before the process exits. If closing hangs, the process exits all the same:
 *    a log needs no closing.
 * 3. When the replica stops by itself, the process says why and exits with an error.
 * 4. SIGHUP without a terminal, and a reload message, have certificates and users read again. What cannot be
 *    used is said in the log, and what was in use stays.
 * 5. A systemd that wants to hear of it is told when the store is open and all ports listen, and when it
 *    ends.
 * 6. Log lines that cannot be written neither stop it nor keep it from ending.
 */
import { subscribe } from 'node:diagnostics_channel';
import { type Logger, pino } from 'pino';
import { ErrorCode, IndelibleError } from '../errors.js';
import { HTTP_CONNECTIONS_MAX, type HttpPort } from '../http/http-port.js';
import { openHttp } from '../http/replica-http.js';
import { CLIENTS_MAX_DEFAULT } from '../kv/limits.js';
import { kvMetrics } from '../kv/metrics.js';
import { createKvServer, type KvServer, type KvServerStatus } from '../kv/server.js';
import { KvStateMachine } from '../kv/state-machine.js';
import type { Metric } from '../observe/metric.js';
import { ballotOf, formatBallot } from '../paxos/ballot.js';
import type { Role } from '../paxos/effects.js';
import type { Halt } from '../replica/executor.js';
import { clusterKeyPath, readClientKey } from '../replica/key-file.js';
import { Replica } from '../replica/replica.js';
import { formatAddress } from '../transport/address.js';
import type { TransportDiagnostic } from '../transport/diagnostics.js';
import { clientKeyOf } from '../transport/proof.js';
import type { Ballot, ReplicaId } from '../types.js';
import { readAclFile } from './acl-file.js';
import { parsePeers } from './addresses.js';
import { type ClientShares, descriptorsOfProcess, logFilesIn, sharesOf } from './descriptors.js';
import { collectSeldom } from './garbage.js';
import { hasNoTerminal, isUnderNohup } from './hang-up.js';
import { LogLines } from './log-lines.js';
import { NetworkLines, SWEEP_MS } from './network-lines.js';
import type { FromReplica, ToReplica } from './process-messages.js';
import type { ServeConfig } from './serve-config.js';
import { type ServiceManager, serviceManagerOf } from './service-manager.js';
import { storageChoice } from './stores.js';
import { readCertificates, readTlsFiles } from './tls-files.js';

const STANDARD_OUTPUT = 1;

/** Milliseconds that closing may take before the process exits without. */
const CLOSE_MS_MAX = 8000;

/** Resolves when the replica has closed in order; rejects with what stopped it otherwise. */
export async function serveReplica(config: ServeConfig): Promise<void> {
  collectSeldom();
  const form = { level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  const log = pino(form, new LogLines(STANDARD_OUTPUT));
  const ending = new Ending();
  const explain = (error: unknown): void => {
    log.error({ err: error }, 'the replica stops');
    tell({ kind: 'failed', code: codeOf(error), message: (error as Error).message });
  };
  let failure: Error | undefined;
  // Before the store is open: it starts a process, which is quick while this one is small.
  const manager = managerOf(log);
  try {
    const served = await open(config, log, ending);
    const { replica, server, http } = served;
    ending.onReload = () => reload(config, served, log);
    ending.onPeers = (peers) => replica.usePeers(parsePeers(peers, 'the peers'));
    manager?.ready();
    failure = await ending.reached;
    manager?.stopping();
    // Before closing, which may hang.
    if (failure !== undefined) explain(failure);
    const deadline = setTimeout(() => process.exit(1), CLOSE_MS_MAX);
    await http?.close();
    await server?.close();
    await replica.close();
    // It goes on counting while log lines wait to be written, and keeps nothing alive by itself.
    deadline.unref();
    if (failure !== undefined) throw failure;
    log.info('closed');
  } catch (error) {
    if (error !== failure) explain(error);
    throw error;
  } finally {
    ending.release();
  }
}

interface Served {
  readonly replica: Replica;
  readonly server: KvServer | undefined;
  readonly http: HttpPort | undefined;
}

async function open(config: ServeConfig, log: Logger, ending: Ending): Promise<Served> {
  const { directory, backend, sync, listen, peers, tuning, store, key, tls } = config;
  const machine = new KvStateMachine();
  const shares = shareDescriptors(config, log);
  const storage = storageChoice(backend, sync);
  const replica = await Replica.open({
    directory,
    storage,
    ...(store === undefined ? {} : { storeUuid: store }),
    ...(key === undefined ? {} : { key }),
    ...(tls === undefined ? {} : { tls: tls === true ? tls : readTlsFiles(tls) }),
    listen,
    peers,
    stateMachine: machine,
    tuning,
    ...(shares === undefined ? {} : { clientsMax: shares.programsMax }),
  });
  try {
    const lines = new NetworkLines((fields, event) => log.warn(fields, event));
    setInterval(() => lines.sweep(), SWEEP_MS).unref();
    follow(replica, log, lines, ending);
    const server = await openPort(replica, machine, config, lines, shares?.clientsMax);
    const http = await openHttpPort(replica, machine, server, config, shares?.httpMax);
    const { replicaId, clusterId } = replica.identity;
    const { mode, durability, flushedBy, recovery, security } = replica.status();
    const is = { mode, durability, flushedBy, recovery, security };
    log.info({ replicaId, clusterId, ...is, listen, ...portsOf(config) }, 'ready');
    tell({ kind: 'ready', mode, durability, recovery });
    return { replica, server, http };
  } catch (error) {
    await replica.close();
    throw error;
  }
}

/** What the store and the peers leave to clients; that it is less than was asked for is said. */
function shareDescriptors(
  { directory, peers, service, http }: ServeConfig,
  log: Logger,
): ClientShares | undefined {
  const descriptors = descriptorsOfProcess();
  if (descriptors === undefined) return undefined;
  const httpWanted = http === undefined ? 0 : HTTP_CONNECTIONS_MAX;
  const clientsWanted = service.clientsMax ?? CLIENTS_MAX_DEFAULT;
  const needs = {
    ...descriptors,
    logFiles: logFilesIn(directory),
    peers: peers.size,
    clientsWanted,
    httpWanted,
  };
  const shares = sharesOf(needs);
  if (shares.clientsMax < clientsWanted) {
    const { limit } = descriptors;
    log.warn({ ...shares, clientsWanted, limit }, 'fewer clients than asked for: ulimit -n leaves no more');
  }
  return shares;
}

async function openPort(
  replica: Replica,
  machine: KvStateMachine,
  { redis, service: { tls, aclFile: _, ...limits } }: ServeConfig,
  lines: NetworkLines,
  clientsMax: number | undefined,
): Promise<KvServer | undefined> {
  if (redis === undefined) return undefined;
  const { service } = replica;
  const status = (): KvServerStatus => kvStatus(replica);
  return createKvServer({
    ...limits,
    ...(clientsMax === undefined ? {} : { clientsMax }),
    ...redis,
    ...(tls === undefined ? {} : { tls: readTlsFiles(tls) }),
    onRefused: (remote, { message: reason }) => lines.tell({ event: 'Redis client refused', remote, reason }),
    service,
    status,
    statistics: (nowMs) => machine.statisticsAt(nowMs),
  });
}

async function openHttpPort(
  replica: Replica,
  machine: KvStateMachine,
  server: KvServer | undefined,
  { http, directory, peers, key, tls }: ServeConfig,
  connectionsMax: number | undefined,
): Promise<HttpPort | undefined> {
  if (http === undefined) return undefined;
  const extraMetrics = (): readonly Metric[] => kvMetrics(machine, server);
  const most = connectionsMax === undefined ? {} : { connectionsMax };
  const known = key === undefined ? readClientKey(clusterKeyPath(directory)) : clientKeyOf(key);
  const seal = tls === undefined || tls === true ? tls : { ca: readCertificates(tls.ca) };
  const cluster = { peers, key: known, ...(seal === undefined ? {} : { tls: seal }) };
  return openHttp(replica, { ...http, ...most, directory, extraMetrics, cluster });
}

/** As they are logged. */
function portsOf({ redis, http }: ServeConfig): object {
  return { redis, http: http === undefined ? undefined : formatAddress(http) };
}

/** Reads again what may have changed in files. */
function reload({ tls, service }: ServeConfig, { replica, server }: Served, log: Logger): void {
  const { aclFile } = service;
  replace('certificates', log, () => {
    if (tls !== undefined && tls !== true) replica.useCertificates(readTlsFiles(tls));
    if (service.tls !== undefined) server?.useCertificates(readTlsFiles(service.tls));
  });
  if (aclFile !== undefined) replace('users', log, () => server?.useUsers(readAclFile(aclFile)));
}

function replace(what: string, log: Logger, action: () => void): void {
  try {
    action();
    log.info(`read again: ${what}`);
  } catch (error) {
    log.error({ err: error }, 'what was in use stays: the files cannot be used');
  }
}

/** What a person is to look at; that a peer is away is said elsewhere. */
function isOdd({ event, error }: TransportDiagnostic): boolean {
  if (event === 'dial-failed') {
    const { code, cause } = (error ?? {}) as Partial<IndelibleError>;
    return (
      code !== ErrorCode.network || MISPLACED.has(String((cause as { code?: unknown } | undefined)?.code))
    );
  }
  return event === 'refused' || event === 'malformed' || event === 'client-lost';
}

/** An address that leads nowhere; one where nobody listens yet is no more than a peer that is not there. */
const MISPLACED: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** Turns what the replica says of itself into log lines and messages. */
function follow(replica: Replica, log: Logger, lines: NetworkLines, ending: Ending): void {
  const sayRole = (role: Role, ballot: Ballot, leader: ReplicaId): void => {
    log.info({ role, ballot: formatBallot(ballot), leader }, 'role');
    tell({ kind: 'role', role, ballot, leader });
  };
  const sayHalted = ({ slot, ordinal, error }: Halt): void => {
    log.error({ slot, command: ordinal, err: error }, 'the state machine throws: the replica is halted');
    tell({ kind: 'halted', slot, command: ordinal, message: error.message });
  };
  replica.on('role', sayRole);
  replica.on('peer', (peer, up) => log.info({ peer }, up ? 'peer up' : 'peer down'));
  replica.on('checkpoint', ({ checkpointId, throughSlot }, lengthBytes, from) =>
    log.info({ checkpointId, throughSlot, lengthBytes, from }, 'checkpoint'),
  );
  replica.on('checkpointProblem', (problem) => {
    if (problem === undefined) log.info('checkpoints can be written again');
    else log.warn(problem, 'no checkpoint can be written');
  });
  replica.on('disk', (status) => {
    const isWell = status.state === 'ok';
    log[isWell ? 'info' : 'warn'](status, isWell ? 'the disk has room again' : 'the disk fills up');
    // The log may be on that very disk.
    tell({ kind: 'disk', ...status });
  });
  replica.on('transfer', (event) => {
    const isOdd = event.what === 'overtaken' || event.what === 'given up';
    log[isOdd ? 'warn' : 'info'](event, 'state transfer');
  });
  replica.on('damage', ({ reason, votes, uncertain }) =>
    log.warn({ reason, votes: votes.length, uncertain }, 'damage found in the log'),
  );
  replica.on('clock', ({ isOff, aheadMs }) => {
    const text = isOff ? 'the clock of this machine is off' : 'the clock of this machine is right again';
    log[isOff ? 'warn' : 'info']({ aheadMs }, text);
  });
  replica.on('halted', (halt) => {
    if (halt === undefined) return log.info('the state machine goes on');
    sayHalted(halt);
  });
  replica.on('failure', (error) => ending.reach(error));
  subscribe('indelible:transport', (message) => {
    const { event, remote, peer, error } = message as TransportDiagnostic;
    const line = { event, remote, peer, reason: error?.message };
    if (isOdd(message as TransportDiagnostic)) lines.tell(line);
    else log.debug(line, event);
  });
  // What happened before anybody could listen.
  const { role, ballot, leader, failure, halted } = replica.status();
  const [round, owner] = ballot.split('.').map(Number);
  if (leader !== 0) sayRole(role, ballotOf(round ?? 0, owner ?? 0), leader);
  if (halted !== undefined) sayHalted({ ...halted, ordinal: halted.command, error: new Error(halted.error) });
  if (failure !== undefined) ending.reach(new IndelibleError(ErrorCode.stopped, failure));
}

function kvStatus(replica: Replica): KvServerStatus {
  const status = replica.status();
  return {
    replicaId: status.replicaId,
    role: status.role,
    leaderId: status.leader,
    replicas: status.members.length,
    chosenSlot: status.learnedThrough,
    appliedSlot: status.appliedThrough,
    durability: status.durability,
  };
}

/** The systemd that started it; a replica of `cluster` is that one's, and systemd knows nothing of it. */
function managerOf(log: Logger): ServiceManager | undefined {
  if (process.connected !== undefined) return undefined;
  return serviceManagerOf(process.env, process.pid, (error) =>
    log.warn({ err: error }, 'systemd cannot be told of this replica: systemd-notify fails'),
  );
}

function tell(message: FromReplica): void {
  if (process.connected === true) process.send?.(message);
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : 'ERR_UNEXPECTED';
}

/** The one moment at which the process is to end, and why. */
class Ending {
  readonly reached: Promise<Error | undefined>;
  onReload: () => void = () => {};
  #onPeers: ((peers: string) => void) | undefined;
  /** What was told while nobody listened yet. */
  #peers: string | undefined;
  #resolve: (failure: Error | undefined) => void = () => {};

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    process.on('SIGTERM', this.#onSignal);
    process.on('SIGINT', this.#onInterrupt);
    process.on('SIGHUP', this.#onHangUp);
    process.on('message', this.#onMessage);
    process.on('disconnect', this.#onSignal);
    // The supervisor may have ended while this process was being loaded; started by hand there is none.
    if (process.connected === false) this.reach(undefined);
  }

  reach(failure: Error | undefined): void {
    this.#resolve(failure);
  }

  set onPeers(listener: (peers: string) => void) {
    this.#onPeers = listener;
    if (this.#peers !== undefined) listener(this.#peers);
  }

  /** Lets the process end: a listener on the channel would keep it alive. */
  release(): void {
    process.off('SIGTERM', this.#onSignal);
    process.off('SIGINT', this.#onInterrupt);
    process.off('SIGHUP', this.#onHangUp);
    process.off('message', this.#onMessage);
    process.off('disconnect', this.#onSignal);
    if (process.connected === true) process.disconnect();
  }

  readonly #onSignal = (): void => this.reach(undefined);

  /** Ctrl-C reaches the whole process group; a supervisor then stops its replicas itself. */
  readonly #onInterrupt = (): void => {
    if (process.connected !== true) this.reach(undefined);
  };

  /** A supervisor hears of it too, and then stops its replicas, or has them read again. */
  readonly #onHangUp = (): void => {
    if (process.connected === true) return;
    if (isUnderNohup() || hasNoTerminal()) this.onReload();
    else this.reach(undefined);
  };

  readonly #onMessage = (message: unknown): void => {
    const told = message as ToReplica;
    if (told.kind === 'stop') this.reach(undefined);
    else if (told.kind === 'reload') this.onReload();
    else if (this.#onPeers === undefined) this.#peers = told.peers;
    else this.#onPeers(told.peers);
  };
}
