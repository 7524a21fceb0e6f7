/**
 * A replica: what a program embeds. It opens its store, joins its peers, and offers its state machine as a
 * replicated one.
 */
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import type { Metric } from '../observe/metric.js';
import { nodeRuntime } from '../runtime.js';
import type { Sockets } from '../transport/sockets.js';
import { CertificateSockets, replicaSockets, type TlsCertificates } from '../transport/tls.js';
import type { Configuration, DurabilityClass, Identity, Member, ReplicaId, Slot } from '../types.js';
import { abortable } from './abortable.js';
import { announce } from './announcements.js';
import { type Assembly, type AssemblyOptions, assemble, THIS_PROCESS } from './assembly.js';
import { checkConsistency, type ReadOptions } from './consistency.js';
import type { Host } from './host.js';
import type { HostEvents } from './host-events.js';
import { keysOf } from './keys.js';
import { leaderKnown, type WaitOptions } from './leader-wait.js';
import { type Leadership, Leads } from './leads.js';
import { SafeEmitter } from './listeners.js';
import { checkMachine } from './machine-calls.js';
import type { MembersChange } from './members-change.js';
import { outcomeError } from './outcome-error.js';
import { Pledges } from './pledges.js';
import type { ReplicaEvents } from './replica-events.js';
import type { ReplicaOptions } from './replica-options.js';
import { checkBytes, checkLength } from './requests.js';
import { Outcome, type RequestOptions, type Service } from './service.js';
import { openSession } from './sessions/held-session.js';
import type { Session, SessionOptions } from './sessions/session.js';
import type { ReplicaStatus } from './status.js';
import { type OpenStore, openStore } from './store.js';
import { type Trace, Tracing } from './tracing.js';

const TRACES_MAX = 1000;
/** Of who gives no signal. */
const NEVER: AbortSignal = new AbortController().signal;

/** One member of a cluster, in this process: its log, its state machine, its connections to the others. */
export class Replica extends SafeEmitter<ReplicaEvents> {
  /** Which cluster, which member, which store this is. */
  readonly identity: Identity;
  /** What the acceptor log of this replica survives. */
  readonly durability: DurabilityClass;
  private readonly host: Host;
  private readonly store: OpenStore;
  private readonly sockets: Sockets;
  private readonly parts: Assembly;
  private readonly pledges: Pledges;
  private readonly leads: Leads;
  private closing: Promise<void> | undefined;
  private readonly leaderWaits = new Set<() => void>();
  private lastStatus: ReplicaStatus | undefined;
  private lastMetrics: readonly Metric[] | undefined;
  private tracing: Tracing | undefined;

  /**
   * Opens the store, restores the state, joins the peers. The replica serves when this resolves; it may take
   * an election until anybody leads.
   * @throws ERR_INDELIBLE_STORE_*, ERR_INDELIBLE_NETWORK, ERR_INDELIBLE_NATIVE_MISSING; RangeError for
   * options; the signal's reason
   *
   * @example A cluster of one replica; docs/embedding.md has one of three.
   * ```ts
   * import { randomBytes } from 'node:crypto';
   * import { mkdtempSync } from 'node:fs';
   * import { tmpdir } from 'node:os';
   * import { type CommandView, formatStore, newClusterKey, Replica, type ResultWriter } from 'indelible';
   *
   * class Counter {
   *   value = 0;
   *   execute(command: CommandView, result: ResultWriter) {
   *     this.value += Number(command.text());
   *     result.writeText(String(this.value));
   *   }
   *   query(_query: CommandView, result: ResultWriter) {
   *     result.writeText(String(this.value));
   *     return true;
   *   }
   *   checkpoint() {
   *     return [Buffer.from(String(this.value))];
   *   }
   *   restore(chunks: Iterable<Uint8Array>) {
   *     this.value = Number(Buffer.concat([...chunks]).toString());
   *   }
   * }
   *
   * const hex = () => randomBytes(16).toString('hex');
   * const directory = mkdtempSync(`${tmpdir()}/counter-`);
   * const storage = { mode: 'emulated' } as const;
   * const identity = { clusterId: hex(), replicaId: 1, storeUuid: hex() };
   * const configuration = { number: 1, members: [{ id: 1, storeUuid: identity.storeUuid }] };
   * const shape = { identity, logBytes: 16 << 20, recordBytesMax: 1 << 20 };
   * await formatStore(directory, storage, shape, configuration, newClusterKey()); // once
   *
   * const replica = await Replica.open({
   *   directory,
   *   storage,
   *   listen: '127.0.0.1:0',
   *   peers: new Map(),
   *   stateMachine: new Counter(),
   * });
   * console.log(Buffer.from(await replica.propose(Buffer.from('7'))).toString()); // 7
   * await replica.close();
   * ```
   */
  static async open(options: ReplicaOptions): Promise<Replica> {
    const { directory, storage, stateMachine, storeUuid, signal } = options;
    checkMachine(stateMachine);
    signal?.throwIfAborted();
    const store = await openStore(directory, storage, storeUuid);
    const replica = await Replica.start(options, store);
    if (signal?.aborted !== true) return replica;
    await replica.close();
    throw signal.reason;
  }

