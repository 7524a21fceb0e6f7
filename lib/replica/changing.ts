/**
 * A change of members on its way into the log, on the leader that was asked for it. Whether it may be
 * proposed is decided in paxos/reconfiguration.ts.
 *
 * 1. One is under way at a time; the very same one, asked again, is the same change, also when it is made.
 * 2. It is made when the configuration that it names is in force here with its members; another one of that
 *    number means that somebody else's came first.
 * 3. Whoever asked hears what came of it, or when its time is over that nobody knows yet.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { encodeChange, highestIdOf } from '../paxos/configuration-batch.js';
import type { Refusal } from '../paxos/reconfiguration.js';
import type { ReplicaCore } from '../paxos/replica.js';
import { digestOf } from '../storage/crc64.js';
import { BatchKind, type Configuration } from '../types.js';
import { checkChange, hasMembers, type MembersChange } from './members-change.js';

export interface ChangingParts {
  readonly core: Pick<ReplicaCore, 'configurations' | 'leader' | 'proposer' | 'reconfiguration' | 'self'>;
  readonly tickMs: number;
  readonly timeoutMs: number;
  /** A word that nobody else has drawn. */
  readonly drawCookie: () => string;
}

interface Pending {
  readonly change: Required<MembersChange>;
  readonly done: Promise<Configuration>;
  readonly resolve: (configuration: Configuration) => void;
  readonly reject: (error: Error) => void;
  ticks: number;
  isProposed: boolean;
  /** Why it was not proposed so far, if that may pass. */
  held: Refusal;
}

export class Changing {
  private readonly parts: ChangingParts;
  private pending: Pending | undefined;

  constructor(parts: ChangingParts) {
    this.parts = parts;
  }

  /** @throws as Replica.changeMembers */
  ask(asked: MembersChange): Promise<Configuration> {
    checkChange(asked);
    const { configuration } = this.parts.core.configurations.quorum;
    if (configuration.number === asked.number && hasMembers(configuration, asked.members)) {
      return Promise.resolve(configuration);
    }
    if (asked.number <= configuration.number) return Promise.reject(refusalError({ why: 'another change' }));
    if (this.pending !== undefined) return this.join(this.pending, asked);
    const change = { ...asked, cookie: asked.cookie ?? this.parts.drawCookie() };
    let settle: Pick<Pending, 'resolve' | 'reject'> | undefined;
    const done = new Promise<Configuration>((resolve, reject) => {
      settle = { resolve, reject };
    });
    // Whoever does not wait for it sees it in the status.
    done.catch(() => {});
    this.pending = { change, done, ...settle!, ticks: 0, isProposed: false, held: { why: 'not now' } };
    this.tryPropose(this.pending);
    return done;
  }

  /** Another configuration is in force here. */
  configured(configuration: Configuration): void {
    const { pending } = this;
    if (pending === undefined || configuration.number < pending.change.number) return;
    const { number, members } = pending.change;
    if (configuration.number === number && hasMembers(configuration, members)) {
      return this.end((waiting) => waiting.resolve(configuration));
    }
    this.refuse({ why: 'another change' });
  }

  tick(): void {
    const { pending } = this;
    if (pending === undefined) return;
    pending.ticks++;
    if (!pending.isProposed) this.tryPropose(pending);
    const { tickMs, timeoutMs } = this.parts;
    if (this.pending === undefined || pending.ticks * tickMs <= timeoutMs) return;
    const error = pending.isProposed ? unknown() : refusalError(pending.held);
    this.end(({ reject }) => reject(error));
  }

  /** The replica stops: whoever waits hears. */
  stop(error: Error): void {
    this.end(({ reject, isProposed }) => reject(isProposed ? unknown() : error));
  }

  private join(pending: Pending, asked: MembersChange): Promise<Configuration> {
    const { change } = pending;
    const isSame =
      change.number === asked.number &&
      hasMembers(change, asked.members) &&
      (asked.cookie === undefined || asked.cookie === change.cookie);
    return isSame ? pending.done : Promise.reject(refusalError({ why: 'another change' }));
  }

  private tryPropose(pending: Pending): void {
    const { core } = this.parts;
    const { change } = pending;
    const { configuration } = core.configurations.quorum;
    const next = { ...change, highestId: highestIdOf(configuration) };
    const bytes = encodeChange(next);
    const batch = { kind: BatchKind.configuration, digest: digestOf(bytes, 0, bytes.length), bytes };
    const proposed = core.reconfiguration.propose(next, batch);
    if (typeof proposed === 'number') pending.isProposed = true;
    else if (proposed.why === 'not leading') this.end(({ reject }) => reject(this.notLed()));
    // Who leads anew has heard nobody yet.
    else if (proposed.why === 'not now' || proposed.why === 'no majority') pending.held = proposed;
    else this.refuse(proposed);
  }

  private notLed(): IndelibleError {
    const { leader, self } = this.parts.core;
    const whom = leader === 0 ? 'nobody does now' : `ask replica ${leader}`;
    return notMade(`replica ${self} does not lead, ${whom}`, ErrorCode.notExecuted);
  }

  private refuse(refusal: Refusal): void {
    this.end(({ reject }) => reject(refusalError(refusal)));
  }

  private end(tell: (pending: Pending) => void): void {
    const { pending } = this;
    this.pending = undefined;
    if (pending !== undefined) tell(pending);
  }
}

/** Why the members stay as they are, for a person. */
export function refusalError(refusal: Refusal): IndelibleError {
  switch (refusal.why) {
    case 'not caught up': {
      const sentence = `replica ${refusal.who} has not caught up: it becomes a voter when it has`;
      return notMade(sentence, ErrorCode.notCaughtUp);
    }
    case 'id used':
      return notMade(`the id ${refusal.who} was used before, and ids are used once: take a higher one`);
    case 'other store':
      return notMade(`replica ${refusal.who} has another store: a new store gets a new id`);
    case 'not a learner first':
      return notMade(`replica ${refusal.who} is new, and a learner first: it votes when it has caught up`);
    case 'no majority':
      return notMade('a majority of the voters that are to be does not answer: start them first');
    case 'another change':
      return notMade('another change was first, or is under way: look at the members, and decide again');
    default:
      return notMade('the log had no room for it in time', ErrorCode.notExecuted);
  }
}

function notMade(why: string, code: ErrorCode = ErrorCode.membersRefused): IndelibleError {
  return new IndelibleError(code, `the members stay as they are: ${why}`);
}

function unknown(): IndelibleError {
  const sentence = 'it is not known whether the members have changed, or will: look at them, and ask again';
  return new IndelibleError(ErrorCode.unknown, sentence);
}
