/**
 * The host: runs one core against a clock, a storage, a transport and a state machine, effects in order.
 *
 * Everything that arrives together is taken together, then `turn` runs once (turns.ts says when):
 *
 * 1. what waits is proposed, and the accepts leave (before this replica's own fence: its vote counts later);
 * 2. the turn's votes and promises are committed as one group (one call into C++);
 * 3. what was held back for their durability leaves (contract 5);
 * 4. learned slots are applied and their requesters answered (contracts 16, 17);
 * 5. reads whose slot is applied are served.
 *
 * After any failure of storage or contract the host stops, says why, and does nothing more. Where the state
 * machine throws at a command only the state halts: the replica votes, and may lead, and serves nobody.
 */
import { described } from '../callbacks.js';
import { ErrorCode, IndelibleError } from '../errors.js';
import { NO_BALLOT } from '../paxos/ballot.js';
import type { Effects } from '../paxos/effects.js';
import type { Message } from '../paxos/messages.js';
import type { CoreOptions } from '../paxos/options.js';
import { ReplicaCore } from '../paxos/replica.js';
import type { Runtime, Timer } from '../runtime.js';
import type { FoundDamage, Storage } from '../storage/storage.js';
import type { Transport, TransportEvents } from '../transport/transport.js';
import type { Ballot, Configuration, ReplicaId } from '../types.js';
import { Applying } from './applying.js';
import { Changing } from './changing.js';
import { CheckpointEffects } from './checkpoint-effects.js';
import type { CheckpointProblem } from './checkpoint-writer.js';
import type { Checkpoints } from './checkpoints.js';
import { CoreEffects } from './core-effects.js';
import { hasItsDigests } from './digests.js';
import type { DiskWatch } from './disk.js';
import { Executor, type Halt, haltedError } from './executor.js';
import type { Forwarder } from './forwarder.js';
import { Groups } from './groups.js';
import type { Grows } from './growth.js';
import { handOverTo } from './handing-over.js';
import type { HostEvents } from './host-events.js';
import type { LocalReads } from './local-reads.js';
import { mayGrow } from './machine-calls.js';
import type { MemberAddresses } from './member-addresses.js';
import type { MembersChange } from './members-change.js';
import { type Load, Meters } from './meters.js';
import { type Tuning, timingOf } from './options.js';
import { Outbox } from './outbox.js';
import { Placing } from './placing.js';
import { checkCall } from './requests.js';
import { Scrubber } from './scrubber.js';
import type { Requester, Service } from './service.js';
import type { Lines } from './sessions/lines.js';
import type { SessionTable } from './sessions/session-table.js';
import type { SessionTerms } from './sessions/session-terms.js';
import type { Skip } from './skip-record.js';
import { Skipping } from './skipping.js';
import type { Stall } from './stall.js';
import { StandingBack } from './standing-back.js';
import { digestOfAll } from './state-image.js';
import type { StateMachine } from './state-machine.js';
import { Steps } from './steps.js';
import { TimeKeeping } from './time-keeping.js';
import type { TransferStatus } from './transfers.js';
import { Turns } from './turns.js';
import { Watch } from './watch.js';

export interface HostParts {
  readonly storage: Storage;
  readonly checkpoints: Checkpoints;
  readonly disk: DiskWatch;
  readonly transport: Transport;
  readonly forwarder: Forwarder;
  readonly machine: StateMachine;
  readonly sessions: SessionTable;
  /** In force at the start. */
  readonly configuration: Configuration;
  readonly addresses: Pick<MemberAddresses, 'configured'>;
  readonly tuning: Tuning;
  readonly events: HostEvents;
  readonly runtime: Runtime;
}

