/**
 * Clients of the peer port: each connection is a requester of this replica's service.
 *
 * 1. Only a leader, or who passes them on to one, takes a client's requests, and only such as its log can
 *    hold, in the lead that they were asked of: a request that was on its way while others led is not taken
 *    in a later lead. To all others the answer is *not executed*, and who leads, so that nothing is forwarded
 *    in circles. Nothing a client sends throws.
 * 2. Commands are answered in the order in which they came, and queries in theirs: what a replica that
 *    leads no longer refuses waits for what it took before.
 * 3. Results that a client does not take are bounded: answers to queries wait for it; results of
 *    commands, which cannot, are left out where there is no room for them, the largest first. So one
 *    client of a follower that asks for much does not end the connection that all its clients share.
 * 4. What the other end has given up (its connection is closed, or the same asker has opened the next one)
 *    and is not proposed yet never is; nor is it forwarded when another leads.
 * 5. A connection that submits faster than slots become free is not read from until there is room.
 * 6. A replica that cannot reach the leader, and nobody else, may ask a follower to pass on what it asks
 *    (relays.ts). From then on its connection is one to the leader: who leads, and at which ballot, is what
 *    the leader says.
 * 7. What a client takes a back-up of is kept for it until it has it, hangs up, or stands still
 *    (backup-source.ts).
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import type { Runtime } from '../runtime.js';
import type { ClientConnection } from '../transport/client-connection.js';
import type { Caller } from '../transport/hello.js';
import type { ReplicaId } from '../types.js';
import {
  type BackupRequest,
  type ClientMessage,
  MembersOutcome,
  type Query,
  SkipOutcome,
  type SkipRequest,
  type Submit,
} from '../wire/client-messages.js';
import type { BackupSource, BackupSources } from './backup-source.js';
import type { MembersChange } from './members-change.js';
import type { Relay, Relays } from './relays.js';
import { Outcome, type Requester, type Service } from './service.js';
import type { SessionTerms } from './sessions/session-terms.js';
import type { Skip } from './skip-record.js';

/** What the host lets its clients do. */
export interface ClientHost extends Omit<Service, 'submit'> {
  /** As Service.submit, of the leader: within a session, or (undefined) within none. */
  submitFor(
    requester: Requester,
    first: number,
    count: number,
    body: Uint8Array,
    terms: SessionTerms | undefined,
  ): boolean;
  readonly leads: boolean;
  readonly leader: ReplicaId;
  /** The ballot at which it leads; 0 if it does not. */
  readonly lead: number;
  /** All that arrived together has been handed over. */
  settled(): void;
  /** As Replica.skip. */
  skip(skip: Skip): Promise<void>;
  /** As Replica.changeMembers. */
  changeMembers(change: MembersChange): Promise<unknown>;
  /** Asks that replica to lead. @throws ERR_INDELIBLE_NOT_EXECUTED, _STOPPED */
  handOverTo(heir: ReplicaId): void;
}

/** What a client is told of a skip that failed; of anything else nothing is known. */
const SKIP_FAILURES: ReadonlyMap<unknown, SkipOutcome> = new Map<unknown, SkipOutcome>([
  [ErrorCode.argument, SkipOutcome.notExecuted],
  [ErrorCode.notExecuted, SkipOutcome.notExecuted],
  [ErrorCode.stopped, SkipOutcome.notExecuted],
  [ErrorCode.notHalted, SkipOutcome.notHalted],
  [ErrorCode.diverged, SkipOutcome.diverged],
]);

/** What a client is told of a change of members, or of the lead, that failed. */
const MEMBERS_FAILURES: ReadonlyMap<unknown, MembersOutcome> = new Map<unknown, MembersOutcome>([
  [ErrorCode.notExecuted, MembersOutcome.notExecuted],
  [ErrorCode.stopped, MembersOutcome.notExecuted],
  [ErrorCode.membersRefused, MembersOutcome.refused],
  [ErrorCode.argument, MembersOutcome.refused],
  [ErrorCode.network, MembersOutcome.refused],
  [ErrorCode.notCaughtUp, MembersOutcome.notCaughtUp],
]);

const NO_BYTES = new Uint8Array(0);

/** Milliseconds after which clients are told the clock again. */
const CLOCK_TOLD_MS = 1000;

export class Clients {
  private readonly host: ClientHost;
  private readonly clock: Pick<Runtime, 'monotonicMs'>;
  private readonly statusJson: () => Uint8Array;
  private readonly relays: Pick<Relays, 'begin'>;
  private readonly backups: BackupSources;
  private readonly sessions = new Set<ClientSession>();
  private toldMs = 0;

