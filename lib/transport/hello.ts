/**
 * Who may talk to this replica: the judgement on a hello, from either end of a connection (contract 7:
 * messages of another cluster, or of an earlier store of the same id, never get through). Where there is a
 * key, only who has it comes this far (greeting.ts).
 *
 * 1. The caller says who it is and whom it wants; the listener judges, and answers with its own hello or with
 *    a refusal that says why. The caller judges the answer by the same rules.
 * 2. A replica is taken for who it says only if it is another member of the configuration and speaks for that
 *    member's store: the one that was met last, not one formatted again, an older copy, or a second process.
 * 3. A client may name the cluster it wants, or none, and is told who answers.
 * 4. A refusal names no cluster, store or replica that who is refused has not named.
 *
 * 5. Who knows a later configuration than this replica does may be a member of that one: it is let in, so
 *    that this replica hears of it. A caller that lags is let in if it is a member still, to catch up.
 * 6. A replica that was removed is told so, and not let in.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { highestIdOf } from '../paxos/configuration-batch.js';
import type { Configuration, Identity, Opening, ReplicaId } from '../types.js';
import { NO_BYTES } from '../wire/frame.js';
import type { Hello, Refusal } from '../wire/hello-codec.js';
import { HelloRole, NO_OPENING, NO_SALT, NO_UUID, RefusalCode } from '../wire/hello-codec.js';
import { PROTOCOL_VERSION, PROTOCOL_VERSION_MIN, versionWith } from '../wire/protocol.js';

/** What is remembered of peers' stores. */
export interface KnownStores {
  /** The opening met last; undefined if none was. */
  of(peer: ReplicaId): Opening | undefined;
  /** Durable when it returns, if the disk takes it. */
  remember(peer: ReplicaId, opening: Opening): void;
}

/** Who this replica is, and whom it knows. */
export interface Self {
  readonly identity: Identity;
  readonly opening: Opening;
  /** In force here. */
  readonly configuration: Configuration;
  readonly known: KnownStores;
}

/** What this replica says first, or answers; `wantedId` is 0 in an answer. */
export function replicaHello(self: Self, wantedId: ReplicaId): Hello {
  return {
    type: 'hello',
    version: PROTOCOL_VERSION,
    versionMin: PROTOCOL_VERSION_MIN,
    role: HelloRole.replica,
    replicaId: self.identity.replicaId,
    wantedId,
    clusterId: self.identity.clusterId,
    storeUuid: self.identity.storeUuid,
    configurationNumber: self.configuration.number,
    opening: self.opening,
    salt: NO_SALT,
    added: NO_BYTES,
  };
}

/** Who asks over a client's connection. */
export interface Caller {
  /** The same for all connections that one asker opens one after the other, and of nobody else. */
  readonly number: number;
  /** Counts them, from 1: the next one takes the place of those before it. */
  readonly connection: number;
}

/** The first connection of an asker of its own; `random` is uniform in [0, 1). */
export function newCaller(random: number): Caller {
  return { number: 1 + Math.floor(random * (2 ** 53 - 1)), connection: 1 };
}

/** Who asks: a client, or a replica for its own clients. */
export type AskerRole = typeof HelloRole.client | typeof HelloRole.frontEnd;

/** What a client or a front end says first. Without a cluster id it takes any cluster. */
export function clientHello(
  role: AskerRole,
  clusterId: string | undefined,
  wantedId: ReplicaId,
  caller: Caller,
): Hello {
  return {
    type: 'hello',
    version: PROTOCOL_VERSION,
    versionMin: PROTOCOL_VERSION_MIN,
    role,
    replicaId: 0,
    wantedId,
    clusterId: clusterId ?? NO_UUID,
    storeUuid: NO_UUID,
    configurationNumber: 0,
    opening: { ...NO_OPENING, nonce: caller.number, generation: caller.connection },
    salt: NO_SALT,
    added: NO_BYTES,
  };
}

/** Why `self` does not talk to the caller that said `hello`; undefined if it does. */
export function refusalOfCaller(hello: Hello, self: Self): Refusal | undefined {
  const { identity } = self;
  const foreign = refusalOfCluster(hello, identity.clusterId);
  if (foreign !== undefined) return foreign;
  if (hello.wantedId !== 0 && hello.wantedId !== identity.replicaId) {
    return refusal(RefusalCode.wrongReplica, `this is not replica ${hello.wantedId}: check the addresses`);
  }
  return hello.role === HelloRole.replica ? refusalOfMember(hello, self) : undefined;
}