export class Host implements Service, TransportEvents {
  readonly core: ReplicaCore;
  /** What the core is given. */
  readonly effects: Effects;
  readonly executor: Executor;
  readonly scrubber: Scrubber;
  readonly meters: Meters;
  readonly time: TimeKeeping;
  private readonly parts: HostParts;
  private readonly placing: Placing;
  private readonly applying: Applying;
  private readonly skipping: Skipping;
  private readonly changing: Changing;
  private readonly outbox: Outbox;
  private readonly groups: Groups;
  private readonly standingBack: StandingBack;
  private readonly forCheckpoints: CheckpointEffects;
  private readonly turns: Turns;
  private readonly watch: Watch;
  private timer: Timer | undefined;
  private readonly steps = new Steps();
  private stopped: Error | undefined;
  /** Set from the moment it is to be closed: it takes nothing more. */
  private closing: Error | undefined;

  constructor(parts: HostParts) {
    const { storage, checkpoints, tuning, configuration, transport, runtime } = parts;
    this.parts = parts;
    this.meters = new Meters(() => runtime.monotonicMs());
    this.turns = new Turns(() => this.guard(this.turn), runtime, this.meters.turn);
    this.executor = new Executor(parts.machine, checkpoints.base, parts.sessions);
    const { forwarder } = parts;
    const { batchBytesMax } = storage;
    this.time = new TimeKeeping({
      self: storage.identity.replicaId,
      configuration,
      boundMs: tuning.clockBoundMs,
      runtime,
      send: (to, message) => transport.send(to, message),
      news: (news) => parts.events.clock(news),
    });
    const { executor, meters } = this;
    const { clock } = this.time;
    const grows: Grows = (bytes, start, end) => mayGrow(parts.machine, bytes, start, end);
    executor.answered = (proposedMs, commands) => meters.answered(proposedMs, commands);
    this.placing = new Placing({ executor, forwarder, tuning, batchBytesMax, runtime, clock, meters, grows });
    this.groups = new Groups(storage, tuning.unloggedBytesMax, this.meters);
    this.outbox = new Outbox((to, message) => transport.send(to, message));
    this.scrubber = new Scrubber(storage, tuning.scrubBytesPerSecond, (damage) => this.damaged(damage));
    this.standingBack = new StandingBack(parts.disk, tuning.storageStallMs);
    this.watch = new Watch(tuning.watchMs, runtime);
    const { groups, outbox, placing, standingBack } = this;
    this.effects = new CoreEffects({
      ...parts,
      ...{ groups, outbox, placing, standingBack, meters, time: this.time },
      stampMs: () => executor.timeMs,
      hangUp: (from, what) => this.hangUp(from, what),
      configured: (configuration, cookie) => {
        this.steps.afterwards(() => this.guard(() => this.configured(configuration, cookie)));
      },
    });
    const { recovered } = storage;
    const memory = { ...recovered, voting: recovered.outcome !== 'lost' };
    this.core = new ReplicaCore(coreOptionsOf(parts), memory, this.effects);
    const { core } = this;
    this.forCheckpoints = new CheckpointEffects({
      ...parts,
      ...{ core, executor, meters },
      guard: (step) => this.guard(step),
      requestTurn: () => this.requestTurn(),
      fail: (error) => this.fail(error),
    });
    this.applying = new Applying({
      core,
      executor,
      checkpoints,
      goesOn: () => this.stopped === undefined && this.closing === undefined,
      halted: (halt) => this.halted(halt),
    });
    const { tickMs, requestTimeoutMs: timeoutMs } = tuning;
    this.skipping = new Skipping({
      core,
      executor,
      tickMs,
      timeoutMs,
      propose: (skip) => placing.proposeSkip(core, skip),
    });
    const drawCookie = (): string => Math.floor(runtime.random() * 2 ** 53).toString(36);
    this.changing = new Changing({ core, tickMs, timeoutMs, drawCookie });
    storage.onDurable = (item) => this.durable(item);
    storage.onFailure = (error) => this.fail(error);
  }

