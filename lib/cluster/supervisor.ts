/**
 * Keeps one process a replica alive: starts them, hears who leads, restarts one that dies, stops them all.
 *
 * 1. A replica has at most one process at a time; a new one starts only after the old one's exit was seen.
 * 2. After `stop` was called none is started any more, and it resolves when none is left.
 * 3. A replica that refuses its store or its ports before the cluster was ever up is not tried again: the
 *    same refusal would follow. `refused` says so, once, and the caller stops the rest.
 * 4. One whose store cannot be used, at the first start or later, is never tried again, and `unusable` says
 *    so, once. The others go on while they are enough; if they are not, that is a refusal.
 * 5. A replica may be admitted later, and dismissed: that ends when it has no process, and gets none again.
 *
 * | state    | meaning                                 | next                                  |
 * |----------|-----------------------------------------|---------------------------------------|
 * | starting | process runs, replica recovers          | ready → ready · exit → waiting        |
 * | ready    | replica listens                         | exit → waiting                        |
 * | waiting  | no process; one starts after a delay    | timer → starting                      |
 * | unusable | no process, none will come: its store   | stop → stopped                        |
 * | stopped  | no process, none will come              |                                       |
 */
import type { ReplicaId } from '../types.js';
import { Backoff } from './backoff.js';
import type {
  DiskChanged,
  Failed,
  FromReplica,
  Halted,
  Ready,
  RoleChanged,
  ToReplica,
} from './process-messages.js';

/** A replica's process, as far as the supervisor knows one. */
export interface ReplicaProcess {
  readonly pid: number | undefined;
  send(message: ToReplica): void;
  kill(): void;
  onMessage: (message: FromReplica) => void;
  /** Called exactly once. `how` is for a person: `exit code 1`, `signal SIGKILL`. */
  onExit: (how: string) => void;
}

export interface SupervisorEvents {
  ready(replica: ReplicaId, message: Ready, isRestart: boolean): void;
  /** A replica leads that did not before. */
  leader(leader: ReplicaId): void;
  died(replica: ReplicaId, how: string, failure: Failed | undefined, restartInMs: number): void;
  /** The process did not stop in time and was killed. */
  killed(replica: ReplicaId): void;
  /** Its state machine has thrown: it goes on, and serves nobody. */
  halted(replica: ReplicaId, halt: Halted): void;
  disk(replica: ReplicaId, disk: DiskChanged): void;
  refused(replica: ReplicaId, failure: Failed): void;
  /** The replica stays out; `remaining` others go on. */
  unusable(replica: ReplicaId, failure: Failed, remaining: number): void;
}

export interface SupervisorOptions {
  readonly replicas: readonly ReplicaId[];
  readonly start: (replica: ReplicaId) => ReplicaProcess;
  readonly events: SupervisorEvents;
  /** Codes after which a first start is not repeated. */
  readonly isRefusal: (code: string) => boolean;
  /** Codes that say that one store cannot be used; `hasRun`: it could, since the supervisor started. */
  readonly isUnusable: (code: string, hasRun: boolean) => boolean;
  /** Whether the cluster can do with these. */
  readonly isEnough: (usable: readonly ReplicaId[]) => boolean;
  /** Milliseconds that `stop` waits before it kills. */
  readonly stopMsMax: number;
  readonly now: () => number;
}

