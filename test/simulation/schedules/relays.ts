/** What a follower passes on to its leader for a replica that is cut off from the leader alone. */
import { type BackupParts, BackupSources } from '../../../lib/replica/backup-source.js';
import { Clients } from '../../../lib/replica/clients.js';
import { type Relay, type RelayEvents, Relays } from '../../../lib/replica/relays.js';
import { nodeRuntime } from '../../../lib/runtime.js';
import type { ClientConnection } from '../../../lib/transport/client-connection.js';
import type { Caller } from '../../../lib/transport/hello.js';
import type { Socket } from '../../../lib/transport/sockets.js';
import type { Ballot } from '../../../lib/types.js';
import { FRAME_HEADER_BYTES } from '../../../lib/wire/frame.js';
import { decodeGreeting } from '../../../lib/wire/hello-codec.js';
import { FrameKind, PROTOCOL_VERSION } from '../../../lib/wire/protocol.js';
import { mustBe, type Schedule } from './schedule.js';

const LEAD = 65537;
const BODY = Buffer.from([1, 0, 0, 0, 7]);
const CALLER: Caller = { number: 77, connection: 5 };

/** A follower, and a client of it; what it begins and passes on is written down in `did`. */
class Follower {
  readonly did: unknown[] = [];
  readonly host = {
    leads: false,
    leader: 2,
    lead: 0 as Ballot,
    submitFor: () => this.did.push('submitted here') > 0,
    query: () => this.did.push('asked here') > 0,
    abandon: () => {},
    flush: () => {},
    settled: () => {},
    skip: (): Promise<void> => Promise.resolve(),
    changeMembers: () => Promise.resolve(),
    handOverTo: () => {},
  };
  readonly relay = {
    leader: 0,
    lead: 0,
    pass: (
      type: string,
      _asker: unknown,
      first: number,
      _count: number,
      _body: unknown,
      deadlineMs: number,
    ) => {
      return this.did.push([type, first, deadlineMs]) > 0;
    },
    flush: () => {},
    abandon: () => this.did.push('abandoned'),
  };
  events: RelayEvents | undefined;
  readonly connection = {
    caller: CALLER,
    isFrontEnd: true,
    writableNeedDrain: false,
    send: (message: { type: string; lead?: number }) => this.did.push([message.type, message.lead]),
    sendOutcomes: (first: number, count: number, outcome: number) => this.did.push([first, count, outcome]),
    flush: () => {},
    pause: () => {},
    resume: () => {},
    close: () => this.did.push('closed'),
    destroy: () => {},
  } as unknown as ClientConnection;

  constructor() {
    const begin = (leader: number, caller: Caller, events: RelayEvents): Relay | undefined => {
      this.did.push(['began', leader, caller]);
      this.events = events;
      return leader === 0 ? undefined : (this.relay as unknown as Relay);
    };
    const clients = new Clients(
      this.host,
      { monotonicMs: () => 0 },
      () => BODY,
      { begin },
      new BackupSources({} as BackupParts),
    );
    clients.accept(this.connection);
    this.did.length = 0;
  }

  say(type: 'submit' | 'query', first: number, lead: number, deadlineMs: number): void {
    this.connection.onMessage({ type, first, count: 1, lead, deadlineMs, body: BODY });
  }

  askRelay(): void {
    this.connection.onMessage({ type: 'relay' });
  }

  /** The leader is heard, at the lead that is given. */
  hear(lead: number): void {
    Object.assign(this.relay, { leader: 2, lead });
    this.events!.changed();
  }
}

/** What is said of a request that is not taken while nobody is known to lead. */
const refused = (first: number): readonly unknown[] => [
  [first, 1, 1],
  ['leaderIs', 0],
];