  /** A replica that has stopped does not lead, whatever its core would do. */
  get leads(): boolean {
    return this.stopped === undefined && this.core.role === 'leader';
  }
  /** Who leads, as far as is known here; 0 for nobody. */
  get leader(): ReplicaId {
    return this.leads || this.core.leader !== this.core.self ? this.core.leader : 0;
  }
  /** The ballot at which it leads; 0 if it does not. */
  get lead(): Ballot {
    return this.leads ? this.core.ballot : NO_BALLOT;
  }
  /** Whether its store keeps up. */
  get stall(): Stall {
    return this.standingBack.stall;
  }
  /** Why it has stopped; undefined while it runs. */
  get failure(): Error | undefined {
    return this.stopped;
  }
  /** Where the state machine has thrown; undefined while it goes on. */
  get halt(): Halt | undefined {
    return this.executor.halt;
  }
  /** What keeps checkpoints from being written or taken; undefined if nothing does. */
  get checkpointTrouble(): CheckpointProblem | undefined {
    return this.parts.checkpoints.problem;
  }
  /** What waits, is under way, or was refused, in numbers. */
  get load(): Load {
    const { placing, executor, groups } = this;
    return {
      waitingCommandBytes: placing.submissions.bytes,
      waitingQueryBytes: placing.queries.bytes,
      openSlots: executor.pendingSlots,
      unpersistedBytes: groups.backlog.bytes,
      queries: placing.queries.answered,
      outcomes: executor.outcomes.counts,
    };
  }
  /** What is asked here goes to its slots, or to the leader, as requests of these. */
  get lines(): Lines {
    return this.placing.lines;
  }
  /** Reads from the state here. @throws ERR_INDELIBLE_STOPPED, _HALTED */
  get reads(): LocalReads {
    this.mustServe();
    return this.placing.localReads;
  }
  get transfers(): TransferStatus {
    return this.parts.checkpoints.transferStatus;
  }
  /** The state's digest; undefined where the machine gives none, throws instead, or is half way through. */
  get stateDigest(): string | undefined {
    if (this.halt !== undefined) return undefined;
    try {
      return digestOfAll(this.parts, this.executor.appliedThrough);
    } catch {
      return undefined;
    }
  }

  /** Starts the clock and hands over what the log itself knows to be chosen. */
  async start(): Promise<void> {
    this.guard(() => {
      this.core.start();
      this.applying.run();
    });
    this.parts.checkpoints.start(this.forCheckpoints);
    if (this.stopped !== undefined) throw this.stopped;
    await this.parts.transport.start(this);
    const { runtime, tuning } = this.parts;
    this.timer = runtime.every(tuning.tickMs, () => this.guard(() => this.tick()));
  }

  /**
   * Stops taking part, once the step that is under way is over. What has no outcome yet gets *unknown* or
   * *not executed*, before the promise resolves.
   */
  stop(): Promise<void> {
    this.closing ??= new IndelibleError(ErrorCode.stopped, 'the replica is closed');
    return new Promise((resolve) => {
      this.steps.afterwards(() => {
        this.guard(() => {
          this.core.handOver();
          this.parts.transport.flush();
        });
        this.stopped ??= this.closing;
        this.end();
        resolve();
      });
    });
  }

  /** Resolves when a checkpoint of the state as it is now, or of a later one, is durable. */
  async checkpoint(): Promise<void> {
    this.mustServe();
    // What is learned may be about to be applied, or be under way in the caller.
    return this.parts.checkpoints.ask(this.core.learner.learnedThrough);
  }

  /** As Replica.skip. */
  async skip(skip: Skip): Promise<void> {
    this.mustRun();
    return this.skipping.ask(skip);
  }

  /** As Replica.changeMembers. */
  async changeMembers(change: MembersChange): Promise<Configuration> {
    this.mustRun();
    const made = this.changing.ask(change);
    this.requestTurn();
    return made;
  }

