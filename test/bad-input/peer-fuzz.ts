/**
 * Frames with a good CRC and hostile numbers, of every kind, to real replicas over real sockets: somebody who
 * has a member's identity and the key says hello as that member, or as a client, and then anything.
 *
 * Properties
 * 1. No replica stops: at most it finds that it was told of two batches for one slot (contracts 4, 15), which
 *    no Paxos survives. Then the cluster is made anew.
 * 2. No replica spins: every connection comes to its end, and after some of them the others commit.
 * 3. What the process holds stays within a bound.
 *
 * Batches are empty: what is in one is for the state machine, and a member that leads may propose anything.
 */
import fc from 'fast-check';
import { Counter } from '../../examples/counter.js';
import type { Replica } from '../../lib/index.js';
import type { Message } from '../../lib/paxos/messages.js';
import { digestOf } from '../../lib/storage/crc64.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { clusterKeys } from '../../lib/transport/proof.js';
import type { Digest } from '../../lib/types.js';
import { encodeClientMessage } from '../../lib/wire/client-codec.js';
import type { ClientMessage } from '../../lib/wire/client-messages.js';
import { NO_BYTES } from '../../lib/wire/frame.js';
import { type Hello, HelloRole, NO_OPENING, NO_SALT } from '../../lib/wire/hello-codec.js';
import { PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from '../../lib/wire/protocol.js';
import { Writer } from '../../lib/wire/writer.js';
import { TestCluster } from '../replica/cluster.js';
import { greet } from '../transport/greets.js';
import { RawConnection } from '../transport/raw-connection.js';
import { frameOf, hostileMessage, hostileNumber } from '../wire/hostile-messages.js';

/** The member that lies. It is never started; the other two are a majority. */
const HOSTILE = 3;
const HONEST: readonly number[] = [1, 2];
const VOLLEY_MAX = 100;
/** Connections between two commits that are waited for. */
const VOLLEYS_A_COMMIT = 8;
const HEAP_BYTES_MAX = 1 << 30;
const DIVERGED = /contract (4|15) /;
const NOTHING = digestOf(Buffer.alloc(0), 0, 0);
const COMMAND = Buffer.from('add 1');

export interface PeerFuzzOptions {
  readonly seed: number;
  readonly messages: number;
  /** Told now and then how many have been sent. */
  readonly progress?: (sent: number) => void;
}

export interface PeerFuzzReport {
  readonly sent: number;
  readonly connections: number;
  readonly commits: number;
  /** Times that a replica found that it had been told of a batch that nobody chose. */
  readonly diverged: number;
}

/** @throws for what breaks a property; whoever calls names the seed first, for what never ends. */
export async function fuzzPeers({ seed, messages, progress }: PeerFuzzOptions): Promise<PeerFuzzReport> {
  const total = { sent: 0, connections: 0, commits: 0, diverged: 0 };
  let attacked = await Attacked.start();
  try {
    for (let volley = 0; total.sent < messages; volley++) {
      const frames = drawVolley(seed + volley);
      const to = HONEST[volley % HONEST.length]!;
      await attacked.say(to, frames.asMember, volley + 1, frames.bytes);
      total.sent += frames.bytes.length;
      total.connections++;
      if (volley % VOLLEYS_A_COMMIT > 0) continue;
      progress?.(total.sent);
      if (await attacked.commits()) total.commits++;
      else {
        total.diverged++;
        await attacked.end();
        attacked = await Attacked.start();
      }
    }
  } finally {
    await attacked.end();
  }
  return total;
}

interface Volley {
  readonly asMember: boolean;
  readonly bytes: readonly Uint8Array[];
}

/** What is said on one connection. */
function drawVolley(seed: number): Volley {
  const [asMember] = fc.sample(fc.boolean(), { seed, numRuns: 1 });
  const numRuns = 1 + (seed % VOLLEY_MAX);
  const sent = asMember
    ? fc.sample(hostileMessage(HOSTILE), { seed, numRuns }).map((message) => frameOf(emptied(message)))
    : fc.sample(hostileRequest, { seed, numRuns }).map(clientFrame);
  return { asMember: asMember === true, bytes: sent.filter((frame) => frame !== undefined) };
}

/** The same with batches that hold nothing, of which most have the digest of nothing. */
function emptied(message: Message): Message {
  const digestFrom = (digest: Digest): Digest => (digest % 4 === 0 ? digest : NOTHING);
  if (message.type === 'accept') {
    return { ...message, kind: 0, bytes: Buffer.alloc(0), digest: digestFrom(message.digest) };
  }
  if (message.type !== 'chosen' && message.type !== 'promised') return message;
  const votes = message.votes.map((vote) => ({
    ...vote,
    kind: 0 as const,
    digest: digestFrom(vote.digest),
    bytes: vote.bytes === undefined ? undefined : Buffer.alloc(0),
  }));
  return { ...message, votes };
}

const type = <T extends string>(name: T): fc.Arbitrary<T> => fc.constant(name);
const count = fc.oneof(fc.nat(3), fc.constantFrom(2 ** 31, 2 ** 32 - 1));
const body = fc.oneof(fc.constant(Buffer.of(5, 0, 0, 0, ...COMMAND)), fc.uint8Array({ maxLength: 16 }));
const lead = fc.oneof(
  hostileNumber,
  fc
    .tuple(fc.integer({ min: 1, max: 20 }), fc.constantFrom(...HONEST))
    .map(([round, id]) => round * 65536 + id),
);
const terms = { first: hostileNumber, count, lead, deadlineMs: hostileNumber, body };
const hostileRequest: fc.Arbitrary<ClientMessage> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: type('submit'), ...terms }) },
  { weight: 4, arbitrary: fc.record({ type: type('query'), ...terms }) },
  { weight: 1, arbitrary: fc.record({ type: type('statusRequest') }) },
  { weight: 1, arbitrary: fc.record({ type: type('relay') }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: type('leaderIs'), leader: fc.nat(4), lead, clockMs: hostileNumber }),
  },
);