  /** Over an open store, which is closed again if that fails. */
  private static async start(options: ReplicaOptions, store: OpenStore): Promise<Replica> {
    try {
      options.signal?.throwIfAborted();
      const keys = keysOf(options);
      const sockets = replicaSockets(options.tls, keys);
      const replica = new Replica({ ...options, keys }, store, sockets);
      await replica.host.start();
      return replica;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  private constructor(options: ReplicaOptions & AssemblyOptions, store: OpenStore, sockets: Sockets) {
    super();
    const { log } = store;
    this.store = store;
    this.sockets = sockets;
    this.identity = log.identity;
    this.durability = log.durability;
    const events: HostEvents = {
      role: (role, ballot, leader) => {
        this.tell('role', role, ballot, leader);
        this.tellLeaderWaits();
        this.leads.look();
      },
      peer: (peer, up) => this.tell('peer', peer, up),
      checkpoint: (meta, lengthBytes, from) => this.tell('checkpoint', meta, lengthBytes, from),
      checkpointProblem: (problem) => this.tell('checkpointProblem', problem),
      disk: (status) => this.tell('disk', status),
      transfer: (event) => this.tell('transfer', event),
      damage: (found) => this.tell('damage', found),
      clock: (news) => this.tell('clock', news),
      halted: (halt) => this.tell('halted', halt),
      members: (configuration, cookie) => this.tell('members', configuration, cookie),
      failure: (error) => {
        this.tell('failure', error);
        this.tellLeaderWaits();
        this.leads.look();
      },
      ticked: (nowMs) => {
        this.pledges.tick(nowMs);
        this.leads.look();
      },
    };
    this.parts = assemble(store, options, events, { ...THIS_PROCESS, sockets });
    this.host = this.parts.host;
    const { host } = this;
    this.leads = new Leads({
      lead: () => host.lead,
      appliedThrough: () => host.executor.appliedThrough,
      recoveredThrough: () => host.core.proposer.recoveredThrough,
      isStopped: () => this.closing !== undefined || host.failure !== undefined,
    });
    this.pledges = new Pledges(this.host, this.parts.tuning);
    announce(this, log);
  }

  /** The configuration in force, as far as this replica knows: its number, and the members. */
  get configuration(): Configuration {
    return this.host.core.configurations.quorum.configuration;
  }

  /** The members of the configuration in force. */
  get members(): readonly Member[] {
    return this.configuration.members;
  }

  /** Where this replica really listens (a port of 0 has been chosen by now). */
  get address(): string {
    return this.parts.transport.address;
  }

  /** Why the replica has stopped; undefined while it runs. */
  get failure(): Error | undefined {
    return this.host.failure;
  }

  /** The batch form: commands and queries without an object or a Promise for each. */
  get service(): Service {
    return this.host;
  }

  /**
   * Executes one command on the replicated state machine, on any replica: a follower forwards.
   * @returns the state machine's result, once the command is chosen, durable at a quorum and applied.
   * @throws ERR_INDELIBLE_NOT_EXECUTED: it never will be. ERR_INDELIBLE_UNKNOWN: it may have been, or yet be.
   *   ERR_INDELIBLE_HALTED, _COMMAND_TOO_LARGE, _STOPPED; ERR_INDELIBLE_SKIPPED: the state machine throws at
   *   it.
   *
   * @example
   * ```ts
   * try {
   *   const result = await replica.propose(Buffer.from('add 2'), { signal: AbortSignal.timeout(10_000) });
   *   console.log(Buffer.from(result).toString()); // 2
   * } catch (error) {
   *   if (!(error instanceof IndelibleError)) throw error;
   *   if (error.code === ErrorCode.notExecuted) console.log('it was not executed: send it again');
   *   if (error.code === ErrorCode.unknown) console.log('it may have been executed: look first');
   * }
   * ```
   */
  propose(command: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    return this.pledges.propose(command, options.signal);
  }

  /**
   * Answers a query, on any replica, from a state that is as new as `consistency` says: by default one that
   * holds everything answered before this call. See {@link Consistency}.
   * @throws (by rejection) ERR_INDELIBLE_NOT_EXECUTED if no leader could be asked or the state machine
   *   declined; ERR_INDELIBLE_STALE if this replica's state was not so new within the request timeout;
   *   ERR_INDELIBLE_STATE_MACHINE if that threw; ERR_INDELIBLE_HALTED, _STOPPED; TypeError, RangeError
   *
   * @example
   * ```ts
   * await replica.propose(Buffer.from('add 2'));
   * const value = await replica.read(Buffer.from(''));
   * console.log(Buffer.from(value).toString()); // 2
   *
   * // A state of one second ago at most: asks the leader once a second at most.
   * await replica.read(Buffer.from(''), { consistency: { maxStalenessMs: 1000 } });
   * ```
   */
  async read(
    query: Uint8Array,
    { consistency = 'linearizable', signal }: ReadOptions = {},
  ): Promise<Uint8Array> {
    checkConsistency(consistency);
    if (consistency === 'linearizable') return await this.pledges.read(query, signal);
    checkBytes(query);
    checkLength(query.length, this.parts.tuning.commandBytesMax);
    const answer = this.host.reads.read(query, consistency);
    this.host.flush();
    return await abortable(answer, signal, (cause) => outcomeError(Outcome.notExecuted, cause));
  }

  /**
   * Resolves when this replica has applied everything that was answered before this call, by whatever
   * replica, with a slot that it has applied by then: what any replica answers with
   * `{ consistency: { atLeast: slot } }` is no older.
   * @throws (by rejection) ERR_INDELIBLE_STALE if no leader could be asked, or this replica lags, for longer
   *   than the request timeout; ERR_INDELIBLE_NOT_EXECUTED after the signal, whose reason is the `cause`;
   *   ERR_INDELIBLE_HALTED, _STOPPED
   *
   * @example
   * ```ts
   * await replica.propose(Buffer.from('add 2'));
   * const slot = await replica.readBarrier();
   * // Later, on any replica: never older than that.
   * const value = await replica.read(Buffer.from(''), { consistency: { atLeast: slot } });
   * console.log(Buffer.from(value).toString()); // 2
   * ```
   */
  async readBarrier({ signal }: RequestOptions = {}): Promise<Slot> {
    const reached = this.host.reads.barrier();
    this.host.flush();
    return await abortable(reached, signal, (cause) => outcomeError(Outcome.notExecuted, cause));
  }

  /**
   * Opens a session, or goes on with one: what is proposed in it is executed once, in order, and asked for
   * again until there is an answer. Resolves when the cluster has it, which takes a leader and one command.
   * @throws (by rejection) the signal's reason; RangeError with ERR_INDELIBLE_ARGUMENT; ERR_INDELIBLE_STOPPED
   *
   * @example
   * ```ts
   * const session = await replica.session();
   * const value = await session.propose(Buffer.from('add 2'));
   * console.log(Buffer.from(value).toString()); // 2
   * session.close();
   * ```
   */
  session(options: SessionOptions = {}): Promise<Session> {
    const { host } = this;
    return openSession({ lines: host.lines, flush: () => host.flush() }, options);
  }

  /**
   * Resolves with the leader's id as soon as this replica knows one; it may be another by then.
   * @throws (by rejection) the signal's reason; ERR_INDELIBLE_STOPPED
   */
  waitForLeader(options: WaitOptions = {}): Promise<ReplicaId> {
    const led = {
      leader: () => this.host.core.leader,
      isStopped: () => this.closing !== undefined || this.failure !== undefined,
      onChange: (callback: () => void) => {
        this.leaderWaits.add(callback);
        return () => this.leaderWaits.delete(callback);
      },
    };
    return leaderKnown(led, options);
  }

  /**
   * Resolves when this replica leads, and has applied everything that was chosen before: with a token for
   * what it does outside, which only rises from lead to lead, and a signal that fires when the lead is lost.
   * Asked again in the same lead it gives the same.
   * @throws (by rejection) the signal's reason; ERR_INDELIBLE_STOPPED
   *
   * @example
   * ```ts
   * const { token, signal } = await replica.leadership();
   * console.log(token > 0, signal.aborted); // true false
   * ```
   */
  leadership(options: WaitOptions = {}): Promise<Leadership> {
    return this.leads.wait(options);
  }

  /**
   * Has the command at `ordinal` of `slot` passed over on every replica, because the state machine throws at
   * it on every replica: an operator's decision, which stays in the log with its reason. For the leader, when
   * it is halted there. Resolves when this replica goes on behind it.
   * @throws (by rejection) TypeError, RangeError with ERR_INDELIBLE_ARGUMENT. ERR_INDELIBLE_NOT_HALTED,
   *   ERR_INDELIBLE_NOT_EXECUTED: nothing is skipped. ERR_INDELIBLE_DIVERGED: nor can it be, for another
   *   replica has executed it. ERR_INDELIBLE_UNKNOWN: it may be skipped yet, as after the signal, whose
   *   reason is the `cause`. ERR_INDELIBLE_STOPPED
   */
  skip(slot: Slot, ordinal: number, reason: string, { signal }: WaitOptions = {}): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    return abortable(this.host.skip({ slot, ordinal, reason }), signal, (cause) => {
      const sentence = 'the wait was ended; the command may still be skipped';
      return new IndelibleError(ErrorCode.unknown, sentence, { cause });
    });
  }

  /**
   * Changes who the members are, in one step, from any set to any other: for the leader. A new member is a
   * learner first, with an id above all that ever were used; one that has caught up may become a voter. It
   * resolves with the new configuration once that is in force here: then a majority of the old voters has the
   * decision durably. Asked again with the same number and members it is the same change.
   *
   * @throws (by rejection) TypeError, RangeError with ERR_INDELIBLE_ARGUMENT. ERR_INDELIBLE_MEMBERS_REFUSED,
   *   _NOT_CAUGHT_UP, _NOT_EXECUTED (it does not lead, or its log has no room): nothing has changed.
   *   ERR_INDELIBLE_UNKNOWN: it may change yet, as after the signal, whose reason is the `cause`.
   *   ERR_INDELIBLE_STOPPED
   *
   * @example Replica 3 leaves.
   * ```ts
   * const { number, members } = replica.configuration;
   * const staying = members.filter(({ id }) => id !== 3);
   * const { number: inForce } = await replica.changeMembers({ number: number + 1, members: staying });
   * console.log(inForce === number + 1); // true
   * ```
   */
  changeMembers(change: MembersChange, { signal }: WaitOptions = {}): Promise<Configuration> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    return abortable(this.host.changeMembers(change), signal, (cause) => {
      const sentence = 'the wait was ended; the members may still change';
      return new IndelibleError(ErrorCode.unknown, sentence, { cause });
    });
  }