  constructor(
    host: ClientHost,
    clock: Pick<Runtime, 'monotonicMs'>,
    statusJson: () => Uint8Array,
    relays: Pick<Relays, 'begin'>,
    backups: BackupSources,
  ) {
    this.host = host;
    this.clock = clock;
    this.statusJson = statusJson;
    this.relays = relays;
    this.backups = backups;
  }

  get count(): number {
    return this.sessions.size;
  }

  readonly accept = (connection: ClientConnection): void => {
    const { host, clock, statusJson, relays, backups } = this;
    const session = new ClientSession(connection, host, clock, statusJson, relays, backups.source());
    const { number, connection: ordinal } = connection.caller;
    for (const other of [...this.sessions]) {
      if (other.caller.number !== number) continue;
      if (other.caller.connection > ordinal) return connection.destroy();
      other.hangUp();
    }
    this.sessions.add(session);
    connection.onClose = () => {
      this.sessions.delete(session);
      session.abandon();
    };
    session.sayLeader();
  };

  /** Tells everyone who leads now. */
  leaderChanged(): void {
    this.toldMs = this.clock.monotonicMs();
    for (const session of this.sessions) session.sayLeader();
  }

  /** Tells everyone now and then, so that they know the clock here. */
  tick(nowMs: number): void {
    this.backups.tick(nowMs);
    if (nowMs - this.toldMs >= CLOCK_TOLD_MS) this.leaderChanged();
  }
}

class ClientSession {
  readonly caller: Caller;
  private readonly clock: Pick<Runtime, 'monotonicMs'>;
  private readonly connection: ClientConnection;
  private readonly host: ClientHost;
  private readonly statusJson: () => Uint8Array;
  private readonly submits: Line;
  private readonly queries: Line;
  private readonly relays: Pick<Relays, 'begin'>;
  private readonly backup: BackupSource;
  /** The way to the leader, where what is asked here is passed on. */
  private relay: Relay | undefined;
  private refused: (Submit | Query)[] = [];

  constructor(
    connection: ClientConnection,
    host: ClientHost,
    clock: Pick<Runtime, 'monotonicMs'>,
    statusJson: () => Uint8Array,
    relays: Pick<Relays, 'begin'>,
    backup: BackupSource,
  ) {
    this.relays = relays;
    this.backup = backup;
    this.caller = connection.caller;
    this.clock = clock;
    this.statusJson = statusJson;
    this.connection = connection;
    this.host = host;
    const goOn = (): void => this.continue();
    this.submits = new Line(connection, Outcome.unknown, goOn);
    this.queries = new Line(connection, Outcome.notExecuted, goOn);
    connection.onMessage = (message) => this.receive(message);
    connection.onSettled = () => {
      this.relay?.flush();
      host.settled();
    };
    connection.onDrain = goOn;
  }

  sayLeader(): void {
    const { leader, lead } = this.relay ?? this.host;
    const clockMs = Math.floor(this.clock.monotonicMs());
    this.connection.send({ type: 'leaderIs', leader, lead, clockMs });
  }

  hangUp(): void {
    this.abandon();
    this.connection.destroy();
  }

  abandon(): void {
    this.refused = [];
    this.submits.hasGivenUp = true;
    this.backup.end();
    this.relay?.abandon([this.submits, this.queries]);
    this.host.abandon(this.submits);
    this.host.abandon(this.queries);
  }

  private receive(message: ClientMessage): void {
    if (this.submits.hasGivenUp) return;
    switch (message.type) {
      case 'submit':
      case 'query':
        if (this.refused.length > 0 || !this.place(message)) {
          this.refused.push(message);
          this.connection.pause();
        }
        return;
      case 'statusRequest':
        return this.connection.send({ type: 'statusReply', body: this.statusJson() });
      case 'relay':
        return this.beginRelay();
      case 'skipRequest':
        return this.skip(message);
      case 'backupRequest':
        return this.giveBackup(message);
      case 'membersRequest':
        return this.arrange(() => this.host.changeMembers(message.change));
      case 'leadRequest':
        return this.arrange(() => this.host.handOverTo(message.replica));
      case 'backupReply':
      case 'membersReply':
      case 'outcomes':
      case 'leaderIs':
      case 'skipReply':
      case 'statusReply':
        // A server's words from a client: it does not speak the protocol.
        return this.connection.close();
    }
  }