const passedOn: Schedule = {
  name: 'what a follower is to pass on goes to its leader, once, with its deadline, and at the lead asked of',
  run() {
    const follower = new Follower();
    const { did } = follower;
    follower.say('submit', 1, LEAD, 900);
    mustBe(did.splice(0), refused(1), 'a follower that was not asked to takes nothing');
    follower.askRelay();
    follower.askRelay();
    mustBe(did.splice(0), [['began', 2, CALLER]], 'it asks its leader, in the name of who asks');
    follower.say('submit', 2, LEAD, 900);
    mustBe(did.splice(0), refused(2), 'nothing is taken before the leader is heard');
    follower.hear(LEAD);
    follower.say('submit', 3, LEAD, 900);
    follower.say('submit', 4, LEAD, 901);
    follower.say('query', 2 ** 52, LEAD, 902);
    const passed = [
      ['submit', 3, 900],
      ['submit', 4, 901],
      ['query', 2 ** 52, 902],
    ];
    mustBe(did.splice(0), [['leaderIs', LEAD], ...passed], 'each goes on with its deadline');
    follower.hear(LEAD + 65536);
    did.length = 0;
    follower.say('query', 2 ** 52 + 1, LEAD, 903);
    mustBe(did.splice(0), [], 'it is held until what was passed on before it has its outcome');
  },
};

const noFurther: Schedule = {
  name: 'a replica that hears no leader passes nothing on to anybody',
  run() {
    const follower = new Follower();
    follower.host.leader = 0;
    follower.askRelay();
    mustBe(follower.did.splice(0), [['began', 0, CALLER], 'closed'], 'it hangs up');
    const leader = new Follower();
    Object.assign(leader.host, { leads: true, leader: 1, lead: LEAD });
    leader.askRelay();
    leader.say('submit', 1, LEAD, 900);
    mustBe(leader.did.splice(0), ['submitted here'], 'who leads takes requests itself');
  },
};

const given: Schedule = {
  name: 'what is left to be passed on when its asker has gone is not passed on',
  run() {
    const follower = new Follower();
    follower.askRelay();
    follower.hear(LEAD);
    follower.say('submit', 1, LEAD, 900);
    follower.did.length = 0;
    follower.connection.onClose();
    mustBe(follower.did.splice(0), ['abandoned'], 'the connection to the leader is given up');
    const other = new Follower();
    other.askRelay();
    other.hear(LEAD);
    other.did.length = 0;
    other.events!.closed();
    mustBe(other.did.splice(0), ['closed'], 'and the asker’s, when the leader’s is lost');
  },
};

const forClients: Schedule = {
  name: 'a client, which has not the key of replicas, asks a follower to pass on',
  run() {
    const follower = new Follower();
    Object.assign(follower.connection, { isFrontEnd: false });
    follower.askRelay();
    mustBe(follower.did.splice(0), ['closed'], 'it is hung up on, and nothing is opened for it');
  },
};

const inItsName: Schedule = {
  name: 'the leader is told whose connection is passed on, and which of them, and is asked as by a front end',
  run() {
    const written: Uint8Array[] = [];
    const socket = {
      writableLength: 0,
      on: () => {},
      setNoDelay: () => {},
      setKeepAlive: () => {},
      write: (bytes: Uint8Array) => written.push(Buffer.from(bytes)) > 0,
      cork: () => {},
      uncork: () => {},
      pause: () => {},
      resume: () => {},
      destroy: () => {},
      destroySoon: () => {},
    } as unknown as Socket;
    const sockets = { connect: () => socket, listen: () => Promise.reject(new Error('nobody listens')) };
    const timer = { cancel: () => {}, unref: () => timer };
    const runtime = { ...nodeRuntime, after: () => timer, every: () => timer };
    const addresses = new Map([[2, 'leader:1']]);
    const relays = new Relays({
      clusterId: 'c'.repeat(32),
      addresses,
      key: undefined,
      openMax: () => 1,
      runtime,
      sockets,
    });
    const events = { changed: () => {}, settled: () => {}, closed: () => {} };
    mustBe(relays.begin(3, CALLER, events), undefined, 'nobody is asked whose address is not known');
    mustBe(relays.begin(2, CALLER, events) === undefined, false, 'the leader is asked');
    mustBe(relays.begin(2, CALLER, events), undefined, 'and no more often than there are peers');
    const bytes = Buffer.concat(written);
    const hello = decodeGreeting(PROTOCOL_VERSION, FrameKind.hello, bytes, FRAME_HEADER_BYTES, bytes.length);
    if (hello.type !== 'hello') throw new Error('it begins with a hello');
    const { role, wantedId, opening } = hello;
    const { number: nonce, connection: generation } = CALLER;
    mustBe(
      { role, wantedId, opening },
      { role: 3, wantedId: 2, opening: { incarnation: 0, generation, nonce } },
      'hello',
    );
  },
};

export const relays: readonly Schedule[] = [passedOn, noFurther, given, forClients, inItsName];