interface Charge {
  readonly id: ReplicaId;
  readonly backoff: Backoff;
  state: 'starting' | 'ready' | 'waiting' | 'unusable' | 'stopped';
  process: ReplicaProcess | undefined;
  startedAt: number;
  starts: number;
  /** It was ready once. */
  hasRun: boolean;
  failure: Failed | undefined;
  timer: NodeJS.Timeout | undefined;
  /** Set once it is dismissed; called when it has no process. */
  onGone: (() => void) | undefined;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  #charges: readonly Charge[];
  #leader: ReplicaId = 0;
  #ballot = 0;
  #stopping = false;
  #wasUp = false;
  #onAllStopped: () => void = () => {};

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#charges = options.replicas.map(newCharge);
  }

  start(): void {
    for (const charge of this.#charges) this.#start(charge);
  }

  /** The replica that leads, as far as any of them said; 0 while none is known. */
  get leader(): ReplicaId {
    return this.#leader;
  }

  /** True once every replica with a store that can be used is ready and one of them leads. */
  get isUp(): boolean {
    return this.#leader !== 0 && this.#usable.every(({ state }) => state === 'ready');
  }

  get #usable(): readonly Charge[] {
    return this.#charges.filter(({ state }) => state !== 'unusable');
  }

  pidOf(replica: ReplicaId): number | undefined {
    return this.#charges.find(({ id }) => id === replica)?.process?.pid;
  }

  /** Asks every replica to close in order, kills what has not after `stopMsMax`. */
  stop(): Promise<void> {
    this.#stopping = true;
    const stopped = new Promise<void>((resolve) => {
      this.#onAllStopped = resolve;
    });
    for (const charge of this.#charges) {
      clearTimeout(charge.timer);
      if (charge.process === undefined) charge.state = 'stopped';
      else this.#askToStop(charge, charge.process);
    }
    this.#settle();
    return stopped;
  }

  /** Tells every replica that runs. */
  tell(message: ToReplica): void {
    for (const { process } of this.#charges) process?.send(message);
  }

  /** Starts one more. */
  admit(replica: ReplicaId): void {
    if (this.#stopping) return;
    const charge = newCharge(replica);
    this.#charges = [...this.#charges, charge];
    this.#start(charge);
  }

  /** Stops one for good; resolves when it has no process. */
  dismiss(replica: ReplicaId): Promise<void> {
    const charge = this.#charges.find(({ id }) => id === replica);
    if (charge === undefined || this.#stopping) return Promise.resolve();
    clearTimeout(charge.timer);
    return new Promise((resolve) => {
      charge.onGone = resolve;
      if (charge.process === undefined) this.#forget(charge);
      else this.#askToStop(charge, charge.process);
    });
  }

  #forget(charge: Charge): void {
    charge.state = 'stopped';
    this.#charges = this.#charges.filter((other) => other !== charge);
    charge.onGone?.();
    this.#settle();
  }

  /** Does not wait for anything to close. What was answered is durable all the same. */
  killAll(): void {
    for (const { process } of this.#charges) process?.kill();
  }

  #askToStop(charge: Charge, process: ReplicaProcess): void {
    process.send({ kind: 'stop' });
    charge.timer = setTimeout(() => {
      this.#options.events.killed(charge.id);
      process.kill();
    }, this.#options.stopMsMax);
  }

  #start(charge: Charge): void {
    const process = this.#options.start(charge.id);
    charge.process = process;
    charge.state = 'starting';
    charge.startedAt = this.#options.now();
    charge.starts += 1;
    charge.failure = undefined;
    process.onMessage = (message) => this.#receive(charge, message);
    process.onExit = (how) => this.#exited(charge, how);
  }

  #receive(charge: Charge, message: FromReplica): void {
    switch (message.kind) {
      case 'ready':
        charge.state = 'ready';
        charge.hasRun = true;
        this.#options.events.ready(charge.id, message, charge.starts > 1);
        break;
      case 'role':
        this.#hearLeader(message);
        break;
      case 'halted':
        this.#options.events.halted(charge.id, message);
        break;
      case 'disk':
        this.#options.events.disk(charge.id, message);
        break;
      case 'failed':
        charge.failure = message;
        break;
    }
    this.#wasUp ||= this.isUp;
  }

  /** The highest ballot names the leader; who knows none, or an older one, is behind. */
  #hearLeader({ leader, ballot }: RoleChanged): void {
    if (leader === 0 || ballot < this.#ballot) return;
    this.#ballot = ballot;
    if (leader === this.#leader) return;
    this.#leader = leader;
    this.#options.events.leader(leader);
  }

  #exited(charge: Charge, how: string): void {
    clearTimeout(charge.timer);
    charge.process = undefined;
    if (this.#leader === charge.id) this.#leader = 0;
    if (charge.onGone !== undefined) return this.#forget(charge);
    const { failure } = charge;
    if (failure !== undefined && !this.#stopping && this.#giveUp(charge, failure)) return;
    const isRefusal = failure !== undefined && !this.#wasUp && this.#options.isRefusal(failure.code);
    if (this.#stopping || isRefusal) {
      charge.state = 'stopped';
      if (isRefusal && !this.#stopping) this.#options.events.refused(charge.id, failure);
      this.#settle();
      return;
    }
    charge.state = 'waiting';
    const delayMs = charge.backoff.next(this.#options.now() - charge.startedAt);
    this.#options.events.died(charge.id, how, failure, delayMs);
    charge.timer = setTimeout(() => this.#start(charge), delayMs);
  }

  /** True if the replica stays out and the others go on. */
  #giveUp(charge: Charge, failure: Failed): boolean {
    if (!this.#options.isUnusable(failure.code, charge.hasRun)) return false;
    charge.state = 'unusable';
    const usable = this.#usable.map(({ id }) => id);
    if (this.#options.isEnough(usable)) {
      this.#options.events.unusable(charge.id, failure, usable.length);
      return true;
    }
    charge.state = 'stopped';
    this.#options.events.refused(charge.id, failure);
    return true;
  }

  #settle(): void {
    if (this.#stopping && this.#charges.every(({ state }) => state === 'stopped')) this.#onAllStopped();
  }
}

function newCharge(id: ReplicaId): Charge {
  return {
    id,
    backoff: new Backoff(),
    state: 'waiting',
    process: undefined,
    startedAt: 0,
    starts: 0,
    hasRun: false,
    failure: undefined,
    timer: undefined,
    onGone: undefined,
  };
}