  /** Passes on to the leader what is asked from now on; hangs up where that cannot be. */
  private beginRelay(): void {
    const { leader, leads } = this.host;
    // To ask in another's name, and to open connections here, is for replicas.
    if (!this.connection.isFrontEnd) return this.connection.close();
    if (this.relay !== undefined || leads || this.submits.owed + this.queries.owed > 0) return;
    this.relay = this.relays.begin(leader, this.caller, {
      changed: () => {
        this.sayLeader();
        this.connection.flush();
      },
      settled: () => this.connection.flush(),
      closed: () => this.connection.close(),
    });
    if (this.relay === undefined) this.connection.close();
  }

  private skip(skip: SkipRequest): void {
    const reply = (outcome: SkipOutcome, sentence: string): void => {
      this.connection.send({ type: 'skipReply', outcome, sentence });
      this.connection.flush();
    };
    this.host.skip(skip).then(
      () => reply(SkipOutcome.done, ''),
      (error: Error & { code?: unknown }) =>
        reply(SKIP_FAILURES.get(error.code) ?? SkipOutcome.unknown, error.message),
    );
  }

  private giveBackup(request: BackupRequest): void {
    this.connection.send(this.backup.answer(request));
  }

  /** Does what an operator wishes of the members, and says what came of it. */
  private arrange(work: () => unknown): void {
    const reply = (outcome: MembersOutcome, sentence: string): void => {
      this.connection.send({ type: 'membersReply', outcome, sentence });
      this.connection.flush();
    };
    const failed = (error: Error & { code?: unknown }): void =>
      reply(MEMBERS_FAILURES.get(error.code) ?? MembersOutcome.unknown, error.message);
    Promise.resolve()
      .then(work)
      .then(() => reply(MembersOutcome.done, ''), failed);
  }

  /** Goes on after back-pressure in either direction, or when what came before is answered. */
  private continue(): void {
    while (this.refused.length > 0) {
      if (!this.place(this.refused[0]!)) return;
      this.refused.shift();
    }
    if (!this.connection.writableNeedDrain) this.connection.resume();
    this.relay?.flush();
    this.host.flush();
  }

  /** False: not now; something calls `continue`. */
  private place(message: Submit | Query): boolean {
    const { type, first, count } = message;
    const line = type === 'submit' ? this.submits : this.queries;
    const taken = this.isAsked(message.lead) ? this.offer(line, message) : undefined;
    if (taken === undefined) {
      if (line.owed > 0) {
        line.isWaitedFor = true;
        return false;
      }
      this.connection.sendOutcomes(first, count, Outcome.notExecuted, NO_BYTES, 0, 0);
      this.sayLeader();
      return true;
    }
    if (taken) line.owed += count;
    return taken;
  }

  private isAsked(lead: number): boolean {
    const { relay, host } = this;
    return relay === undefined ? host.leads && lead === host.lead : relay.lead !== 0 && lead === relay.lead;
  }

  /** Undefined: the host never will take it; a command may be larger than its log has room for. */
  private offer(line: Line, message: Submit | Query): boolean | undefined {
    const { type, first, count, deadlineMs, body } = message;
    const terms = message.type === 'submit' ? message.terms : undefined;
    // Answers are in order, so that nothing is over before what was asked before it.
    line.deadlineMs = Math.max(line.deadlineMs, deadlineMs);
    try {
      if (this.relay !== undefined)
        return this.relay.pass(type, line, first, count, body, line.deadlineMs, terms);
      return type === 'submit'
        ? this.host.submitFor(line, first, count, body, terms)
        : this.host.query(line, first, count, body, 0, body.length);
    } catch (error) {
      if (error instanceof IndelibleError) return undefined;
      throw error;
    }
  }
}

/** The commands of a connection, or its queries: what is answered in the order asked. */
class Line implements Requester {
  /** Requests that the host took and has not answered. */
  owed = 0;
  hasGivenUp = false;
  deadlineMs = 0;
  readonly isLeaderOnly = true;
  /** What comes behind goes on when nothing is owed any more. */
  isWaitedFor = false;
  readonly drain: () => void;
  private readonly connection: ClientConnection;
  /** What a request is told whose result has no room. */
  private readonly withoutRoom: Outcome;

  constructor(connection: ClientConnection, withoutRoom: Outcome, goOn: () => void) {
    this.connection = connection;
    this.withoutRoom = withoutRoom;
    this.drain = goOn;
  }

  get isFull(): boolean {
    return this.connection.writableNeedDrain;
  }

  outcome(
    first: number,
    count: number,
    outcome: Outcome,
    results: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.owed -= count;
    this.connection.sendOutcomes(first, count, outcome, results, start, end, this.withoutRoom);
    if (this.connection.writableNeedDrain) this.connection.pause();
    if (this.owed > 0 || !this.isWaitedFor) return;
    this.isWaitedFor = false;
    this.drain();
  }
}
