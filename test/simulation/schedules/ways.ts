/** The way that a replica finds to a leader which it does not hear itself. */
import { Executor } from '../../../lib/replica/executor.js';
import { Forwarder } from '../../../lib/replica/forwarder.js';
import { Queries } from '../../../lib/replica/queries.js';
import type { StateMachine } from '../../../lib/replica/state-machine.js';
import { Submissions } from '../../../lib/replica/submissions.js';
import { nodeRuntime } from '../../../lib/runtime.js';
import type { Address } from '../../../lib/transport/address.js';
import type { Socket } from '../../../lib/transport/sockets.js';
import { encodeClientMessage } from '../../../lib/wire/client-codec.js';
import { NO_BYTES } from '../../../lib/wire/frame.js';
import { encodeHello, HelloRole, NO_OPENING, NO_SALT } from '../../../lib/wire/hello-codec.js';
import { PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from '../../../lib/wire/protocol.js';
import { Writer } from '../../../lib/wire/writer.js';
import { End } from './end.js';
import { mustBe, type Schedule } from './schedule.js';

const CLUSTER = '01'.repeat(16);
const LIMITS = { commandBytesMax: 99, batchBytesTarget: 512, batchBytesMax: 1024, waitingBytesMax: 4096 };
const REQUESTER = { outcome: () => {}, drain: () => {} };

function words(encode: (writer: Writer) => unknown): Buffer {
  const writer = new Writer(256);
  encode(writer);
  return Buffer.from(writer.bytes.subarray(0, writer.length));
}

/** Lets what was promised come to its end. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Replica 3, which has a command to pass on, and the ends of its connections with replicas 1 and 2. */
class CutOff {
  readonly ends = new Map<number, End>();
  readonly forwarder: Forwarder;
  private readonly submissions = new Submissions(LIMITS);
  private readonly queries = new Queries(new Executor({} as StateMachine, { through: 0, timeMs: 0 }));

  constructor() {
    const connect = (_address: Address, wanted: number): Socket => {
      const end = new End();
      this.ends.set(wanted, end);
      return end.socket;
    };
    this.forwarder = new Forwarder({
      self: 3,
      clusterId: CLUSTER,
      addresses: new Map([1, 2].map((id) => [id, `10.0.0.${id}:7000`])),
      key: undefined,
      wake: () => {},
      runtime: nodeRuntime,
      sockets: { connect, listen: () => Promise.reject(new Error('nobody calls')) },
    });
    for (const peer of [1, 2]) this.forwarder.peer(peer, true);
    this.submissions.add(REQUESTER, 1, 1, Buffer.from([1, 0, 0, 0, 7]), 0, 5);
  }

  forward(): void {
    this.forwarder.forward(this.submissions, this.queries);
  }

  /** Replica `id` takes the connection, and says that it leads. */
  async leads(id: number): Promise<void> {
    const end = this.ends.get(id)!;
    const hello = {
      ...({ type: 'hello', version: PROTOCOL_VERSION, versionMin: PROTOCOL_VERSION_MIN } as const),
      ...{ role: HelloRole.replica, replicaId: id, wantedId: 0, clusterId: CLUSTER },
      ...{ storeUuid: '02'.repeat(16), configurationNumber: 1, opening: NO_OPENING },
      ...{ salt: NO_SALT, added: NO_BYTES },
    };
    end.give(words((writer) => encodeHello(writer, hello)));
    await turn();
    const lead = 65536 + id;
    end.give(
      words((writer) => encodeClientMessage(writer, { type: 'leaderIs', leader: id, lead, clockMs: 1 })),
    );
  }
}

export const ways: readonly Schedule[] = [
  {
    name: 'who was found to lead while nobody was heard is no way when it is heard no longer',
    run: async () => {
      const third = new CutOff();
      const { forwarder } = third;
      forwarder.follow(1);
      forwarder.follow(0);
      third.forward();
      await third.leads(2);
      mustBe(forwarder.isReady, true, 'a way through replica 2, which says that it leads');
      forwarder.follow(2);
      forwarder.follow(0);
      mustBe(forwarder.isReady, false, 'a way when replica 2 is heard no longer');
      forwarder.close();
    },
  },
];