  /** @throws ERR_INDELIBLE_NOT_EXECUTED: that replica cannot be asked to lead; ERR_INDELIBLE_STOPPED */
  handOverTo(heir: ReplicaId): void {
    this.mustRun();
    handOverTo(this.core, heir);
    this.requestTurn();
  }

  checkpointsSettled(): Promise<void> {
    return this.parts.checkpoints.settled();
  }

  // Service: how front ends, clients and the library submit.

  submit(
    requester: Requester,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    checkCall(requester, first, count, bytes, start, end);
    this.mustServe();
    return this.placing.submit(requester, first, count, bytes, start, end);
  }

  submitFor(
    requester: Requester,
    first: number,
    count: number,
    body: Uint8Array,
    terms: SessionTerms | undefined,
  ): boolean {
    this.mustServe();
    return this.placing.submitFor(requester, first, count, body, terms);
  }

  query(
    requester: Requester,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    checkCall(requester, first, count, bytes, start, end);
    this.mustServe();
    return this.placing.query(requester, first, count, bytes, start, end);
  }

  abandon(requester: Requester): void {
    this.placing.abandon(requester);
  }

  flush(): void {
    if (this.stopped === undefined) this.turns.soon();
  }

  // TransportEvents: what peers say.

  message(from: ReplicaId, message: Message): void {
    this.guard(() => {
      if (message.type === 'checkpointFetch' || message.type === 'checkpointChunk') {
        this.parts.checkpoints.receive(from, message);
      } else if (message.type === 'clock' || message.type === 'clocked') {
        this.time.receive(from, message, this.core.leader);
      } else if (hasItsDigests(message)) {
        this.core.receive(from, message);
      } else {
        this.hangUp(from, 'sends a batch that does not have its digest');
      }
    });
  }

  settled(): void {
    if (this.stopped === undefined) this.turns.inputEnded();
  }

  peerUp(peer: ReplicaId): void {
    this.guard(() => this.parts.checkpoints.peerUp(peer));
    this.parts.forwarder.peer(peer, true);
    this.parts.events.peer(peer, true);
  }

  peerDown(peer: ReplicaId, isEnded: boolean): void {
    this.guard(() => {
      this.parts.checkpoints.peerDown(peer);
      if (isEnded) this.core.linkEnded(peer);
    });
    this.parts.forwarder.peer(peer, false);
    this.parts.events.peer(peer, false);
    if (isEnded) this.requestTurn();
  }

  roomAgain(peer: ReplicaId): void {
    this.guard(() => {
      this.core.roomAgain(peer);
      this.parts.checkpoints.roomAgain(peer);
    });
    this.requestTurn();
  }

  /**
   * Stops for good: nothing goes on after a failed persist, a broken contract or a throwing state machine.
   * Clients hear what became of their requests, and everybody that this replica is gone.
   */
  fail(error: Error): void {
    if (this.stopped !== undefined) return;
    this.stopped = error;
    this.steps.afterwards(() => {
      this.end();
      // It cannot fail, and Replica.close waits for it.
      void this.parts.transport.close();
      this.parts.events.failure(error);
    });
  }

  /** Nothing happens any more by itself, and everybody who still waits hears. */
  private end(): void {
    this.timer?.cancel();
    this.placing.end();
    const error = new IndelibleError(ErrorCode.stopped, 'the replica has stopped');
    this.skipping.stop(error);
    this.changing.stop(error);
    this.parts.checkpoints.stop();
  }

  /** A peer that says what nobody can mean loses its connection, and is told of with the reason. */
  private hangUp(from: ReplicaId, what: string): void {
    this.parts.transport.hangUp(from, new IndelibleError(ErrorCode.frame, `replica ${from} ${what}`));
  }

  private mustRun(): void {
    const cause = this.stopped ?? this.closing;
    if (cause === undefined) return;
    throw new IndelibleError(ErrorCode.stopped, `the replica has stopped: ${cause.message}`, { cause });
  }