  /**
   * Replaces the certificates, for connections opened from now on: those that are open go on.
   * @throws RangeError with ERR_INDELIBLE_ARGUMENT for certificates that cannot be used, and for a replica
   * that was opened without; then nothing changes
   */
  useCertificates(certificates: TlsCertificates): void {
    if (this.sockets instanceof CertificateSockets) return this.sockets.renew(certificates);
    throw argumentError('this replica was opened without certificates: start it with them');
  }

  /** Where members are reached of whom the configuration does not say it. @throws ERR_INDELIBLE_NETWORK */
  usePeers(peers: ReadonlyMap<ReplicaId, string>): void {
    this.parts.addresses.use(peers);
  }

  /** Its status; once it is closed, what that was at the end. */
  status(): ReplicaStatus {
    return this.lastStatus ?? this.parts.status();
  }

  /**
   * Follows `count` commands (1 … 1000), one after the other, that are asked of this replica while it leads:
   * when each was received, proposed, durable, chosen and answered. Nothing is paid while none are followed.
   * @param options a signal ends it, with what was followed by then
   * @throws (by rejection) RangeError for a count out of bounds, and while traces are taken already
   */
  trace(count: number, { signal = NEVER }: RequestOptions = {}): Promise<readonly Trace[]> {
    if (!(Number.isInteger(count) && count >= 1 && count <= TRACES_MAX)) {
      return Promise.reject(argumentError(`1 … ${TRACES_MAX} commands can be followed, not ${count}`));
    }
    this.tracing ??= new Tracing(this.host, this.store.log, nodeRuntime);
    return this.tracing.take(count, signal);
  }