function clientFrame(message: ClientMessage): Uint8Array {
  const writer = new Writer();
  const tail = encodeClientMessage(writer, message);
  return Buffer.concat([writer.bytes.subarray(0, writer.length), tail]);
}

/** Two replicas of three, and what is said to them in the name of the third. */
export class Attacked {
  private readonly cluster: TestCluster;
  private failure: Error | undefined;

  private constructor(cluster: TestCluster) {
    this.cluster = cluster;
  }

  static async start(): Promise<Attacked> {
    const storage = () => ({ mode: 'memory', disk: new MemoryDisk() }) as const;
    const cluster = await TestCluster.format({ size: 3, machine: () => new Counter(), storage });
    const attacked = new Attacked(cluster);
    for (const id of HONEST) {
      const replica = await cluster.open(id);
      replica.on('failure', (error) => {
        attacked.failure ??= error;
      });
    }
    await cluster.leader();
    return attacked;
  }

  /**
   * Says hello, all `frames`, and no more; resolves when the replica has taken all of it, and closed. One
   * that has stopped meanwhile hears nothing: `commits` tells why it has.
   */
  async say(to: number, asMember: boolean, ordinal: number, frames: readonly Uint8Array[]): Promise<void> {
    const { identity, configuration } = this.cluster.replicas.get(to)!;
    const store = configuration.members.find(({ id }) => id === HOSTILE)!;
    const hello: Hello = {
      type: 'hello',
      version: PROTOCOL_VERSION,
      versionMin: PROTOCOL_VERSION_MIN,
      role: asMember ? HelloRole.replica : HelloRole.client,
      replicaId: asMember ? HOSTILE : 0,
      wantedId: to,
      clusterId: identity.clusterId,
      storeUuid: asMember ? store.storeUuid : '0'.repeat(32),
      configurationNumber: 1,
      opening: asMember ? { incarnation: 1, generation: ordinal, nonce: ordinal } : NO_OPENING,
      salt: NO_SALT,
      added: NO_BYTES,
    };
    try {
      const raw = await RawConnection.open(this.cluster.addressOf(to));
      await greet(raw, hello, clusterKeys(this.cluster.key));
      raw.socket.end(Buffer.concat(frames));
      await raw.closed;
    } catch (error) {
      if (this.failure === undefined) throw error;
    }
  }

  /**
   * True once both replicas have had a command executed. False if one has stopped because of what no Paxos
   * survives. @throws if one has stopped otherwise
   */
  async commits(): Promise<boolean> {
    for (const id of HONEST) {
      const replica = this.cluster.replicas.get(id)!;
      while (!(await isDone(replica))) {
        if (this.failure === undefined) continue;
        if (DIVERGED.test(this.failure.message)) return false;
        throw this.failure;
      }
    }
    const { heapUsed } = process.memoryUsage();
    if (heapUsed > HEAP_BYTES_MAX) throw new Error(`${heapUsed} bytes are held`);
    return true;
  }

  /** The rounds that the replicas have promised. */
  promised(): readonly number[] {
    return HONEST.map((id) => Number(this.cluster.replicas.get(id)!.status().promised.split('.')[0]));
  }

  end(): Promise<void> {
    return this.cluster.closeAll();
  }
}

async function isDone(replica: Replica): Promise<boolean> {
  try {
    await replica.propose(COMMAND);
    return true;
  } catch {
    return false;
  }
}