  private mustServe(): void {
    this.mustRun();
    if (this.halt !== undefined) throw haltedError(this.halt);
  }

  private requestTurn(): void {
    if (this.stopped === undefined) this.turns.request();
  }

  private readonly turn = (): void => {
    const { transport, forwarder } = this.parts;
    this.watch.turnBegins();
    if (this.halt === undefined) this.placing.place(this.core);
    else this.placing.refuse(this.core);
    this.core.settle();
    transport.flush();
    this.groups.commit(this.core);
    if (this.stopped !== undefined) return;
    // Applying a large slot takes longer than a round trip: answers for votes do not wait for it.
    transport.flush();
    this.applying.run();
    if (this.halt === undefined) this.placing.serve();
    else this.placing.refuse(this.core);
    this.placing.wakeStalled();
    transport.flush();
    forwarder.flush();
    const goesOn = this.halt === undefined && this.placing.canGoOn(this.core);
    if (goesOn || this.core.acceptor.stagedThrough > this.groups.committed) this.requestTurn();
    // A disk of its own to wait for takes longer than any watch.
    if (this.leads && this.groups.areDurable) this.watch.turnEnded();
  };

  /** Runs a step that came in from outside; what it throws stops the replica. */
  private guard(step: () => void): void {
    if (this.stopped !== undefined) return;
    this.steps.run(() => {
      try {
        step();
      } catch (error) {
        this.fail(error instanceof Error ? error : new Error(described(error)));
      }
    });
  }

  /** Others are the members from now on, here: links, clocks, and who has asked for it. */
  private configured(configuration: Configuration, cookie: string | undefined): void {
    // What was said to those who leave is queued by now.
    this.parts.addresses.configured(configuration);
    this.parts.transport.configured(configuration);
    this.time.configured(configuration);
    this.changing.configured(configuration);
    this.parts.events.members(configuration, cookie);
    this.requestTurn();
  }

  private halted(halt: Halt | undefined): void {
    if (halt !== undefined) this.parts.checkpoints.halted(halt.error);
    this.parts.events.halted(halt);
    this.requestTurn();
  }

  private tick(): void {
    const nowMs = this.parts.runtime.monotonicMs();
    this.meters.ticked(nowMs, this.parts.tuning.tickMs);
    this.core.tick();
    this.applying.run();
    this.parts.checkpoints.tick(this.forCheckpoints);
    this.scrubber.tick(nowMs);
    this.parts.disk.tick(nowMs);
    this.standingBack.stall.look(nowMs, this.groups.committed, this.parts.storage.durableThrough);
    this.skipping.tick();
    this.changing.tick();
    this.standingBack.tick(this.core, this.leads, this.halt);
    this.time.tick(nowMs, this.executor.timeMs);
    this.placing.tick(this.core, nowMs);
    this.parts.events.ticked(nowMs);
    this.requestTurn();
  }

  private damaged(found: FoundDamage): void {
    this.guard(() => {
      this.core.damaged(found.votes, found.uncertain);
      this.parts.events.damage(found);
    });
    this.requestTurn();
  }

  private durable(item: number): void {
    this.guard(() => {
      this.groups.durable(item);
      this.outbox.release(item);
      this.core.durable(item);
    });
    // A store that answers later needs a turn of its own.
    if (!this.groups.isCommitting) this.requestTurn();
  }
}

function coreOptionsOf({ storage, checkpoints, configuration, tuning, runtime }: HostParts): CoreOptions {
  const { through, chain, governing } = checkpoints.base;
  return {
    self: storage.identity.replicaId,
    configuration,
    configurationAbove: governing.above,
    timing: timingOf(tuning),
    windowSlots: tuning.windowSlots,
    windowBytes: tuning.windowBytes,
    unloggedBytesMax: tuning.unloggedBytesMax,
    checkpointThrough: through,
    checkpointChain: chain,
    random: () => runtime.random(),
  };
}