  /**
   * What it measures, as plain numbers since open, for a monitoring of any kind: docs/metrics.md lists names,
   * units and labels. `formatMetrics` makes Prometheus's text of it. Once it is closed, as it was at the end.
   */
  metrics(): readonly Metric[] {
    return this.lastMetrics ?? this.parts.metrics();
  }

  /**
   * Resolves when a checkpoint of the state as it is now, or of a later one, is durable; what it covers is
   * then forgotten.
   * @throws (by rejection) ERR_INDELIBLE_STORE_IO, _STATE_MACHINE or _CHECKPOINT_STALLED, whatever kept it
   * from being written: the replica goes on, tells of it (`checkpointProblem`) and tries again by itself;
   * ERR_INDELIBLE_STOPPED; the signal's reason: the checkpoint is still written
   */
  checkpoint({ signal }: WaitOptions = {}): Promise<void> {
    const written = abortable(this.host.checkpoint(), signal);
    // A caller that does not wait learns of a failure from the event.
    written.catch(() => {});
    return written;
  }

  /**
   * Hands over the lead if it has it, stops, and closes the store in order. Idempotent. Requests without an
   * outcome fail with ERR_INDELIBLE_NOT_EXECUTED or ERR_INDELIBLE_UNKNOWN.
   */
  close(): Promise<void> {
    this.closing ??= this.shutDown();
    this.tellLeaderWaits();
    this.leads.look();
    return this.closing;
  }

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private tellLeaderWaits(): void {
    for (const callback of [...this.leaderWaits]) callback();
  }

  private async shutDown(): Promise<void> {
    await this.host.stop();
    this.pledges.stop();
    await this.parts.transport.close();
    await this.host.checkpointsSettled();
    this.lastStatus = this.parts.status();
    this.lastMetrics = this.parts.metrics();
    await this.store.close();
  }
}