/** Why `self`, who dialled replica `wantedId`, does not talk to whoever answered `hello`. */
export function refusalOfAnswer(hello: Hello, self: Self, wantedId: ReplicaId): Refusal | undefined {
  const foreign = refusalOfServer(hello, self.identity.clusterId, wantedId);
  return foreign ?? refusalOfMember(hello, self);
}

/** Why a client does not talk to the replica that answered `hello`. `wantedId` 0: any replica will do. */
export function refusalOfServer(
  hello: Hello,
  clusterId: string | undefined,
  wantedId: ReplicaId,
): Refusal | undefined {
  const foreign = refusalOfCluster(hello, clusterId ?? NO_UUID);
  if (foreign !== undefined) return foreign;
  if (hello.role !== HelloRole.replica || (wantedId !== 0 && hello.replicaId !== wantedId)) {
    return refusal(RefusalCode.wrongReplica, `replica ${wantedId} was wanted, ${hello.replicaId} answered`);
  }
  return undefined;
}

/** The error that whoever was refused reports. */
export function strangerError(answer: Refusal, path: string): IndelibleError {
  return new IndelibleError(ErrorCode.stranger, `${path}: ${answer.text}`, { path });
}

/** The version to speak with whoever said `hello`; undefined if there is none. */
export function versionToSpeak({ version, versionMin }: Hello): number | undefined {
  return versionWith({ oldest: versionMin, newest: version });
}

/** Why nobody talks to an end that speaks none of the versions here, whatever it says. */
export function refusalOfVersion({ version, versionMin }: Hello): Refusal {
  const there = versionsFrom(versionMin, version);
  const here = versionsFrom(PROTOCOL_VERSION_MIN, PROTOCOL_VERSION);
  return refusal(RefusalCode.version, `protocol ${there} is spoken there, ${here} here`);
}

function versionsFrom(oldest: number, newest: number): string {
  return oldest === newest ? `version ${newest}` : `version ${oldest} to ${newest}`;
}

function refusalOfCluster(hello: Hello, clusterId: string): Refusal | undefined {
  const any = hello.clusterId === NO_UUID && hello.role !== HelloRole.replica;
  if (any || clusterId === NO_UUID || hello.clusterId === clusterId) return undefined;
  return refusal(RefusalCode.cluster, `cluster ${hello.clusterId} is not the one here`);
}

function refusalOfMember(hello: Hello, self: Self): Refusal | undefined {
  const id = hello.replicaId;
  if (id === self.identity.replicaId) {
    return refusal(RefusalCode.ownId, `replica ${id} is this one: two replicas have the same id`);
  }
  const { configuration } = self;
  const member = configuration.members.find((each) => each.id === id);
  if (member === undefined) {
    if (hello.configurationNumber <= configuration.number) return refusalOfNoMember(id, configuration);
  } else if (member.storeUuid !== hello.storeUuid) {
    return refusal(
      RefusalCode.storeUuid,
      `replica ${id} has another store in configuration ${configuration.number} than ${hello.storeUuid}`,
    );
  }
  const reason = reasonAgainst(hello.opening, self.known.of(id));
  return reason === undefined
    ? undefined
    : refusal(RefusalCode.staleStore, `the store of replica ${id} is not the one that voted: ${reason}`);
}

function refusalOfNoMember(id: ReplicaId, configuration: Configuration): Refusal {
  const { number } = configuration;
  if (id > highestIdOf(configuration)) {
    return refusal(RefusalCode.unknownId, `replica ${id} is not in configuration ${number}`);
  }
  return refusal(RefusalCode.removed, `replica ${id} was removed: it is not in configuration ${number}`);
}

/** Why a store opened like this is not the one, or not as new as the one, that was met before. */
function reasonAgainst(opening: Opening, known: Opening | undefined): string | undefined {
  if (known === undefined) return undefined;
  if (opening.incarnation !== known.incarnation) return 'it was formatted again';
  // A lost store does not know its generation, and says nothing that an acceptor may say.
  if (opening.generation === 0 || opening.generation > known.generation) return undefined;
  if (opening.generation < known.generation) {
    return `it is an older copy (opening ${opening.generation}; ${known.generation} was seen)`;
  }
  return opening.nonce === known.nonce ? undefined : 'another process has opened a copy of it';
}

function refusal(code: RefusalCode, text: string): Refusal {
  return { type: 'refusal', code, text };
}
